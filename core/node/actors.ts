// The actors of one node: starting and ending them, their instances, and what supervision does when a turn or an instance fails.
import { type AnyDefinition, checkName, type Protocol, stopMessage } from '../actors/definition.js';
import type { Where } from '../actors/ref.js';
import { decode } from '../codec/index.js';
import type { ChannelRecord, TurnRecord } from '../delivery/record.js';
import { type ErrorValue, errorFromValue, GodwitError, valueFromError } from '../errors.js';
import type { NodeId } from '../migration/index.js';
import type { LogLevel } from '../ports/logger.js';
import type { Manifest, Tier } from '../ports/module-source.js';
import type { Instance, InstanceCapture, Payload, TurnEnd } from '../ports/runtime.js';
import type { Tracer } from '../ports/tracer.js';
import { Cell, type CellHost } from './cell.js';
import { within } from './cell-trace.js';
import type { Channel } from './channel.js';
import { type Directory, originOf } from './directory.js';
import type { BounceAnswer, Link } from './link.js';
import { childManifest } from './manifest.js';
import { infoOf } from './observed.js';
import type { CellTimer, PendingAsk } from './pending.js';
import { outgoingRefs } from './refs.js';
import type { Routes } from './routes.js';
import { Scheduler } from './scheduler.js';
import { TimerWheel } from './timer-wheel.js';
import type { ActorInfo, NodeEvent, NodeOptions } from './types.js';

/** How often an instance may die under the same record before the record is a dead letter (DESIGN §4). */
const maxDeaths = 3;

/** What the actors need of their node. */
export interface ActorsHost {
  readonly routes: Routes;
  readonly directory: Directory;
  /** Where a node is dialled, as far as this one knows. */
  dialledAt(node: string): string | undefined;
  emit(event: NodeEvent): void;
  log(level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>): void;
  checkpointWhenDue(cell: Cell): void;
  /** A durable actor lost its instance: what its home keeps is all there is of it. */
  instanceLost(cell: Cell): void;
  /** The application spawned an actor. @param again does so after all, should nobody know of it @returns true if it exists already, elsewhere or on its way back */
  spawned(address: string, again: () => void): boolean;
  /** True for an actor whose move has been proposed: only the home's answer tells where it goes on. */
  isProposed(cell: Cell): boolean;
  /** An actor ended here for good. */
  ended(cell: Cell): void;
}

export class Actors implements CellHost {
  readonly name: string;
  readonly encodeAlways: boolean;
  readonly tracer: Tracer | undefined;
  /** Turns that have ended here. */
  turns = 0;
  readonly cells = new Map<string, Cell>();
  private readonly definitions = new Map<string, AnyDefinition>();
  private readonly deaths = new WeakMap<ChannelRecord, number>();
  /** Incarnation of the next actor spawned: a name used again is another life, whose streams begin anew. */
  private nextIncarnation = 1;
  private readonly scheduler: Scheduler;
  private readonly wheel: TimerWheel;

  constructor(
    private readonly host: ActorsHost,
    private readonly options: NodeOptions,
  ) {
    this.name = options.name;
    this.encodeAlways = options.encodeAlways ?? false;
    this.tracer = options.tracer;
    this.scheduler = new Scheduler(options.clock);
    this.wheel = new TimerWheel(options.clock);
    for (const definition of options.definitions ?? []) this.definitions.set(definition.name, definition);
  }

  get(address: string): Cell | undefined {
    return this.cells.get(address);
  }

  /** A running actor of this node, once it has started. @throws {GodwitError} NOT_FOUND it is not here */
  async running(address: string): Promise<Cell> {
    const cell = this.cells.get(address);
    await cell?.started();
    if (cell !== undefined && !cell.immediate && cell.status === 'running') return cell;
    const where = this.host.directory.location(address);
    throw new GodwitError('NOT_FOUND', `actor ${address} is not on node ${this.name}${where === undefined ? '' : `; it was last heard of on ${where.node}`}`);
  }

  infos(): ActorInfo[] {
    return [...this.cells.values()].filter((cell) => !cell.immediate).map((cell) => infoOf(cell, this.name));
  }

  knowsNatively(definition: string): boolean {
    return this.definitions.has(definition) && this.options.runtimes.some((runtime) => runtime.tier === 'native');
  }

  /** The cell through which the node's application sends. */
  createApplication(protocol: Protocol, life: string): Cell {
    const cell = new Cell({ $address: this.name, $protocol: protocol }, undefined, this, true);
    cell.life = life;
    this.cells.set(this.name, cell);
    return cell;
  }

