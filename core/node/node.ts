// A node: hosts actors, gives them ways to each other, and carries the migration protocol out over its ports. Device and edge nodes are
// two wirings of it.
import { checkName, type AnyDefinition, type Definition, type Handlers, type Protocol } from '../actors/definition.js';
import { NativeInstance } from '../actors/native-instance.js';
import { createRef, type Ref, type Where } from '../actors/ref.js';
import { decode } from '../codec/index.js';
import type { ChannelRecord, TurnRecord } from '../delivery/record.js';
import { type ErrorValue, errorFromValue, GodwitError, valueFromError } from '../errors.js';
import type { NodeId } from '../migration/index.js';
import type { Cancel } from '../ports/clock.js';
import type { LogLevel } from '../ports/logger.js';
import type { Manifest, Tier } from '../ports/module-source.js';
import type { Instance, InstanceCapture, Payload, TurnEnd } from '../ports/runtime.js';
import type { Pipe, Transport } from '../ports/transport.js';
import { Cell, type CellHost } from './cell.js';
import type { Channel } from './channel.js';
import { Directory, homeOf } from './directory.js';
import { introduce } from './introduction.js';
import { keepLink } from './kept-link.js';
import type { BounceAnswer, ControlMessage, Link, Peer } from './link.js';
import type { CheckpointedMessage, CheckpointMessage } from './checkpoints.js';
import type { ArrivedMessage } from './incoming-move.js';
import type { MigrationControl, MigrationHost } from './migration-host.js';
import { Migrations } from './migrations.js';
import type { CellTimer, PendingAsk } from './pending.js';
import { outgoingRefs } from './refs.js';
import { Routes, type RoutesHost } from './routes.js';
import { Scheduler } from './scheduler.js';
import { TimerWheel } from './timer-wheel.js';
import type { ActorInfo, KeptLink, MoveOptions, MoveReport, NodeEvent, NodeOptions } from './types.js';

const applicationProtocol: Protocol = { definition: 'application', version: 1, messages: {} };
/** How often an instance may die under the same record before the record is a dead letter (DESIGN §4). */
const maxDeaths = 3;

/** Starts a node. It has no link yet: see `accept` and `keepLink`. */
export function createNode(options: NodeOptions): Node {
  return new Node(options);
}

export class Node implements CellHost, RoutesHost, MigrationHost {
  readonly id: NodeId;
  readonly directory: Directory;
  readonly routes: Routes;
  private readonly migrations: Migrations;
  private readonly scheduler: Scheduler;
  private readonly wheel: TimerWheel;
  private readonly cells = new Map<string, Cell>();
  private readonly definitions = new Map<string, AnyDefinition>();
  private readonly listeners = new Set<(event: NodeEvent) => void>();
  private readonly recalls = new Map<number, { resolve: (report: MoveReport) => void; reject: (error: GodwitError) => void }>();
  private readonly kept = new Set<KeptLink>();
  private readonly deaths = new WeakMap<ChannelRecord, number>();
  private readonly app: Cell;
  private nextRecall = 1;
  private closed = false;

  constructor(readonly options: NodeOptions) {
    checkName(options.name, 'node');
    const boot = options.boot ?? hex(options.random.bytes(8));
    this.id = { name: options.name, boot };
    this.directory = new Directory(options.name);
    this.scheduler = new Scheduler(options.clock);
    this.wheel = new TimerWheel(options.clock);
    this.routes = new Routes(this);
    this.migrations = new Migrations(this);
    for (const definition of options.definitions ?? []) this.definitions.set(definition.name, definition);
    this.app = new Cell({ $address: options.name, $protocol: applicationProtocol }, undefined, this, true);
    this.cells.set(options.name, this.app);
    this.app.run(new NativeInstance(options.name, undefined, this.app, 'application'));
  }

  get name(): string {
    return this.id.name;
  }

  get boot(): string {
    return this.id.boot;
  }

