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
// M3 What a segment sent is posted together, in order, when it ends; a number is taken only then.
import { type AnyDefinition, type Protocol, stopMessage } from '../actors/definition.js';
import type { Where } from '../actors/ref.js';
import { carriesRef, encode } from '../codec/index.js';
import { Cursor } from '../delivery/cursor.js';
import { Numbered } from '../delivery/numbered.js';
import { ChannelRecord, isTurn, type RecordKind, type TurnRecord } from '../delivery/record.js';
import { Ring } from '../delivery/ring.js';
import { type ErrorValue, GodwitError, valueFromError } from '../errors.js';
import type { LogLevel } from '../ports/logger.js';
import type { Manifest, Tier } from '../ports/module-source.js';
import type { Instance, InstanceCapture, InstanceHost, Payload, Target, TurnEnd } from '../ports/runtime.js';
import { Channel } from './channel.js';
import { CellTimer, PendingAsk } from './pending.js';
import { outgoingRefs } from './refs.js';

/** What a cell needs of its node. */
export interface CellHost {
  readonly name: string;
  /** True to encode even what stays on this node, so that tests see what a move would. */
  readonly encodeAlways: boolean;
  now(): number;
  schedule(cell: Cell): void;
  startTimer(timer: PendingAsk | CellTimer, delayMs: number): void;
  stopTimer(timer: PendingAsk | CellTimer): void;
  /** Gives a new channel its route, and an old one that lost it. */
  route(channel: Channel): void;
  where(address: string): Where | undefined;
  spawnChild(parent: Cell, protocol: Protocol, definition: AnyDefinition | undefined, name: string): void;
  callHostFunction(cell: Cell, call: number, hostFunction: string, method: string, args: Payload): void;
  /** A turn of `cell` ended; `threw` as its supervision decided. */
  turnEnded(cell: Cell, record: TurnRecord, end: TurnEnd): void;
  instanceFailed(cell: Cell, error: ErrorValue): void;
  /** The actor was told to stop. */
  stopActor(cell: Cell): void;
  deadLetter(cell: Cell, record: ChannelRecord, reason: string): void;
  progress(cell: Cell, ask: number, fraction: number): void;
  log(level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** Records a mailbox may hold; beyond it a local sender gets RESOURCE_EXHAUSTED. Senders on other nodes are bound by credit far earlier. */
export const maxMailboxRecords = 1 << 20;

/** `starting`: the instance is being made; `ended`: stopped, or moved away. */
export type CellStatus = 'starting' | 'running' | 'ended';

/** An actor's place on this node. */
export class Cell implements InstanceHost {
  status: CellStatus = 'starting';
  instance: Instance | undefined = undefined;
  tier: Tier = 'native';
  manifest: Manifest | undefined = undefined;
  incarnation = 1;
  epoch = 1;
  scheduled = false;
  /** Turns taken in the actor's life. */
  turns = 0;
  /** A checkpoint goes to the home after this many turns away from it; 0 for none. */
  checkpointTurns = 0;
  /** On this node's clock: at this moment and after it no turn begins. */
  leaseUntilMs = Number.POSITIVE_INFINITY;
  /** True while records are acknowledged only by checkpoints. */
  byCheckpoint = false;
  checkpointedTurns = 0;
  /** What a lost instance begins again from. */
  lastCapture: InstanceCapture | undefined = undefined;
  readonly mailbox = new Ring<TurnRecord>();
  /** Handed to the instance, not yet ended. */
  readonly inflight = new Ring<TurnRecord>();
  readonly cursors = new Map<string, Cursor>();
  readonly channels = new Map<string, Channel>();
  readonly asks = new Numbered<PendingAsk>();
  /** Inbound asks and streams by the number under which the instance answers them. */
  readonly open = new Numbered<TurnRecord>();
  readonly timers = new Map<number, CellTimer>();
  nextOpen = 1;
  private readonly deferred: ChannelRecord[] = [];
  // Two rings in step, a record and the channel it leaves by: most segments send at most once, and rings keep their slots.
  private readonly segmentChannels = new Ring<Channel>();
  private readonly segmentRecords = new Ring<ChannelRecord>();
  private segmentTimers: CellTimer[] = [];
  private readonly starting: Array<() => void> = [];
  private readonly drained: Array<() => void> = [];
  private holds = 0;
  private freezes = 0;

  /** @param immediate an application: it has no turns, so what it sends leaves at once */
  constructor(
    readonly target: Target,
    readonly definition: AnyDefinition | undefined,
    readonly host: CellHost,
    readonly immediate = false,
  ) {}

  get address(): string {
    return this.target.$address;
  }

  // ── Turns ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  hasWork(): boolean {
    if (
      this.status !== 'running' ||
      this.holds + this.freezes > 0 ||
      this.mailbox.length === 0 ||
      this.inflight.length >= (this.instance as Instance).pipelining
    )
      return false;
    return this.leaseUntilMs === Number.POSITIVE_INFINITY || this.host.now() < this.leaseUntilMs;
  }

  /** Hands up to `budget` records to the instance. @returns how many */
  takeTurns(budget: number): number {
    let taken = 0;
    while (taken < budget && this.hasWork()) {
      const record = this.mailbox.shift() as TurnRecord;
      taken += 1;
      if (record.cancelled) this.settled(record);
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
    this.host.turnEnded(this, record, end);
    if (this.holds === 0) {
      if (this.mailbox.length > 0) this.host.schedule(this);
    } else if (this.inflight.length === 0) {
      for (const resolve of this.drained.splice(0)) resolve();
    }
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
    for (const record of this.deferred.splice(0)) this.concern(record);
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
    for (const record of this.deferred.splice(0)) this.concern(record);
    this.host.schedule(this);
  }

  /** The instance died: what it was handed goes back to the head of the mailbox, and the cell waits for a new instance. */
  restartInstance(): void {
    const waiting = [...this.inflight.drain(), ...this.mailbox.drain()];
    for (const record of waiting) this.mailbox.push(record);
    this.open.clear();
    this.instance?.close();
    this.instance = undefined;
    this.status = 'starting';
  }

  /** The record whose turn was running is handled no more: it took its actor down too often. */
  giveUpRunning(error: GodwitError): void {
    const record = this.inflight.shift();
    if (record !== undefined) this.refuse(record, error);
  }

  /** Answers everything that waits with `error`: the actor ends. */
  refuseAll(error: GodwitError): void {
    for (const resolve of this.starting.splice(0)) resolve();
    for (const record of [...this.open.values(), ...this.mailbox.drain()]) {
      if (record.correlation !== 0) this.answer(record, 'fail', valueFromError(error, this.host.name), undefined);
      else this.host.deadLetter(this, record, error.message);
    }
    this.open.clear();
    this.flush();
  }

  /** Counts a reset. @returns false if the definition's restart intensity is used up */
  mayReset(now: number): boolean {
    const { maxResets = 10, withinMs = 60_000 } = this.definition?.supervise ?? {};
    this.resets = this.resets.filter((at) => now - at < withinMs);
    this.resets.push(now);
    return this.resets.length <= maxResets;
  }
  private resets: number[] = [];

  private begin(record: TurnRecord): void {
    this.inflight.push(record);
    try {
      (this.instance as Instance).turn(record);
    } catch (thrown) {
      // The instance did not take it: too large for its memory, say. The actor goes on; the asker learns why.
      this.inflight.pop();
      this.refuse(record, GodwitError.from(thrown));
    }
  }

  private refuse(record: TurnRecord, error: GodwitError): void {
    this.open.delete(record.ask);
    if (record.correlation === 0) this.host.deadLetter(this, record, error.message);
    else this.answer(record, 'fail', valueFromError(error, this.host.name), undefined);
    this.flush();
    this.settled(record);
  }

  private beginAsk(record: TurnRecord): void {
    if (!record.begin(this.host.now())) {
      const error = new GodwitError('DEADLINE_EXCEEDED', `'${record.message}' waited in the mailbox of ${this.address} beyond its deadline`, {
        node: this.host.name,
      });
      this.refuse(record, error);
      return;
    }
    record.ask = this.nextOpen++;
    this.open.set(record.ask, record);
    this.begin(record);
  }

  private settled(record: ChannelRecord): void {
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
      this.concern(record);
    } else {
      this.deferred.push(record);
    }
  }

  /** The cursor for a sender's stream; a higher incarnation begins anew, a lower one is refused. @throws {GodwitError} ABORTED an older life or epoch of the sender */
  cursorFor(from: Target, incarnation: number, epoch: number): Cursor {
    let cursor = this.cursors.get(from.$address);
    if (cursor !== undefined && (incarnation < cursor.incarnation || (incarnation === cursor.incarnation && epoch < cursor.epoch))) {
      throw new GodwitError(
        'ABORTED',
        `stream of ${from.$address} to ${this.address}: incarnation ${incarnation} epoch ${epoch} is over, ${cursor.incarnation} epoch ${cursor.epoch} is known`,
      );
    }
    if (cursor === undefined || incarnation > cursor.incarnation) {
      for (const record of this.mailbox) if (record.sender?.$address === from.$address) record.cancelled = true;
      cursor = new Cursor(from, incarnation, epoch);
      cursor.byCheckpoint = this.byCheckpoint;
      this.cursors.set(from.$address, cursor);
    }
    cursor.epoch = epoch;
    return cursor;
  }

  /** What concerns an ask, stream or turn already under way. */
  private concern(record: ChannelRecord): void {
    this.settled(record);
    const instance = this.instance as Instance;
    const from = (record.cursor as Cursor).from.$address;
    if (record.kind === 'cancel' || record.kind === 'more') {
      const open = this.openFrom(from, record.correlation);
      if (open === undefined) return;
      if (record.kind === 'more') instance.more(open.ask, this.valueOf(record) as number);
      else if (open.ask === 0) open.cancelled = true;
      else {
        this.open.delete(open.ask);
        instance.abort(open.ask);
      }
      return;
    }
    const ask = this.asks.get(record.correlation);
    // A late answer, or one from somebody who was not asked: its number is handled, nothing else happens.
    if (ask === undefined || ask.to !== from) return;
    if (record.kind === 'item') {
      instance.item(ask.id, record);
      return;
    }
    this.asks.delete(ask.id);
    this.host.stopTimer(ask);
    if (record.kind === 'reply') instance.settle(ask.id, record);
    else if (record.kind === 'end') instance.end(ask.id);
    else instance.settle(ask.id, { error: this.valueOf(record) as ErrorValue });
  }

  private openFrom(from: string, correlation: number): TurnRecord | undefined {
    for (const record of this.open.values()) if (record.correlation === correlation && record.sender?.$address === from) return record;
    for (const record of this.mailbox) if (record.correlation === correlation && record.sender?.$address === from) return record;
    return undefined;
  }

  private valueOf(record: ChannelRecord): unknown {
    return record.bytes === undefined ? record.value : outgoingRefs.open(record.bytes);
  }

  // ── InstanceHost: what the instance does ──────────────────────────────────────────────────────────────────────────────────────

  send(kind: 'tell' | 'ask' | 'stream', to: Target, message: string, payload: Payload, ask: number, timeoutMs: number): void {
    const channel = this.channelTo(to);
    if (channel.cell !== undefined ? channel.cell.mailbox.length >= maxMailboxRecords : false) {
      throw new GodwitError('RESOURCE_EXHAUSTED', `mailbox of ${to.$address} holds ${maxMailboxRecords} records: slow down`);
    }
    if (channel.cell === undefined) channel.checkRoom(this.address);
    const deadlineAt = timeoutMs === Number.POSITIVE_INFINITY ? timeoutMs : this.host.now() + timeoutMs;
    const record = new ChannelRecord(kind, message, payload.value, payload.bytes, ask, deadlineAt);
    this.prepare(channel, record);
    if (kind !== 'tell') {
      const pending = new PendingAsk(this, ask, channel.to, message);
      this.asks.set(ask, pending);
      if (timeoutMs !== Number.POSITIVE_INFINITY) this.host.startTimer(pending, timeoutMs);
    }
    this.emit(channel, record);
  }

  cancel(ask: number): void {
    const pending = this.asks.get(ask);
    if (pending === undefined) return;
    this.asks.delete(ask);
    this.host.stopTimer(pending);
    this.emitTo(pending.to, 'cancel', ask, undefined);
  }

  more(ask: number, upTo: number): void {
    const pending = this.asks.get(ask);
    if (pending !== undefined) this.emitTo(pending.to, 'more', ask, upTo);
  }

  reply(ask: number, payload: Payload): void {
    const record = this.open.get(ask);
    if (record === undefined) return;
    this.open.delete(ask);
    this.answer(record, 'reply', payload.value, payload.bytes);
  }

  fail(ask: number, error: ErrorValue): void {
    const record = this.open.get(ask);
    if (record === undefined) return;
    this.open.delete(ask);
    this.answer(record, 'fail', { ...error, node: error.node ?? this.host.name }, undefined);
  }

  item(ask: number, payload: Payload): void {
    const record = this.open.get(ask);
    if (record !== undefined) this.answer(record, 'item', payload.value, payload.bytes);
  }

  end(ask: number): void {
    const record = this.open.get(ask);
    if (record === undefined) return;
    this.open.delete(ask);
    this.answer(record, 'end', undefined, undefined);
  }

  after(timer: number, delayMs: number, message: string, payload: Payload): void {
    const pending = new CellTimer(this, timer, message, payload, this.host.now() + delayMs);
    this.timers.set(timer, pending);
    this.segmentTimers.push(pending);
  }

  cancelTimer(timer: number): void {
    const pending = this.timers.get(timer);
    if (pending === undefined) return;
    this.timers.delete(timer);
    this.host.stopTimer(pending);
  }

  child(protocol: Protocol, definition: AnyDefinition | undefined, name: string): void {
    this.host.spawnChild(this, protocol, definition, name);
  }

  call(call: number, hostFunction: string, method: string, args: Payload): void {
    this.host.callHostFunction(this, call, hostFunction, method, args);
  }

  where(address: string): Where | undefined {
    return this.host.where(address);
  }

  progress(ask: number, fraction: number): void {
    this.host.progress(this, ask, fraction);
  }

  log(level: LogLevel, event: string, fields: Readonly<Record<string, unknown>>): void {
    this.host.log(level, event, { actor: this.address, ...fields });
  }

  failed(error: ErrorValue): void {
    this.host.instanceFailed(this, error);
  }

  flush(): void {
    if (this.segmentTimers.length > 0) this.startSegmentTimers();
    // Posting may lead back here and add records: those belong to a later segment.
    for (let count = this.segmentRecords.length; count > 0; count--) {
      const record = this.segmentRecords.shift() as ChannelRecord;
      this.post(this.segmentChannels.shift() as Channel, record);
    }
  }

  discard(): void {
    this.segmentChannels.drain();
    for (const timer of this.segmentTimers.splice(0)) this.timers.delete(timer.id);
    for (const record of this.segmentRecords.drain()) {
      const pending = this.asks.get(record.correlation);
      if ((record.kind !== 'ask' && record.kind !== 'stream') || pending === undefined) continue;
      this.asks.delete(pending.id);
      this.host.stopTimer(pending);
      const error = new GodwitError('ABORTED', `ask '${record.message}' of ${this.address} was discarded: the segment that sent it threw`);
      this.instance?.settle(pending.id, { error: valueFromError(error) });
    }
  }

  // ── Sending ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The ask's deadline passed: it ends here, and its receiver is told. */
  expire(pending: PendingAsk): void {
    this.asks.delete(pending.id);
    const error = new GodwitError(
      'DEADLINE_EXCEEDED',
      `ask '${pending.message}' of ${pending.to} had no answer before its deadline; it may have been handled`,
      { node: this.host.name },
    );
    this.instance?.settle(pending.id, { error: valueFromError(error) });
    const channel = this.channels.get(pending.to);
    if (channel !== undefined) this.post(channel, new ChannelRecord('cancel', '', undefined, undefined, pending.id, Number.POSITIVE_INFINITY));
  }

  /** A timer is due: its message comes as a record on the actor's stream to itself. */
  due(timer: CellTimer): void {
    this.timers.delete(timer.id);
    const record = new ChannelRecord('tell', timer.message, timer.payload.value, timer.payload.bytes, 0, Number.POSITIVE_INFINITY);
    this.post(this.channelTo(this.target), record);
  }

  channelTo(to: Target): Channel {
    const cached = (to as { $stream?: unknown }).$stream;
    if (cached instanceof Channel && cached.from === this && cached.successor === undefined) return cached;
    let channel = this.channels.get(to.$address);
    while (channel?.successor !== undefined) channel = channel.successor;
    if (channel === undefined) {
      channel = new Channel(this, to.$address, this.incarnation);
      this.channels.set(to.$address, channel);
      this.host.route(channel);
    }
    if ('$stream' in to) (to as { $stream: unknown }).$stream = channel;
    return channel;
  }

  /** What waits for a receiver that was merged into the actor at `address` goes there instead, as part of the stream to that one. */
  redirect(channel: Channel, address: string): void {
    const successor = this.channelTo({ $address: address, $protocol: this.target.$protocol });
    channel.successor = successor;
    for (const record of channel.empty()) {
      const pending = this.asks.get(record.correlation);
      if (pending !== undefined) pending.to = address;
      this.post(successor, record);
    }
  }

  /** Sends a record of this actor, taken back unhandled, to another receiver. */
  repost(record: TurnRecord, to: string): void {
    const again = new ChannelRecord(record.kind, record.message, record.value, record.bytes, record.correlation, record.deadlineAt);
    this.post(this.channelTo({ $address: to, $protocol: this.target.$protocol }), again);
  }

  private answer(record: TurnRecord, kind: RecordKind, value: unknown, bytes: Uint8Array | undefined): void {
    const cursor = record.cursor as Cursor;
    const back = cursor.back instanceof Channel ? cursor.back : this.channelTo(cursor.from);
    cursor.back = back;
    const answer = new ChannelRecord(kind, '', value, bytes, record.correlation, Number.POSITIVE_INFINITY);
    try {
      this.prepare(back, answer);
    } catch (thrown) {
      // The reply cannot travel: the asker learns why, instead of waiting for its deadline.
      const error = valueFromError(GodwitError.from(thrown), this.host.name);
      this.emit(back, new ChannelRecord('fail', '', error, undefined, record.correlation, Number.POSITIVE_INFINITY));
      return;
    }
    this.emit(back, answer);
  }

  private emitTo(address: string, kind: RecordKind, correlation: number, value: unknown): void {
    const channel = this.channels.get(address);
    if (channel !== undefined) this.emit(channel, new ChannelRecord(kind, '', value, undefined, correlation, Number.POSITIVE_INFINITY));
  }

  private startSegmentTimers(): void {
    for (const timer of this.segmentTimers.splice(0)) if (this.timers.has(timer.id)) this.host.startTimer(timer, Math.max(0, timer.dueAt - this.host.now()));
  }

  private emit(channel: Channel, record: ChannelRecord): void {
    if (this.immediate) {
      this.post(channel, record);
      return;
    }
    this.segmentChannels.push(channel);
    this.segmentRecords.push(record);
  }

  /** Encodes what leaves this heap now, so that a payload that cannot travel is refused where it was sent. */
  private prepare(channel: Channel, record: ChannelRecord): void {
    if (record.bytes !== undefined || record.value === undefined) return;
    if (channel.cell === undefined || this.host.encodeAlways || carriesRef(record.value)) this.encode(record);
  }

  private encode(record: ChannelRecord): void {
    record.bytes = encode(record.value, outgoingRefs);
    record.value = undefined;
  }

  /** M3: takes the number and hands the record to the receiver's mailbox, or holds it for the link. */
  post(channel: Channel, record: ChannelRecord): void {
    const receiver = channel.cell;
    if (receiver === undefined) {
      if (record.bytes === undefined && record.value !== undefined) this.encode(record);
      record.number = channel.next++;
      channel.hold(record);
      if (channel.link !== undefined) channel.link.offer(channel);
      else if (channel.missing && !channel.refusing) this.host.route(channel);
      return;
    }
    const cursor = channel.cursor as Cursor;
    record.number = channel.next++;
    record.cursor = cursor;
    record.sender = cursor.from;
    cursor.accepted = record.number;
    receiver.arrive(record);
  }
}
