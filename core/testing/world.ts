import { GodwitError } from '../errors.js';
import type { NodeEvent } from '../node/types.js';
import type { Cancel } from '../ports/clock.js';
import { type LinkOptions, SimulatedLink } from './simulated-link.js';
import { type NodeWorld, SimulatedNode, type SimulatedNodeOptions } from './simulated-node.js';
import { Simulation } from './simulation.js';

/** How a world begins. @public */
export interface WorldOptions {
  /** Decides everything that chance decides in it: a safe integer. Default 1. */
  readonly seed?: number;
  /** Encodes even what stays on a node, so that tests see what a move would. Default false. */
  readonly encodeAlways?: boolean;
  /** Keeps a line per happening in {@link World.trace}; costs time. Default false. */
  readonly trace?: boolean;
}

/** Something that a node reported. @public */
export interface WorldEvent {
  /** Virtual milliseconds since the world began. */
  readonly atMs: number;
  readonly node: string;
  /** Which life of the node, from 1. */
  readonly life: number;
  readonly event: NodeEvent;
}

const usPerMs = 1000;
/** Virtual milliseconds: longer than any deadline or lease in core takes to end what it ends. */
const defaultLimitMs = 60_000;
/** Events that an error of the world tells. */
const eventsTold = 8;

/**
 * A world with a time of its own, in which nodes, links and disks are simulated and the code of nodes and actors is the real one.
 * One seed is one run: whatever chance decides, it decides again.
 * @throws {GodwitError} INVALID_ARGUMENT the seed is no safe integer
 * @public
 */
export function world(options: WorldOptions = {}): World {
  return new World(options);
}

/** See {@link world}. Time passes only in `advance` and `settle`. @public */
export class World {
  readonly seed: number;
  /** What the nodes reported so far, of all their lives. */
  readonly events: WorldEvent[] = [];
  private readonly simulation: Simulation;
  private readonly nodes = new Map<string, SimulatedNode>();
  private readonly links: SimulatedLink[] = [];
  private readonly listeners = new Set<(event: WorldEvent) => void>();
  private readonly inside: NodeWorld;

  constructor(options: WorldOptions) {
    this.seed = options.seed ?? 1;
    if (!Number.isSafeInteger(this.seed)) throw new GodwitError('INVALID_ARGUMENT', `the seed of a world is a safe integer, not ${this.seed}`);
    this.simulation = new Simulation(this.seed, options.trace ?? false);
    this.inside = {
      simulation: this.simulation,
      encodeAlways: options.encodeAlways ?? false,
      linkBetween: (a, b) => this.links.find((link) => isBetween(link, a, b)),
      linksOf: (node) => this.links.filter(({ dialler, other }) => dialler.name === node || other.name === node),
      node: (name) => this.nodes.get(name),
      seen: (node, event) => this.seen(node, event),
    };
  }

  // ── What is in it ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Adds a device: home of the actors spawned on it, with a disk; it takes in no others. @throws {GodwitError} ALREADY_EXISTS · INVALID_ARGUMENT bad name */
  device(name: string, options: SimulatedNodeOptions = {}): SimulatedNode {
    return this.add(name, false, options);
  }

  /** Adds an edge: admits every actor whose definition it has. @throws {GodwitError} ALREADY_EXISTS · INVALID_ARGUMENT bad name */
  edge(name: string, options: SimulatedNodeOptions = {}): SimulatedNode {
    return this.add(name, true, options);
  }

  /** Lets two nodes reach each other; the first one dials, and again whenever the link drops. For linked nodes it changes how the link behaves from now on. */
  link(from: SimulatedNode, to: SimulatedNode, options: LinkOptions = {}): void {
    const known = this.links.find((link) => isBetween(link, from.name, to.name));
    if (known !== undefined) {
      known.options = options;
      return;
    }
    const link = new SimulatedLink(this.simulation, from, to);
    link.options = options;
    this.links.push(link);
    from.dial(link);
  }