  get clock() {
    return this.options.clock;
  }

  get encodeAlways(): boolean {
    return this.options.encodeAlways ?? false;
  }

  // ── Actors ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Spawns an actor of this node's application, or attaches to it if it exists: a name is one actor.
   * @throws {GodwitError} INVALID_ARGUMENT bad name · ALREADY_EXISTS an actor of another definition has this name
   */
  child<S, H extends Handlers<S>>(definition: Definition<S, H>, name: string): Ref<H> {
    checkName(name, 'actor');
    const address = `${this.name}/${name}`;
    this.start(address, definition.protocol, definition, undefined);
    return createRef(address, definition.protocol, this.application);
  }

  /** A ref to an actor by its address. @param definition what it is believed to be */
  refTo<S, H extends Handlers<S>>(definition: Definition<S, H>, address: string): Ref<H> {
    return createRef(address, definition.protocol, this.application);
  }

  /** Stops an actor that is here, and its children; what waits in its mailbox is refused. Idempotent. */
  stop(address: string): void {
    const cell = this.cells.get(address);
    if (cell === undefined || cell === this.app) return;
    for (const other of [...this.cells.keys()]) if (other.startsWith(`${address}/`)) this.stop(other);
    this.end(cell, `actor ${address} was stopped`);
  }

  actors(): ActorInfo[] {
    return [...this.cells.values()].filter((cell) => cell !== this.app).map((cell) => infoOf(cell, this.name));
  }

  where(address: string): Where | undefined {
    const resolved = this.directory.resolve(address);
    const cell = this.cells.get(resolved);
    if (cell !== undefined && cell.status !== 'ended') return { node: this.name, tier: cell.tier, epoch: cell.epoch };
    const location = this.directory.location(resolved);
    return location === undefined ? undefined : { node: location.node, tier: 'unknown', epoch: location.epoch };
  }

  /** The state of an actor that is here, decoded, as it is between two turns. @throws {GodwitError} NOT_FOUND */
  async stateOf(address: string): Promise<unknown> {
    const cell = this.found(address);
    try {
      await cell.hold();
      return decode((await (cell.instance as Instance).capture(false)).state, outgoingRefs);
    } finally {
      cell.release();
    }
  }

  // ── Moving ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Moves an actor that is here to another node. Code that talks to it does not notice.
   * @throws {GodwitError} NOT_FOUND it is not here · UNAVAILABLE no link · whatever made the move fail; the actor then runs on here
   */
  move(address: string, options: MoveOptions): Promise<MoveReport> {
    return this.migrations.move(this.found(address), options);
  }

  /** Gets an actor of this home back, from wherever it is. @throws {GodwitError} as {@link move}; it then runs on there */
  recall(address: string, options: { readonly trigger?: string } = {}): Promise<MoveReport> {
    const location = this.directory.location(address);
    const link = location === undefined ? undefined : this.routes.links.get(location.node);
    if (location === undefined) return Promise.reject(new GodwitError('FAILED_PRECONDITION', `actor ${address} is not away from node ${this.name}`));
    if (link === undefined || !link.attached) return Promise.reject(new GodwitError('UNAVAILABLE', `cannot recall ${address}: no link to node ${location.node}`));
    const id = this.nextRecall++;
    return new Promise((resolve, reject) => {
      this.recalls.set(id, { resolve, reject });
      link.control({ type: 'recall', id, actor: address, trigger: options.trigger ?? 'recall' } as RecallMessage);
    });
  }

  /** Ends the local actor `from`; what is sent to it from this node, and what waits for it, goes to `to` from now on. */
  async repoint(from: string, to: string): Promise<void> {
    const cell = this.found(from);
    await cell.hold();
    this.routes.detach(cell);
    const waiting = cell.mailbox.drain();
    this.routes.repoint(from, to);
    for (const record of waiting) this.resend(record, to);
    this.end(cell, `actor ${from} was merged into ${to}`);
  }

