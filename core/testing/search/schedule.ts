/** What happens in one schedule, as plain data: the cast, and operations in order of time. One seed makes one schedule. */
import { Sfc32 } from '../sfc32.js';
import type { LedgerKind } from './workload.js';

/** An actor of a schedule. */
export interface ActorPlan {
  readonly name: string;
  readonly home: string;
  readonly kind: LedgerKind;
}

/** One thing a turn does; see `Step` of the workload. */
export interface StepPlan {
  readonly type: 'tell' | 'ask' | 'timer';
  /** Index of the actor. */
  readonly to: number;
  readonly ms: number;
  readonly steps: readonly StepPlan[];
}

/** What befalls a node or two. Its end is part of it, so that an operation can be left out without the others losing their meaning. */
export type Mishap =
  | { readonly type: 'crash'; readonly node: string; readonly forMs: number }
  | { readonly type: 'pause'; readonly node: string; readonly forMs: number }
  | { readonly type: 'cut'; readonly a: string; readonly b: string; readonly forMs: number; readonly isSilent: boolean }
  /** A disk that takes nothing. */
  | { readonly type: 'full'; readonly node: string; readonly forMs: number }
  /** Cut off from everybody. */
  | { readonly type: 'isolate'; readonly node: string; readonly forMs: number; readonly isSilent: boolean };

/** Something done to the world at a time. */
export type Operation = { readonly atMs: number } & (
  | { readonly type: 'tell'; readonly from: string; readonly to: number; readonly count: number; readonly steps: readonly StepPlan[]; readonly throws: boolean }
  | { readonly type: 'ask'; readonly from: string; readonly to: number; readonly timeoutMs: number; readonly steps: readonly StepPlan[] }
  | { readonly type: 'stream'; readonly from: string; readonly to: number; readonly items: number; readonly timeoutMs: number }
  | { readonly type: 'move'; readonly actor: number; readonly to: string; readonly abortAfterMs?: number | undefined }
  | { readonly type: 'recall'; readonly actor: number }
  /** A message of the migration protocol that came to the node is handed to it once more. */
  | { readonly type: 'repeat'; readonly node: string; readonly back: number }
  | { readonly type: 'mishap'; readonly mishap: Mishap }
  /** The mishap comes with the `frames`-th frame from now on between two nodes. */
  | { readonly type: 'strike'; readonly a: string; readonly b: string; readonly frames: number; readonly mishap: Mishap }
);

/** Everything that makes a run. */
export interface Schedule {
  readonly seed: number;
  readonly devices: readonly string[];
  readonly edges: readonly string[];
  /** Milliseconds there and back, the same for every link. */
  readonly rttMs: number;
  /** Milliseconds that a disk takes for a write. */
  readonly fsyncMs: number;
  /** Milliseconds that a hash takes at most. */
  readonly hashMs: number;
  /** Bytes that every actor's state has beside its lineage. */
  readonly bulkBytes: number;
  /** Millionths by which the clocks of every second node are too fast, and those of the others too slow. */
  readonly clockPpm: number;
  readonly actors: readonly ActorPlan[];
  readonly operations: readonly Operation[];
}

/** What may be in a schedule. */
export interface Menu {
  readonly kinds: readonly LedgerKind[];
  /** True if homes may crash: their registers are on disk. */
  readonly homesCrash: boolean;
}

/** The schedule of a seed. @param menu what may be in it; default: one of {@link menus}, as the seed says */
export function createSchedule(seed: number, menu: Menu = menuOf(seed)): Schedule {
  return new Generator(seed, menu).schedule();
}

/** Each kind of actor with what may befall it, and all together. */
export const menus: readonly Menu[] = [
  { kinds: ['volatile', 'checkpointed'], homesCrash: false },
  { kinds: ['durable'], homesCrash: true },
  { kinds: ['volatile', 'checkpointed', 'durable'], homesCrash: false },
  { kinds: ['volatile', 'checkpointed', 'durable'], homesCrash: true },
];

function menuOf(seed: number): Menu {
  return menus[seed % menus.length];
}

