// The place of one actor on this node: its mailbox, cursors, outboxes, open asks and timers around the instance that runs its turns.
//
// Its border: the instance knows handlers and state, the cell knows records and numbers, the node knows routes and other nodes.
//
//     link ─┐                         ┌─► instance.turn ──► InstanceHost (this) ──► segment ──flush──► post ─► other cell, or link
//     cells ┴► arrive ─► mailbox ─► takeTurns
//                   └─► (replies, items, cancels: at once) ─► instance.settle
//
// M1 A record is handed to the instance in arrival order, each sender's in number order; it is settled in its cursor when its turn ended.
// M2 While frozen no turn begins and nothing reaches the instance; what arrives waits.
import { type AnyDefinition, type Protocol, stopMessage } from '../actors/definition.js';
import type { Where } from '../actors/ref.js';
import { Cursor } from '../delivery/cursor.js';
import { Numbered } from '../delivery/numbered.js';
import { type ChannelRecord, isTurn, type TurnRecord } from '../delivery/record.js';
import { Ring } from '../delivery/ring.js';
import { type ErrorValue, GodwitError, valueFromError } from '../errors.js';
import type { LogLevel } from '../ports/logger.js';
import type { Manifest, Tier } from '../ports/module-source.js';
import type { Instance, InstanceCapture, Payload, Target, TurnEnd } from '../ports/runtime.js';
import type { Tracer } from '../ports/tracer.js';
import { CellTrace } from './cell-trace.js';
import type { Channel } from './channel.js';
import { Outlet } from './outlet.js';
import { CellTimer, type PendingAsk } from './pending.js';
import type { Replay } from './replay.js';
import { Resets } from './resets.js';
import { movedStream, UnderWay } from './under-way.js';