  // ── Links ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Makes a link of a pipe that came in, already authenticated. */
  accept(pipe: Pipe): void {
    void introduce(pipe, this.id, this.clock).then(
      (peer) => this.attach(pipe, peer),
      (thrown: unknown) => this.log('warn', 'link.refused', { reason: GodwitError.from(thrown).message }),
    );
  }

  /** Links to the node at `address` and keeps the link: dials again, with growing pauses, whenever it drops. */
  keepLink(transport: Transport, address: string, signal?: AbortSignal): KeptLink {
    const link = keepLink({ transport, address, id: this.id, clock: this.clock, random: this.options.random, logger: this.options.logger, attach: (pipe, peer, onDown) => this.attach(pipe, peer, onDown) }, signal);
    this.kept.add(link);
    return link;
  }

  peers(): Array<{ name: string; boot: string; rttMs: number }> {
    return [...this.routes.links.values()].filter((link) => link.attached).map((link) => ({ name: link.peer.node, boot: link.peer.boot, rttMs: link.rttMs }));
  }

  observe(listener: (event: NodeEvent) => void): Cancel {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Ends every actor and link. Actors that are away pause when their lease ends. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    for (const link of this.kept) link.close();
    this.migrations.close();
    this.routes.close();
    for (const cell of this.cells.values()) cell.instance?.close();
    this.cells.clear();
    this.wheel.close();
    for (const recall of this.recalls.values()) recall.reject(new GodwitError('CANCELLED', `node ${this.name} closed`));
    for (const runtime of this.options.runtimes) await runtime.close();
  }