/** Draws a schedule. What concerns a move comes close behind it, at the pace of the link, since there the protocol has most to lose. */
class Generator {
  private readonly random: Sfc32;
  private readonly nodes: string[];
  private readonly devices: string[];
  private readonly edges: string[];
  private readonly rttMs: number;
  private readonly fsyncMs: number;
  private readonly hashMs: number;
  private readonly bulkBytes: number;
  private readonly clockPpm: number;
  private readonly actors: ActorPlan[] = [];
  private readonly operations: Operation[] = [];
  /** Actors that may be away from home by now. */
  private readonly isAway = new Set<number>();
  private atMs = 0;

  constructor(
    private readonly seed: number,
    private readonly menu: Menu,
  ) {
    this.random = new Sfc32(seed, 'schedule');
    this.devices = this.chance(0.3) ? ['robot', 'phone'] : ['robot'];
    this.edges = this.chance(0.7) ? ['edge-1', 'edge-2'] : ['edge-1'];
    this.nodes = [...this.devices, ...this.edges];
    this.rttMs = this.one([1, 4, 10, 40]);
    this.fsyncMs = this.one([1, 1, 8, 60]);
    this.hashMs = this.one([0, 0, 1, 10]);
    this.bulkBytes = this.chance(0.1) ? bulkBytes : 0;
    this.clockPpm = this.one([0, 100, 10_000]);
  }

  schedule(): Schedule {
    const { seed, devices, edges, rttMs, fsyncMs, hashMs, bulkBytes, clockPpm, actors, operations } = this;
    const count = 2 + this.below(3);
    for (let index = 0; index < count; index++) actors.push({ name: `ledger-${index + 1}`, home: this.one(devices), kind: this.one(this.menu.kinds) });
    const acts = 3 + this.below(6);
    for (let act = 0; act < acts; act++) this.act();
    operations.sort((a, b) => a.atMs - b.atMs);
    return { seed, devices, edges, rttMs, fsyncMs, hashMs, bulkBytes, clockPpm, actors, operations: operations.slice(0, maxOperations) };
  }

  private act(): void {
    this.atMs += this.one([0, 1, this.rttMs, this.rttMs * 3, 50, 400, 1200, 2600]);
    const kind = this.below(10);
    if (kind < 5) this.move();
    else if (kind < 8) this.traffic(1 + this.below(4), this.rttMs);
    else {
      this.traffic(1 + this.below(3), this.rttMs);
      this.add(this.soon(3), { type: 'mishap', mishap: this.mishap() });
    }
  }

  /** A move with traffic about it and, mostly, something that goes wrong on the way. */
  private move(): void {
    const actor = this.below(this.actors.length);
    const isRecall = this.isAway.has(actor) && this.chance(0.4);
    this.traffic(this.below(3), this.rttMs, actor);
    const abortAfterMs = this.chance(0.15) ? this.hops(6) : undefined;
    if (this.chance(0.5)) this.strike();
    this.add(this.atMs, isRecall ? { type: 'recall', actor } : { type: 'move', actor, to: this.one(this.nodes), abortAfterMs });
    if (isRecall) this.isAway.delete(actor);
    else this.isAway.add(actor);
    this.traffic(1 + this.below(3), this.rttMs * 4, actor);
    if (this.chance(0.3)) this.add(this.soon(8), { type: 'repeat', node: this.one(this.nodes), back: this.below(12) });
    if (this.chance(0.35)) this.add(this.soon(8), { type: 'mishap', mishap: this.mishap() });
    if (this.chance(0.2)) this.add(this.soon(8), { type: 'move', actor: this.below(this.actors.length), to: this.one(this.nodes), abortAfterMs: undefined });
  }

  private strike(): void {
    const [a, b] = this.pair();
    const victim = this.one([a, b]);
    const mishap = this.chance(0.5) ? this.mishap() : this.mishapOf(victim);
    this.add(this.atMs, { type: 'strike', a, b, frames: 1 + this.below(10), mishap });
  }