  /** Spawns, or attaches to what has the name. @throws {GodwitError} ALREADY_EXISTS an actor of another definition has this name */
  start(address: string, protocol: Protocol, definition: AnyDefinition | undefined, manifest: Manifest | undefined, life: string): void {
    const running = this.cells.get(address);
    if (running !== undefined) {
      if (running.target.$protocol.definition === protocol.definition) return;
      throw new GodwitError('ALREADY_EXISTS', `actor ${address} exists as ${running.target.$protocol.definition}, not ${protocol.definition}`);
    }
    if (definition !== undefined) this.definitions.set(definition.name, definition);
    const again = () => this.start(address, protocol, definition, manifest, life);
    if (originOf(address) === this.name ? this.host.spawned(address, again) : this.isElsewhere(address)) return;
    const cell = new Cell({ $address: address, $protocol: protocol }, definition, this);
    cell.tier = definition === undefined ? 'script' : 'native';
    cell.manifest = manifest;
    cell.checkpointTurns = definition?.checkpointTurns ?? 0;
    cell.incarnation = this.nextIncarnation++;
    cell.life = this.host.directory.lifeOf(address, life);
    if (cell.durable) this.beginDurable(cell);
    this.cells.set(address, cell);
    // Somebody may have held a ref to it, and records for it, before it existed.
    this.host.routes.reroute(address);
    this.createInstance(cell, cell.tier, manifest, undefined).then(
      (instance) => this.run(cell, instance),
      (thrown: unknown) => this.end(cell, `actor ${address} could not start: ${GodwitError.from(thrown).message}`),
    );
  }

  /** Stops an actor and its children; one that may be elsewhere already stops there. */
  stop(address: string): void {
    const cell = this.cells.get(address);
    if (cell === undefined || cell.immediate) return;
    for (const other of [...this.cells.keys()]) if (other.startsWith(`${address}/`)) this.stop(other);
    if (!this.host.isProposed(cell)) this.end(cell, `actor ${address} was stopped`);
    // As through a ref of the application: a record goes where its receiver does.
    else this.cells.get(this.name)?.outlet.send('tell', cell.target, stopMessage, { value: undefined, bytes: undefined }, 0, Number.POSITIVE_INFINITY);
  }

  /** The actor ends here for good; whoever waits for it learns `reason`. */
  end(cell: Cell, reason: string): void {
    if (cell.status === 'ended') return;
    cell.refuseAll(new GodwitError('NOT_FOUND', reason));
    this.host.directory.forget(cell.address);
    this.remove(cell, {});
    this.host.routes.retire(cell);
    this.host.ended(cell);
    this.host.emit({ type: 'stopped', actor: cell.address, reason });
  }

  /** A cell for an actor that is coming; not reachable until `enter`. */
  createCell(address: string, protocol: Protocol): Cell {
    return new Cell({ $address: address, $protocol: protocol }, this.definitions.get(protocol.definition), this);
  }

  enter(cell: Cell): void {
    const { routes, directory } = this.host;
    this.nextIncarnation = Math.max(this.nextIncarnation, cell.incarnation + 1);
    this.cells.set(cell.address, cell);
    directory.adopt(cell.address, { node: this.name, epoch: cell.epoch });
    cell.byCheckpoint = cell.durable || (originOf(cell.address) !== this.name && cell.checkpointTurns > 0);
    for (const cursor of cell.cursors.values()) cursor.byCheckpoint = cell.byCheckpoint;
    for (const channel of cell.outlet.channels.values()) routes.route(channel);
    routes.reroute(cell.address);
  }

  /** The actor is elsewhere from now on. */
  leave(cell: Cell, to: NodeId, epoch: number): void {
    this.host.directory.adopt(cell.address, { node: to.name, epoch });
    const address = this.host.dialledAt(to.name);
    this.remove(cell, to.name === this.name ? { coming: true } : { node: to.name, epoch, ...(address === undefined ? {} : { address }) });
    this.host.routes.leave(cell);
  }