  // ── CellHost ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  now(): number {
    return this.scheduler.now();
  }

  schedule(cell: Cell): void {
    this.scheduler.schedule(cell);
  }

  startTimer(timer: PendingAsk | CellTimer, delayMs: number): void {
    this.wheel.add(timer, delayMs);
  }

  stopTimer(timer: PendingAsk | CellTimer): void {
    this.wheel.remove(timer);
  }

  route(channel: Channel): void {
    this.routes.route(channel);
  }

  spawnChild(parent: Cell, protocol: Protocol, definition: AnyDefinition | undefined, name: string): void {
    checkName(name, 'actor');
    const manifest = parent.manifest === undefined || definition !== undefined ? undefined : { ...parent.manifest, definition: protocol.definition, version: protocol.version };
    this.start(`${parent.address}/${name}`, protocol, definition, manifest);
  }

  callHostFunction(cell: Cell, call: number, hostFunction: string, method: string, args: Payload): void {
    const settle = (outcome: { payload: Payload } | { error: ErrorValue }) => {
      if (cell.status !== 'ended') cell.instance?.settle(call, outcome);
    };
    const target = this.options.hostFunctions.get(hostFunction);
    const values = (args.bytes === undefined ? args.value : decode(args.bytes, outgoingRefs)) as unknown[];
    const called = target === undefined ? Promise.reject(new GodwitError('NOT_FOUND', `node ${this.name} has no host function '${hostFunction}'; it has ${[...this.options.hostFunctions.keys()].join(', ') || 'none'}`)) : target.call(method, values);
    called.then(
      (value) => settle({ payload: { value, bytes: undefined } }),
      (thrown: unknown) => settle({ error: valueFromError(GodwitError.from(thrown), this.name) }),
    );
  }

  turnEnded(cell: Cell, record: TurnRecord, end: TurnEnd): void {
    if (end.threw !== undefined) this.turnFailed(cell, record, end.threw, end.decision);
    if (cell.checkpointTurns > 0) this.migrations.checkpointWhenDue(cell);
  }

  instanceFailed(cell: Cell, error: ErrorValue): void {
    if (cell.status === 'ended' || cell === this.app) return;
    this.log('error', 'instance.failed', { actor: cell.address, code: error.code, reason: error.message });
    const running = cell.inflight.peek();
    if (running !== undefined) {
      const deaths = (this.deaths.get(running) ?? 0) + 1;
      this.deaths.set(running, deaths);
      if (deaths >= maxDeaths) {
        cell.giveUpRunning(errorFromValue(error));
        this.deadLetter(cell, running, `its actor died ${deaths} times handling it: ${error.message}`);
      }
    }
    cell.restartInstance();
    void this.createInstance(cell, cell.tier, cell.manifest, cell.lastCapture).then(
      (instance) => cell.run(instance),
      (thrown: unknown) => this.end(cell, `actor ${cell.address} could not be restarted: ${GodwitError.from(thrown).message}`),
    );
  }

  deadLetter(cell: Cell, record: ChannelRecord, reason: string): void {
    this.emit({ type: 'dead-letter', actor: cell.address, message: record.message, reason });
  }

  progress(cell: Cell, ask: number, fraction: number): void {
    this.log('debug', 'turn.progress', { actor: cell.address, ask, fraction });
  }

  log(level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>): void {
    this.options.logger.log(level, event, { node: this.name, ...fields });
  }

  // ── LinkHost, RoutesHost ──────────────────────────────────────────────────────────────────────────────────────────────────────

  cell(address: string): Cell | undefined {
    return this.cells.get(address);
  }

  control(link: Link, message: ControlMessage): void {
    switch (message.type) {
      case 'migration':
        this.migrations.receive((message as MigrationControl).message);
        return;
      case 'arrived':
        this.migrations.arrived(message as ArrivedMessage);
        return;
      case 'checkpoint':
        this.migrations.keep(message as CheckpointMessage, link);
        return;
      case 'checkpointed':
        this.migrations.checkpointed(message as CheckpointedMessage);
        return;
      case 'recall':
        void this.recalled(link, message as RecallMessage);
        return;
      case 'recalled':
        this.recallEnded(message as RecalledMessage);
        return;
      default:
        this.log('warn', 'link.unknown-message', { peer: link.peer.node, type: String(message.type) });
    }
  }

  bounced(channel: Channel, link: Link, answer: BounceAnswer): void {
    this.routes.bounced(channel, link, answer);
  }

  linkUp(link: Link): void {
    this.emit({ type: 'link-up', peer: link.peer.node, boot: link.peer.boot });
    this.migrations.peerRegained(link);
  }

  linkDown(link: Link, reason: string): void {
    this.emit({ type: 'link-down', peer: link.peer.node, reason });
    this.migrations.peerLost(link);
    for (const [id, recall] of this.recalls) {
      this.recalls.delete(id);
      recall.reject(new GodwitError('UNAVAILABLE', `link to ${link.peer.node} dropped while an actor was being recalled: ${reason}`));
    }
  }

  linkFailed(link: Link, error: GodwitError): void {
    this.log('error', 'link.failed', { peer: link.peer.node, code: error.code, reason: error.message });
  }

  fenced(cell: Cell, epoch: number): void {
    this.migrations.epochSeen(cell.address, epoch);
  }

  reexecuted(channel: Channel, record: ChannelRecord): void {
    this.emit({ type: 'reexecuted', actor: channel.to, message: record.message, sender: channel.from.address });
  }

  // ── MigrationHost ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  createCell(address: string, protocol: Protocol): Cell {
    return new Cell({ $address: address, $protocol: protocol }, this.definitions.get(protocol.definition), this);
  }

  /** A cell that was made elsewhere begins to be reachable here. */
  enter(cell: Cell): void {
    this.cells.set(cell.address, cell);
    this.directory.adopt(cell.address, { node: this.name, epoch: cell.epoch });
    for (const cursor of cell.cursors.values()) cursor.byCheckpoint = cell.checkpointTurns > 0 && homeOf(cell.address) !== this.name;
    for (const channel of cell.channels.values()) this.routes.route(channel);
    this.routes.reroute(cell.address);
  }

  /** The actor of this cell is elsewhere from now on. */
  leave(cell: Cell, to: NodeId, epoch: number): void {
    cell.status = 'ended';
    cell.instance?.close();
    this.routes.leave(cell);
    this.cells.delete(cell.address);
    this.directory.adopt(cell.address, { node: to.name, epoch });
    for (const timer of cell.timers.values()) this.wheel.remove(timer);
    for (const ask of cell.asks.values()) this.wheel.remove(ask);
    for (const cursor of cell.cursors.values()) (cursor.sink as Link | undefined)?.bounce(cursor.stream, { node: to.name, epoch });
    this.routes.reroute(cell.address);
  }

  knowsNatively(definition: string): boolean {
    return this.definitions.has(definition) && this.options.runtimes.some((runtime) => runtime.tier === 'native');
  }

  async createInstance(cell: Cell, tier: Tier, manifest: Manifest | undefined, capture: InstanceCapture | undefined): Promise<Instance> {
    const runtime = this.options.runtimes.find((candidate) => candidate.tier === tier);
    if (runtime === undefined) throw new GodwitError('UNIMPLEMENTED', `node ${this.name} runs no ${tier} tier`);
    const { $address, $protocol } = cell.target;
    const definition = tier === 'native' ? this.definitions.get($protocol.definition) : undefined;
    if (definition !== undefined && definition.version !== $protocol.version) {
      throw new GodwitError('FAILED_PRECONDITION', `node ${this.name} has version ${definition.version} of ${definition.name}, actor ${$address} is of version ${$protocol.version}`);
    }
    const module = tier === 'native' || manifest === undefined ? undefined : { manifest, program: await this.options.blobs.get(manifest.program) };
    return runtime.create({ address: $address, definition, module, capture, hostFunctions: this.options.hostFunctions, node: this.name }, cell);
  }

  emit(event: NodeEvent): void {
    for (const listener of this.listeners) listener(event);
    const { type, ...fields } = event;
    this.log(type === 'dead-letter' || type === 'move-failed' || type === 'turn-failed' ? 'warn' : 'info', `node.${type}`, fields);
  }

  // ── Inside ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private get application(): NativeInstance {
    return this.app.instance as NativeInstance;
  }

  private start(address: string, protocol: Protocol, definition: AnyDefinition | undefined, manifest: Manifest | undefined): void {
    const running = this.cells.get(address);
    if (running !== undefined) {
      if (running.target.$protocol.definition === protocol.definition) return;
      throw new GodwitError('ALREADY_EXISTS', `actor ${address} exists as ${running.target.$protocol.definition}, not ${protocol.definition}`);
    }
    if (this.directory.location(address) !== undefined) return;
    if (definition !== undefined) this.definitions.set(definition.name, definition);
    const cell = new Cell({ $address: address, $protocol: protocol }, definition, this);
    cell.tier = definition === undefined ? 'script' : 'native';
    cell.manifest = manifest;
    cell.checkpointTurns = definition?.checkpointTurns ?? 0;
    this.cells.set(address, cell);
    this.createInstance(cell, cell.tier, manifest, undefined).then(
      (instance) => {
        if (cell.status === 'ended') instance.close();
        else cell.run(instance);
      },
      (thrown: unknown) => this.end(cell, `actor ${address} could not start: ${GodwitError.from(thrown).message}`),
    );
  }

  private end(cell: Cell, reason: string): void {
    if (cell.status === 'ended') return;
    cell.refuseAll(new GodwitError('NOT_FOUND', reason));
    cell.status = 'ended';
    cell.instance?.close();
    this.routes.leave(cell);
    this.cells.delete(cell.address);
    for (const timer of cell.timers.values()) this.wheel.remove(timer);
    for (const cursor of cell.cursors.values()) (cursor.sink as Link | undefined)?.bounce(cursor.stream, {});
    this.routes.reroute(cell.address);
    this.emit({ type: 'stopped', actor: cell.address, reason });
  }

  private turnFailed(cell: Cell, record: TurnRecord, threw: ErrorValue, decision: string): void {
    this.emit({ type: 'turn-failed', actor: cell.address, message: record.message, code: threw.code, reason: threw.message, decision });
    if (decision === 'stop') queueMicrotask(() => this.stop(cell.address));
    else if (decision === 'escalate') queueMicrotask(() => this.escalate(cell, threw));
    else if (decision === 'reset' && !cell.mayReset(this.now())) queueMicrotask(() => this.stop(cell.address));
  }

  /** The failure becomes the parent's: without a parent actor, the actor stops. */
  private escalate(cell: Cell, threw: ErrorValue): void {
    const parent = this.cells.get(cell.address.slice(0, cell.address.lastIndexOf('/')));
    const decision = parent?.definition?.supervise.decide?.(errorFromValue(threw), 'child') ?? 'stop';
    if (parent === undefined || parent === this.app || decision === 'stop' || decision === 'reset') this.stop(cell.address);
    else if (decision === 'escalate') {
      this.stop(cell.address);
      this.escalate(parent, threw);
    }
  }

  private attach(pipe: Pipe, peer: Peer, onDown?: () => void): void {
    if (this.closed) {
      pipe.close();
      return;
    }
    this.routes.attach(pipe, peer);
    const dropped = pipe.onClose;
    pipe.onClose = (error) => {
      dropped(error);
      onDown?.();
    };
  }

  private async recalled(link: Link, message: RecallMessage): Promise<void> {
    const answer = (result: { report: MoveReport } | { error: ErrorValue }) => link.control({ type: 'recalled', id: message.id, ...result } as RecalledMessage);
    try {
      if (homeOf(message.actor) !== link.peer.node) throw new GodwitError('PERMISSION_DENIED', `node ${link.peer.node} is not the home of ${message.actor}`);
      answer({ report: await this.move(message.actor, { to: link.peer.node, trigger: message.trigger }) });
    } catch (thrown) {
      answer({ error: valueFromError(GodwitError.from(thrown), this.name) });
    }
  }

  private recallEnded(message: RecalledMessage): void {
    const recall = this.recalls.get(message.id);
    this.recalls.delete(message.id);
    if (message.report !== undefined) {
      this.emit({ type: 'moved', report: message.report });
      recall?.resolve(message.report);
    } else recall?.reject(errorFromValue(message.error));
  }

  private resend(record: TurnRecord, to: string): void {
    const sender = record.sender === undefined ? undefined : this.cells.get(record.sender.$address);
    if (sender === undefined) return;
    const ask = sender.asks.get(record.correlation);
    if (ask !== undefined) ask.to = to;
    sender.repost(record, to);
  }

  private found(address: string): Cell {
    const cell = this.cells.get(address);
    if (cell === undefined || cell === this.app || cell.status === 'ended') {
      const where = this.directory.location(address);
      throw new GodwitError('NOT_FOUND', `actor ${address} is not on node ${this.name}${where === undefined ? '' : `; it was last heard of on ${where.node}`}`);
    }
    if (cell.status === 'starting') throw new GodwitError('FAILED_PRECONDITION', `actor ${address} is still starting`);
    return cell;
  }
}

interface RecallMessage {
  readonly type: 'recall';
  readonly id: number;
  readonly actor: string;
  readonly trigger: string;
}

interface RecalledMessage {
  readonly type: 'recalled';
  readonly id: number;
  readonly report?: MoveReport;
  readonly error?: ErrorValue;
}

function infoOf(cell: Cell, node: string): ActorInfo {
  const { definition, version } = cell.target.$protocol;
  return {
    address: cell.address,
    definition,
    version,
    status: 'here',
    node,
    tier: cell.tier,
    place: cell.instance?.place,
    epoch: cell.epoch,
    incarnation: cell.incarnation,
    mailboxRecords: cell.mailbox.length,
    turns: cell.turns,
  };
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