  private traffic(count: number, withinMs: number, to = this.below(this.actors.length)): void {
    for (let index = 0; index < count; index++) {
      const atMs = this.atMs + this.random.fraction() * withinMs;
      const from = this.one(this.nodes);
      const kind = this.below(10);
      if (kind < 5) this.add(atMs, { type: 'tell', from, to, count: this.one([1, 1, 2, 5]), steps: this.steps(2), throws: this.chance(0.08) });
      else if (kind < 9) this.add(atMs, { type: 'ask', from, to, timeoutMs: this.timeout(), steps: this.steps(2) });
      else this.add(atMs, { type: 'stream', from, to, items: this.one([0, 1, 5, 40]), timeoutMs: 4000 });
    }
  }

  private steps(depth: number): StepPlan[] {
    if (depth === 0 || this.chance(0.4)) return [];
    return Array.from({ length: 1 + this.below(2) }, () => {
      const type = this.one(['tell', 'tell', 'ask', 'timer'] as const);
      const ms = type === 'ask' ? this.timeout() : this.one([0, 5, 50, 700, 2500]);
      return { type, to: this.below(this.actors.length), ms, steps: this.steps(depth - 1) };
    });
  }

  private mishap(): Mishap {
    if (this.chance(0.6)) return this.mishapOf(this.one(this.nodes));
    const [a, b] = this.pair();
    return { type: 'cut', a, b, forMs: this.one(outagesMs), isSilent: this.chance(0.5) };
  }

  private mishapOf(node: string): Mishap {
    const forMs = this.one(outagesMs);
    if (this.devices.includes(node) && this.chance(0.1)) return { type: 'full', node, forMs };
    if (this.chance(0.25)) return { type: 'isolate', node, forMs, isSilent: this.chance(0.5) };
    if (this.chance(0.4) || (!this.menu.homesCrash && this.devices.includes(node))) return { type: 'pause', node, forMs };
    return { type: 'crash', node, forMs };
  }

  private timeout(): number {
    return this.one([20, 300, 1500, 4000]);
  }

  private soon(hops: number): number {
    return this.atMs + this.hops(hops);
  }

  /** Milliseconds that some frames take one after the other. */
  private hops(count: number): number {
    return (this.random.fraction() * count * this.rttMs) / 2;
  }

  private pair(): [string, string] {
    const a = this.below(this.nodes.length);
    const b = (a + 1 + this.below(this.nodes.length - 1)) % this.nodes.length;
    return [this.nodes[a], this.nodes[b]];
  }

  private add(atMs: number, operation: DistributedOmit<Operation, 'atMs'>): void {
    this.operations.push({ atMs: Math.round(atMs * 1000) / 1000, ...operation });
  }

  private chance(share: number): boolean {
    return this.random.fraction() < share;
  }

  private below(count: number): number {
    return Math.floor(this.random.fraction() * count);
  }

  private one<T>(of: readonly T[]): T {
    return of[this.below(of.length)];
  }
}

type DistributedOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** Milliseconds: a blink, less than a lease (2000), about one, and longer with its margin. */
const outagesMs = [5, 60, 500, 1500, 2050, 2600, 6000] as const;
/** More than rides along with a message, so that it travels as a blob. */
const bulkBytes = 70_000;
/** So that one schedule costs milliseconds. */
const maxOperations = 60;

/** One line per operation, for people. */
export function formatSchedule({ seed, devices, edges, rttMs, fsyncMs, hashMs, bulkBytes, clockPpm, actors, operations }: Schedule): string {
  const cast = actors.map(({ name, home, kind }) => `${home}/${name} (${kind})`).join(', ');
  const lines = operations.map(({ atMs, ...operation }) => `  ${atMs.toFixed(3).padStart(10)} ms  ${formatOperation(operation)}`);
  return [
    `seed ${seed}: ${[...devices, ...edges].join(', ')}, RTT ${rttMs} ms, disks ${fsyncMs} ms, hashes ${hashMs} ms, states ${bulkBytes} bytes, clocks ±${clockPpm} ppm; ${cast}`,
    ...lines,
  ].join('\n');
}

function formatOperation({ type, ...rest }: DistributedOmit<Operation, 'atMs'>): string {
  return `${type} ${JSON.stringify(rest)}`;
}