  async createInstance(cell: Cell, tier: Tier, manifest: Manifest | undefined, capture: InstanceCapture | undefined): Promise<Instance> {
    const { runtimes, blobs, hostFunctions } = this.options;
    const runtime = runtimes.find((candidate) => candidate.tier === tier);
    if (runtime === undefined) throw new GodwitError('UNIMPLEMENTED', `node ${this.name} runs no ${tier} tier`);
    const { $address, $protocol } = cell.target;
    const definition = tier === 'native' ? this.definitions.get($protocol.definition) : undefined;
    if (definition !== undefined && definition.version !== $protocol.version && capture === undefined) {
      const { name, version } = definition;
      throw new GodwitError('FAILED_PRECONDITION', `node ${this.name} has version ${version} of ${name}, actor ${$address} is of version ${$protocol.version}`);
    }
    const module = tier === 'native' || manifest === undefined ? undefined : { manifest, program: await blobs.get(manifest.program) };
    const instance = await runtime.create({ address: $address, definition, module, capture, hostFunctions, node: this.name }, cell.outlet);
    const { protocol } = instance;
    // Later code has read the capture: from now on it is an actor of that.
    if (protocol !== undefined && protocol.version !== $protocol.version) cell.target = { $address, $protocol: protocol };
    return instance;
  }

  close(): void {
    for (const cell of this.cells.values()) {
      cell.status = 'ended';
      cell.instance?.close();
      cell.trace?.ended();
    }
    this.cells.clear();
    this.wheel.close();
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
    this.host.routes.route(channel);
  }

  /** Never throws: whoever waits for the error gets it, if need be with the stack as it came. */
  readonly mapStack = (stack: string) => {
    try {
      return this.options.mapStack?.(stack) ?? stack;
    } catch (thrown) {
      this.host.log('warn', 'stack.unmapped', { reason: GodwitError.from(thrown).message });
      return stack;
    }
  };
  readonly resolve = (address: string) => this.host.directory.resolve(address);

  where(address: string): Where | undefined {
    const resolved = this.resolve(address);
    const cell = this.cells.get(resolved);
    if (cell !== undefined) return { node: this.name, tier: cell.tier, epoch: cell.epoch };
    const location = this.host.directory.location(resolved);
    return location === undefined ? undefined : { node: location.node, tier: location.tier ?? 'unknown', epoch: location.epoch };
  }

  spawnChild(parent: Cell, protocol: Protocol, definition: AnyDefinition | undefined, name: string): void {
    checkName(name, 'actor');
    const manifest = parent.manifest === undefined || definition !== undefined ? undefined : childManifest(parent.manifest, protocol);
    this.start(`${parent.address}/${name}`, protocol, definition, manifest, parent.life);
  }

  callHostFunction(cell: Cell, call: number, hostFunction: string, method: string, args: Payload): void {
    const settle = (outcome: { payload: Payload } | { error: ErrorValue }) => {
      if (cell.status !== 'ended') cell.instance?.settle(call, outcome);
    };
    this.hostFunction(hostFunction, method, args).then(
      (value) => settle({ payload: { value, bytes: undefined } }),
      (thrown: unknown) => settle({ error: valueFromError(GodwitError.from(thrown), this.name) }),
    );
  }

  turnEnded(cell: Cell, record: TurnRecord, end: TurnEnd): void {
    this.turns += 1;
    if (end.threw !== undefined) within(cell.trace, () => this.turnFailed(cell, record, end.threw, end.decision));
    if (cell.durable) this.mustCheckpoint(cell);
    else if (cell.checkpointTurns > 0) this.host.checkpointWhenDue(cell);
  }

  mustCheckpoint(cell: Cell): void {
    if (cell.checkpointScheduled) return;
    cell.checkpointScheduled = true;
    queueMicrotask(() => {
      cell.checkpointScheduled = false;
      this.host.checkpointWhenDue(cell);
    });
  }

  diverged(cell: Cell, to: string, count: number): void {
    this.host.emit({ type: 'diverged', actor: cell.address, to, records: count });
  }

  instanceFailed(cell: Cell, error: ErrorValue): void {
    if (cell.status === 'ended' || cell.immediate) return;
    this.host.log('error', 'instance.failed', { actor: cell.address, code: error.code, reason: error.message });
    if (cell.durable) {
      this.host.instanceLost(cell);
      return;
    }
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
    this.again(cell).then(
      (instance) => this.run(cell, instance),
      (thrown: unknown) => this.end(cell, `actor ${cell.address} could not be restarted: ${GodwitError.from(thrown).message}`),
    );
  }

  stopActor(cell: Cell): void {
    this.stop(cell.address);
  }