/** What a cell needs of its node. */
export interface CellHost {
  readonly name: string;
  /** True to encode even what stays on this node, so that tests see what a move would. */
  readonly encodeAlways: boolean;
  readonly tracer: Tracer | undefined;
  now(): number;
  schedule(cell: Cell): void;
  startTimer(timer: PendingAsk | CellTimer, delayMs: number): void;
  stopTimer(timer: PendingAsk | CellTimer): void;
  /** Gives a new channel its route, and an old one that lost it. */
  route(channel: Channel): void;
  where(address: string): Where | undefined;
  spawnChild(parent: Cell, protocol: Protocol, definition: AnyDefinition | undefined, name: string): void;
  callHostFunction(cell: Cell, call: number, hostFunction: string, method: string, args: Payload): void;
  /** A durable actor has done something that its standby must know of before anybody else. */
  mustCheckpoint(cell: Cell): void;
  /** A turn that is run again did not send `count` records to `to` that it had sent before. */
  diverged(cell: Cell, to: string, count: number): void;
  /** A turn of `cell` ended; `threw` as its supervision decided. */
  turnEnded(cell: Cell, record: TurnRecord, end: TurnEnd): void;
  instanceFailed(cell: Cell, error: ErrorValue): void;
  /** The actor was told to stop. */
  stopActor(cell: Cell): void;
  deadLetter(cell: Cell, record: ChannelRecord, reason: string): void;
  resolve(address: string): string;
  mapStack(stack: string): string;
  log(level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** `starting`: the instance is being made; `ended`: stopped, or moved away. */
export type CellStatus = 'starting' | 'running' | 'ended';

/** An actor's place on this node. */
export class Cell {
  status: CellStatus = 'starting';
  instance: Instance | undefined = undefined;
  tier: Tier = 'native';
  manifest: Manifest | undefined = undefined;
  incarnation = 1;
  /** Boot of the home when the actor was spawned: tells it from one of the same name in another life of its home, or before its register was handed over. */
  life = '';
  epoch = 1;
  scheduled = false;
  /** True while what a durable actor did in this microtask waits to be told. */
  checkpointScheduled = false;
  /** Turns taken in the actor's life. */
  turns = 0;
  /** A checkpoint goes to the home after this many turns away from it; 0 for none. */
  checkpointTurns = 0;
  /** On this node's clock: at this moment and after it no turn begins. */
  leaseUntilMs = Number.POSITIVE_INFINITY;
  /** True if a takeover brought the actor back: a sender it does not remember may have been heard by the lost copy. */
  rolledBack = false;
  /** True while it is being captured for a move: channels to it wait in their outboxes. */
  detached = false;
  /** True if a standby knows of everything that leaves it: nothing is lost or repeated by a crash. */
  durable = false;
  /** True while records are acknowledged only by checkpoints. */
  byCheckpoint = false;
  /** Turns that the latest capture covers. */
  checkpointedTurns = 0;
  /** A turn that a lost owner had begun: it is run again first, and sends nothing twice. */
  replay: Replay | undefined = undefined;
  /** What a lost instance begins again from. */
  lastCapture: InstanceCapture | undefined = undefined;
  readonly mailbox = new Ring<TurnRecord>();
  /** Handed to the instance, not yet ended. */
  readonly inflight = new Ring<TurnRecord>();
  readonly cursors = new Map<string, Cursor>();
  /** Inbound asks and streams by the number under which the instance answers them. */
  readonly open = new Numbered<TurnRecord>();
  nextOpen = 1;
  /** Streams that were open at the capture this cell came from, and whose handlers had not called `ctx.resume`. */
  readonly endedStreams: TurnRecord[] = [];
  /** Its sending half. */
  readonly outlet: Outlet;
  /** What comes for turns and asks under way. */
  readonly underWay: UnderWay;
  /** Undefined where nobody traces. */
  readonly trace: CellTrace | undefined;
  private readonly late: Array<PendingAsk | CellTimer> = [];
  private readonly starting: Array<() => void> = [];
  private readonly drained: Array<() => void> = [];
  /** Messages whose handlers have returned without a promise so far. */
  private readonly synchronous = new Set<string>();
  readonly resets: Resets;
  private awaitsCapture = false;
  private holds = 0;
  private freezes = 0;

  /** @param immediate an application: it has no turns, so what it sends leaves at once */
  constructor(
    public target: Target,
    readonly definition: AnyDefinition | undefined,
    readonly host: CellHost,
    readonly immediate = false,
  ) {
    this.outlet = new Outlet(this, host);
    this.underWay = new UnderWay(this);
    this.trace = host.tracer === undefined ? undefined : new CellTrace(this, host.tracer);
    this.resets = new Resets(definition?.supervise);
    this.durable = definition?.durability === 'durable';
    this.byCheckpoint = this.durable;
  }

  get address(): string {
    return this.target.$address;
  }

  // ── Turns ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  hasWork(): boolean {
    if (
      this.status !== 'running' ||
      this.holds + this.freezes > 0 ||
      this.mailbox.length === 0 ||
      this.awaitsCapture ||
      this.inflight.length >= (this.durable ? 1 : (this.instance as Instance).pipelining)
    )
      return false;
    return this.leaseUntilMs === Number.POSITIVE_INFINITY || this.host.now() < this.leaseUntilMs;
  }

  /** Hands up to `budget` records to the instance. @returns how many */
  takeTurns(budget: number): number {
    let taken = 0;
    while (taken < budget && this.hasWork()) {
      if (this.durable && this.mustCaptureFirst()) break;
      const record = this.mailbox.shift() as TurnRecord;
      taken += 1;
      if (record.cancelled && this.replay === undefined) this.settled(record);
      else if (record.message === stopMessage) this.host.stopActor(this);
      else if (record.correlation === 0) this.begin(record);
      else this.beginAsk(record);
    }
    return taken;
  }

  turnEnded(end: TurnEnd): void {
    const record = this.inflight.shift() as TurnRecord;
    this.turns += 1;
    this.settled(record);
    if (this.durable) this.durableTurnEnded();
    this.host.turnEnded(this, record, end);
    this.trace?.turnEnded(end);
    if (this.holds === 0) {
      if (this.mailbox.length > 0) this.host.schedule(this);
    } else if (this.inflight.length === 0) {
      for (const resolve of this.drained.splice(0)) resolve();
    }
  }

  /**
   * D1: what a turn sends before its end is told to the standby with that turn as the one under way, so the turns before it, and what was
   * sent between them, must be in a capture already. Only a turn that awaits sends before its end; a handler that has not run yet may await.
   */
  private mustCaptureFirst(): boolean {
    if ((this.turns === this.checkpointedTurns && !this.outlet.uncaptured) || this.synchronous.has((this.mailbox.peek() as TurnRecord).message)) return false;
    this.awaitsCapture = true;
    this.host.mustCheckpoint(this);
    return true;
  }

  /** A capture was taken: what had to wait for it goes on. */
  captured(): void {
    this.checkpointedTurns = this.turns;
    this.outlet.uncaptured = this.awaitsCapture = false;
    this.wake();
  }

  private durableTurnEnded(): void {
    if (this.replay !== undefined) {
      this.replay.turnEnded(this);
      this.replay = undefined;
      this.underWay.concernDeferred();
    }
    this.outlet.emitBeside();
    for (const timer of this.late.splice(0)) this.due(timer);
  }

  /** No new turn begins until `release`. Holds count. */
  hold(): void {
    this.holds += 1;
  }

  /** Resolves when the running turns have ended; only while held. */
  idle(): Promise<void> {
    if (this.inflight.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.drained.push(resolve));
  }

  release(): void {
    this.holds -= 1;
    if (this.holds === 0 && this.mailbox.length > 0) this.host.schedule(this);
  }

  /** M2. Nothing reaches the instance until `thaw`. Freezes count. */
  freeze(): void {
    this.freezes += 1;
  }

  thaw(): void {
    this.freezes -= 1;
    if (this.freezes > 0 || this.status !== 'running') return;
    this.outlet.flush();
    for (const timer of this.late.splice(0)) timer.fire();
    this.underWay.concernDeferred();
    if (this.mailbox.length > 0) this.host.schedule(this);
  }

  get frozen(): boolean {
    return this.freezes > 0;
  }

  /** Resolves when the actor runs, or has ended. */
  started(): Promise<void> {
    if (this.status !== 'starting') return Promise.resolve();
    return new Promise((resolve) => this.starting.push(resolve));
  }

  run(instance: Instance): void {
    this.instance = instance;
    this.tier = instance.tier;
    this.status = 'running';
    for (const resolve of this.starting.splice(0)) resolve();
    this.outlet.startTimers();
    for (const stream of this.endedStreams.splice(0)) this.outlet.answer(stream, 'fail', valueFromError(movedStream(this.address)), undefined);
    this.outlet.flush();
    this.underWay.concernDeferred();
    this.host.schedule(this);
  }

  /** A timer of this cell is due: it fires, or waits for the thaw, since a frozen actor sends and hears nothing. */
  due(timer: PendingAsk | CellTimer): void {
    // A message to itself would wait for the turn's end in any case, and belongs to no turn: D1.
    if (this.frozen || (this.durable && this.inflight.length > 0 && timer instanceof CellTimer)) this.late.push(timer);
    else timer.fireNow();
  }

  /** Something changed that may let a turn begin: the lease, say. */
  wake(): void {
    if (this.mailbox.length > 0) this.host.schedule(this);
  }

  /** The instance died: what it was handed goes back to the head of the mailbox, and the cell waits for a new instance. */
  restartInstance(): void {
    const error = new GodwitError('ABORTED', `actor ${this.address} lost its instance: open the stream again`, { node: this.host.name });
    const streams = [...this.open.values()].filter((record) => record.kind === 'stream' && ![...this.inflight].includes(record));
    this.trace?.turnLost(error);
    const waiting = [...this.inflight.drain(), ...this.mailbox.drain()];
    for (const record of waiting) this.mailbox.push(record);
    this.open.clear();
    this.instance?.close();
    this.instance = undefined;
    this.status = 'starting';
    this.outlet.abandon();
    for (const record of streams) this.outlet.answer(record, 'fail', valueFromError(error), undefined);
    this.outlet.release();
    for (const resolve of this.drained.splice(0)) resolve();
  }

  /** The record whose turn was running is handled no more: it took its actor down too often. */
  giveUpRunning(error: GodwitError): void {
    const record = this.inflight.shift();
    if (record !== undefined) this.refuse(record, error);
  }

  /** Answers everything that waits with `error`: the actor ends. */
  refuseAll(error: GodwitError): void {
    for (const resolve of [...this.starting.splice(0), ...this.drained.splice(0)]) resolve();
    for (const record of [...this.open.values(), ...this.mailbox.drain()]) {
      if (record.correlation !== 0) this.outlet.answer(record, 'fail', valueFromError(error, this.host.name), undefined);
      else this.host.deadLetter(this, record, error.message);
    }
    this.open.clear();
    this.outlet.release();
  }

  private begin(record: TurnRecord): void {
    this.inflight.push(record);
    this.outlet.begunUncaptured = this.outlet.uncaptured;
    try {
      if (this.trace === undefined) (this.instance as Instance).turn(record);
      else this.trace.hand(record, this.instance as Instance);
      if (this.durable) this.synchronous[this.inflight.length === 0 ? 'add' : 'delete'](record.message);
    } catch (thrown) {
      // The instance did not take it: too large for its memory, say. The actor goes on; the asker learns why.
      this.inflight.pop();
      this.refuse(record, GodwitError.from(thrown));
    }
  }

  private refuse(record: TurnRecord, error: GodwitError): void {
    this.open.delete(record.ask);
    if (record.correlation === 0) this.host.deadLetter(this, record, error.message);
    else this.outlet.answer(record, 'fail', valueFromError(error, this.host.name), undefined);
    this.outlet.release();
    this.settled(record);
  }

  private beginAsk(record: TurnRecord): void {
    if (!record.begin(this.host.now())) {
      const reason = `'${record.message}' waited in the mailbox of ${this.address} beyond its deadline`;
      this.refuse(record, new GodwitError('DEADLINE_EXCEEDED', reason, { node: this.host.name }));
      return;
    }
    record.ask = this.nextOpen++;
    this.open.set(record.ask, record);
    this.begin(record);
  }

  /** The record was handled: its sender may forget it, as soon as that is safe. */
  settled(record: ChannelRecord): void {
    const cursor = record.cursor as Cursor;
    cursor.settle(record.number);
    cursor.acknowledge();
  }

  // ── What arrives ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Takes a record in. Its number is accepted in its cursor already. */
  arrive(record: ChannelRecord): void {
    if (isTurn(record)) {
      this.mailbox.push(record);
      if (!this.scheduled && this.status === 'running') this.host.schedule(this);
    } else if (this.status === 'running' && this.freezes === 0) {
      this.underWay.concern(record);
    } else {
      this.underWay.deferred.push(record);
    }
  }

  /** The actor or application at `address` lives its life `now`: what a former one sent is answered no more. */
  forgetLife(address: string, now: string): void {
    const cursor = this.cursors.get(address);
    if (cursor?.life !== now) this.forgetSender(cursor);
  }

  private forgetSender(cursor: Cursor | undefined): void {
    if (cursor === undefined) return;
    this.cursors.delete(cursor.from.$address);
    this.outlet.forgetAnswersTo(cursor.from.$address);
    for (const record of [...this.open.values()]) if (record.cursor === cursor) this.underWay.abort(record);
  }

  /** The cursor for a sender's stream; a higher incarnation begins anew, a lower one is refused. @throws {GodwitError} ABORTED an older life or epoch of the sender */
  cursorFor(from: Target, life: string, incarnation: number, epoch: number): Cursor {
    let cursor = this.cursors.get(from.$address);
    if (cursor !== undefined && cursor.life !== life) {
      this.forgetSender(cursor);
      cursor = undefined;
    }
    if (cursor !== undefined && (incarnation < cursor.incarnation || (incarnation === cursor.incarnation && epoch < cursor.epoch))) {
      throw new GodwitError(
        'ABORTED',
        `stream of ${from.$address} to ${this.address}: incarnation ${incarnation} epoch ${epoch} is over, ${cursor.incarnation} epoch ${cursor.epoch} is known`,
      );
    }
    if (cursor === undefined || incarnation > cursor.incarnation) {
      for (const record of this.mailbox) if (record.sender?.$address === from.$address) record.cancelled = true;
      cursor = new Cursor(from, life, incarnation, epoch);
      cursor.byCheckpoint = this.byCheckpoint;
      cursor.rolledBack = this.rolledBack;
      this.cursors.set(from.$address, cursor);
    }
    cursor.epoch = epoch;
    return cursor;
  }
}