  // ── Time ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Virtual milliseconds since the world began. */
  get nowMs(): number {
    return this.simulation.nowUs / usPerMs;
  }

  /**
   * Lets everything happen that is due within the next `ms` virtual milliseconds.
   * @throws {GodwitError} INVALID_ARGUMENT `ms` is no number of milliseconds · INTERNAL a node threw where nobody catches · RESOURCE_EXHAUSTED a loop in which no time passes · FAILED_PRECONDITION the world is running
   */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY)) throw this.simulation.error('INVALID_ARGUMENT', `time advances by 0 or more milliseconds, not ${ms}`);
    const untilUs = this.simulation.nowUs + Math.round(ms * usPerMs);
    await this.simulation.run(untilUs, () => false);
    this.simulation.pass(untilUs);
  }

  /**
   * Lets time pass until `promise` settles, and settles like it.
   * @param limitMs virtual milliseconds, default 60 000
   * @throws {GodwitError} DEADLINE_EXCEEDED it did not settle within `limitMs` · FAILED_PRECONDITION nothing is due any more, so it never will · else as {@link advance}
   */
  async settle<T>(promise: PromiseLike<T>, options: { readonly limitMs?: number } = {}): Promise<T> {
    const { limitMs = defaultLimitMs } = options;
    let settled = false;
    const settle = () => {
      settled = true;
    };
    promise.then(settle, settle);
    const end = await this.simulation.run(this.simulation.nowUs + Math.round(limitMs * usPerMs), () => settled);
    if (end === 'stopped') return promise;
    const reason = end === 'time is up' ? `did not settle within ${limitMs} virtual ms` : 'will never settle: nothing is due any more';
    throw this.simulation.error(end === 'time is up' ? 'DEADLINE_EXCEEDED' : 'FAILED_PRECONDITION', `the promise ${reason}\n${this.describe()}\n`);
  }

  // ── Faults ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Cuts a link until it is healed. Both ends learn at once; silently, frames wait in vain and each end finds out by itself after `detectMs`
   * (see {@link LinkOptions}). Healed before that, the frames arrive late, and nobody noticed.
   */
  cut(a: SimulatedNode, b: SimulatedNode, options: { readonly silent?: boolean } = {}): void {
    const link = this.linkOf(a, b);
    if (link.down !== undefined) return;
    this.note(`cut ${a.name} ${b.name}`);
    link.cut(options.silent ?? false);
  }

  /** The link works again; whoever dials it finds out at its next try. Without nodes: all links. */
  heal(a?: SimulatedNode, b?: SimulatedNode): void {
    this.note(`heal ${a?.name} ${b?.name}`);
    for (const link of a === undefined || b === undefined ? this.links : [this.linkOf(a, b)]) if (link.down !== undefined) link.heal();
  }

  /** Cuts every link between a node of one side and one of the other. Options as for {@link World.cut}. */
  partition(side: readonly SimulatedNode[], other: readonly SimulatedNode[], options: { readonly silent?: boolean } = {}): void {
    for (const a of side) for (const b of other) if (this.inside.linkBetween(a.name, b.name) !== undefined) this.cut(a, b, options);
  }

  /**
   * Ends a node's life as kill -9 does: nothing of it does anything any more, and what its disk had not synced is lost. Its peers learn
   * when the news reaches them, or, silently as with a power cut, after `detectMs`. @throws {GodwitError} FAILED_PRECONDITION it is down
   */
  crash(node: SimulatedNode, options: { readonly silent?: boolean } = {}): void {
    this.expect(node, ['running', 'paused']);
    this.note(`crash ${node.name}`);
    node.crash(options.silent ?? false);
  }

  /** Begins the next life of a crashed node, with what its disk had synced. @throws {GodwitError} FAILED_PRECONDITION it is not down */
  restart(node: SimulatedNode): void {
    this.expect(node, ['down']);
    this.note(`restart ${node.name}`);
    node.start();
  }

  /**
   * Stops a node as SIGSTOP does: its timers and what is sent to it wait. What the test itself asks of it still begins: it is on no node.
   * @throws {GodwitError} FAILED_PRECONDITION it is not running
   */
  pause(node: SimulatedNode): void {
    this.expect(node, ['running']);
    this.note(`pause ${node.name}`);
    node.pause();
  }

  /** Lets a paused node go on: all that waited happens now, late. @throws {GodwitError} FAILED_PRECONDITION it is not paused */
  resume(node: SimulatedNode): void {
    this.expect(node, ['paused']);
    this.note(`resume ${node.name}`);
    node.resume();
  }

  // ── What happened ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Calls `listener` with every event of every node from now on. */
  observe(listener: (event: WorldEvent) => void): Cancel {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /**
   * Calls `listener` with every frame that comes to a node, before the node has it: what the listener cuts or crashes then, it does between
   * two frames, at the moment a schedule wants. One listener at a time. @internal
   */
  onFrame(listener: (from: string, to: string, frame: Uint8Array) => void): void {
    this.simulation.frameArrives = listener;
  }

  /** A line per happening so far; empty unless the world was made with `trace`. */
  get trace(): readonly string[] {
    return this.simulation.trace.lines;
  }

  /** 64 bits, as hex, of all that happened so far, to the byte: equal for two runs that went the same way. Not cryptographic. */
  digest(): string {
    return this.simulation.trace.digest();
  }

  /** What the world looks like, for people. */
  describe(): string {
    const nodes = [...this.nodes.values()].map((node) => `  ${node.name}: ${node.status}, life ${node.lifeNumber}${actorsOf(node)}`);
    const links = this.links.map(({ dialler, other, down }) => `  ${dialler.name} – ${other.name}: ${down === undefined ? 'whole' : `cut (${down})`}`);
    const events = this.events.slice(-eventsTold).map(({ atMs, node, life, event }) => `  ${atMs} ms ${node} (life ${life}): ${JSON.stringify(event)}`);
    return [`seed ${this.seed}, ${this.nowMs} ms, ${this.simulation.dues} things due`, ...nodes, ...links, 'latest events:', ...events].join('\n');
  }

  // ── Inside ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private add(name: string, admits: boolean, options: SimulatedNodeOptions): SimulatedNode {
    if (this.nodes.has(name)) throw this.simulation.error('ALREADY_EXISTS', `this world has a node ${name} already`);
    const node = new SimulatedNode(this.inside, name, admits, options);
    this.nodes.set(name, node);
    return node;
  }

  private linkOf(a: SimulatedNode, b: SimulatedNode): SimulatedLink {
    const link = this.inside.linkBetween(a.name, b.name);
    if (link === undefined) throw this.simulation.error('NOT_FOUND', `${a.name} and ${b.name} are not linked`);
    return link;
  }

  private expect(node: SimulatedNode, statuses: ReadonlyArray<SimulatedNode['status']>): void {
    if (!statuses.includes(node.status))
      throw this.simulation.error('FAILED_PRECONDITION', `node ${node.name} is ${node.status}, not ${statuses.join(' or ')}`);
  }

  private seen(node: SimulatedNode, event: NodeEvent): void {
    const seen: WorldEvent = { atMs: this.nowMs, node: node.name, life: node.lifeNumber, event };
    this.events.push(seen);
    this.simulation.trace.add(this.simulation.nowUs, node.name, JSON.stringify(event));
    for (const listener of this.listeners) listener(seen);
  }

  private note(what: string): void {
    this.simulation.trace.add(this.simulation.nowUs, 'world', what);
  }
}

function isBetween({ dialler, other }: SimulatedLink, a: string, b: string): boolean {
  return (dialler.name === a && other.name === b) || (dialler.name === b && other.name === a);
}

function actorsOf(node: SimulatedNode): string {
  if (node.status === 'down') return '';
  return node
    .actors()
    .map(({ address, epoch, turns, mailboxRecords }) => `, ${address} (epoch ${epoch}, ${turns} turns, ${mailboxRecords} waiting)`)
    .join('');
}