  deadLetter(cell: Cell, record: ChannelRecord, reason: string): void {
    if (record.message !== stopMessage) this.host.emit({ type: 'dead-letter', actor: cell.address, message: record.message, reason });
  }

  log(level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>): void {
    this.host.log(level, event, fields);
  }

  // ── Inside ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private isElsewhere(address: string): boolean {
    const location = this.host.directory.location(address);
    return location !== undefined && location.node !== this.name;
  }

  /** @throws {GodwitError} FAILED_PRECONDITION its home has no store */
  private beginDurable(cell: Cell): void {
    if (originOf(cell.address) === this.name && this.options.store === undefined) {
      throw new GodwitError(
        'FAILED_PRECONDITION',
        `actor ${cell.address} is durable, and its home ${this.name} keeps nothing beyond a crash: start the node with a data directory (a store)`,
      );
    }
    // Not even its first state is safe yet.
    cell.checkpointedTurns = -1;
  }

  private run(cell: Cell, instance: Instance): void {
    if (cell.status === 'ended') instance.close();
    else cell.run(instance);
  }

  /** A new instance for an actor that lost its own: from the last capture, or from the beginning. */
  private async again(cell: Cell): Promise<Instance> {
    const capture = cell.lastCapture ?? (await this.firstCapture(cell));
    // Its asks were given up, but an answer may be on its way: their numbers are not used again. Its streams have failed.
    return this.createInstance(cell, cell.tier, cell.manifest, { ...capture, nextAsk: Math.max(capture.nextAsk, cell.outlet.lastNumber + 1), streams: [] });
  }

  private async firstCapture(cell: Cell): Promise<InstanceCapture> {
    const instance = await this.createInstance(cell, cell.tier, cell.manifest, undefined);
    try {
      return await instance.capture();
    } finally {
      instance.close();
    }
  }

  private remove(cell: Cell, answer: BounceAnswer): void {
    cell.status = 'ended';
    cell.instance?.close();
    cell.trace?.ended();
    // A later life of the actor may already be here.
    if (this.cells.get(cell.address) === cell) this.cells.delete(cell.address);
    for (const timer of [...cell.outlet.timers.values(), ...cell.outlet.asks.values()]) this.wheel.remove(timer);
    for (const cursor of cell.cursors.values()) (cursor.sink as Link | undefined)?.bounce(cursor.stream, answer);
    this.host.routes.reroute(cell.address);
  }

  private async hostFunction(name: string, method: string, args: Payload): Promise<unknown> {
    const { hostFunctions } = this.options;
    const target = hostFunctions.get(name);
    if (target === undefined)
      throw new GodwitError('NOT_FOUND', `node ${this.name} has no host function '${name}'; it has ${[...hostFunctions.keys()].join(', ') || 'none'}`);
    return target.call(method, (args.bytes === undefined ? args.value : decode(args.bytes, outgoingRefs)) as unknown[]);
  }

  private turnFailed(cell: Cell, record: TurnRecord, threw: ErrorValue, decision: string): void {
    this.host.emit({ type: 'turn-failed', actor: cell.address, message: record.message, code: threw.code, reason: threw.message, decision });
    const stops = decision === 'stop' || (decision === 'reset' && !cell.resets.mayBeOneMore(this.now()));
    if (!stops && decision !== 'escalate') return;
    // No turn begins any more; the actor ends after the failed turn's own replies have left.
    cell.freeze();
    queueMicrotask(() => (stops ? this.stopScope(cell) : this.escalate(cell, threw)));
  }

  private stopScope(cell: Cell): void {
    const parent = cell.address.slice(0, cell.address.lastIndexOf('/'));
    const siblings =
      cell.definition?.supervise.scope === 'all'
        ? [...this.cells.keys()].filter((address) => address.startsWith(`${parent}/`) && !address.slice(parent.length + 1).includes('/'))
        : [cell.address];
    for (const address of siblings) this.stop(address);
  }

  /** The failure becomes the parent's: the child stops, and the parent's supervision decides for itself. */
  private escalate(cell: Cell, threw: ErrorValue): void {
    const parent = this.cells.get(cell.address.slice(0, cell.address.lastIndexOf('/')));
    this.stop(cell.address);
    if (parent === undefined || parent.immediate) return;
    const decision = parent.definition?.supervise.decide?.(errorFromValue(threw), 'child') ?? 'resume';
    if (decision === 'stop' || decision === 'reset') this.stop(parent.address);
    else if (decision === 'escalate') this.escalate(parent, threw);
  }
}
