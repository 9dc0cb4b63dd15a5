// What the ten schedules share: actors that write each of their turns into a diary outside of every node, frames that can be struck at, and
// the promises that hold whatever happens (DESIGN §8).
import type { ExecutionContext } from 'ava';
import type { Context } from '../actors/context.js';
import { actor, type Definition, type Durability } from '../actors/definition.js';
import type { Ref } from '../actors/ref.js';
import { readFrame } from '../delivery/wire.js';
import { GodwitError } from '../errors.js';
import type { MigrationMessage, Register } from '../migration/index.js';
import { type SimulatedNode, type World, type WorldOptions, world } from '../testing/index.js';
import type { Cell } from './cell.js';
import type { Link } from './link.js';
import type { ControlMessage } from './link-host.js';
import { readControl } from './peer-message.js';
import type { NodeEvent } from './types.js';

// ── The cast ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Names of a thing passed on: each is used once. */
export type Entry = string;

/** What a scribe remembers: all it was told, and the answers it was given. */
interface Scroll {
  readonly entries: Entry[];
  readonly answers: number[];
}

/** An errand: pass `entry` on to `to`. */
interface Errand {
  readonly to: ScribeRef;
  readonly entry: Entry;
}

// An alias, not an interface: only that fits a set of handlers by any name.
export type ScribeHandlers = {
  readonly order: (scroll: Scroll, order: { readonly by: ScribeRef; readonly errand: Errand }, ctx: Context) => number;
  readonly put: (scroll: Scroll, entry: Entry, ctx: Context) => number;
  readonly all: (scroll: Scroll) => Scroll;
  readonly pass: (scroll: Scroll, errand: Errand, ctx: Context) => number;
  readonly flood: (scroll: Scroll, errand: Errand & { readonly count: number }, ctx: Context) => number;
  readonly ask: (scroll: Scroll, errand: Errand & { readonly timeoutMs?: number }, ctx: Context) => Promise<number>;
  readonly draw: (scroll: Scroll, errand: Errand, ctx: Context) => Promise<number>;
  readonly remind: (scroll: Scroll, after: { readonly ms: number; readonly entry: Entry }, ctx: Context) => number;
  readonly each: (scroll: Scroll, from: number, ctx: Context) => AsyncGenerator<number>;
};
export type ScribeRef = Ref<ScribeHandlers>;
type Scribe = Definition<Scroll, ScribeHandlers>;

/** Items of the stream of a scribe: more than a reader grants at once. */
export const items = 200;

/** A turn that a scribe began. */
interface TurnSeen {
  readonly actor: string;
  readonly entry: Entry;
  readonly node: string;
  readonly epoch: number;
  readonly incarnation: number;
  readonly life: string;
  readonly atMs: number;
}

/** What all scribes of a world did, kept where no crash reaches it. */
class Diary {
  readonly turns: TurnSeen[] = [];
  /** Items that streams brought forth. */
  yielded = 0;
  private readonly hosts: object[] = [];
  private draws = 0;

  constructor(private readonly nowMs: () => number) {}

  write(scroll: Scroll, entry: Entry, ctx: Context): number {
    const { cell } = (ctx as unknown as { readonly behaviour: { readonly host: { readonly cell: Cell } } }).behaviour.host;
    const { address, epoch, incarnation, life, host } = cell;
    this.turns.push({ actor: address, entry, node: host.name, epoch, incarnation, life, atMs: this.nowMs() });
    this.hosts.push(host);
    return scroll.entries.push(entry);
  }

  /** Something else at each call: a handler that uses it does something else when it runs again. */
  draw(): string {
    return `draw ${++this.draws} at ${this.nowMs()} ms`;
  }

  of(address: string): TurnSeen[] {
    return this.turns.filter(({ actor }) => actor === address);
  }

  /** I1, I3: epochs of an actor's turns never go back, and within one epoch one life of one node runs them. */
  overlaps(): string[] {
    const latest = new Map<string, { readonly turn: TurnSeen; readonly host: object }>();
    const seen: string[] = [];
    for (const [index, turn] of this.turns.entries()) {
      const key = `${turn.actor} ${turn.life}`;
      const before = latest.get(key);
      const host = this.hosts[index];
      if (before !== undefined && (turn.epoch < before.turn.epoch || (turn.epoch === before.turn.epoch && host !== before.host)))
        seen.push(`${tell(turn)} after ${tell(before.turn)}`);
      latest.set(key, { turn, host });
    }
    return seen;
  }
}

function tell({ actor: address, entry, node, epoch, atMs }: TurnSeen): string {
  return `${address} '${entry}' on ${node} at epoch ${epoch}, ${atMs} ms`;
}

function scribe(name: string, durability: Durability, checkpointTurns: number, diary: Diary): Scribe {
  const on: ScribeHandlers = {
    put: (scroll, entry, ctx) => diary.write(scroll, entry, ctx),
    all: (scroll) => scroll,
    pass(scroll, { to, entry }, ctx) {
      ctx.send<ScribeHandlers, 'put'>(to, 'put', `${entry} passed`);
      return diary.write(scroll, entry, ctx);
    },
    flood(scroll, { to, entry, count }, ctx) {
      for (let index = 1; index <= count; index++) ctx.send<ScribeHandlers, 'put'>(to, 'put', `${entry} ${index}`);
      return diary.write(scroll, entry, ctx);
    },
    order(scroll, { by, errand }, ctx) {
      ctx.send<ScribeHandlers, 'draw'>(by, 'draw', errand);
      return diary.write(scroll, errand.entry, ctx);
    },
    async ask(scroll, { to, entry, timeoutMs = 20_000 }, ctx) {
      diary.write(scroll, entry, ctx);
      return scroll.answers.push(await to.put(`${entry} asked`, { timeoutMs }));
    },
    async draw(scroll, { to, entry }, ctx) {
      diary.write(scroll, entry, ctx);
      return scroll.answers.push(await to.put(`${entry} ${diary.draw()}`, { timeoutMs: 20_000 }));
    },
    remind(scroll, { ms, entry }, ctx) {
      ctx.after(ms, 'put', `${entry} reminded`);
      return diary.write(scroll, entry, ctx);
    },
    async *each(_scroll, from, ctx) {
      ctx.resume(from);
      for (let item = from; item < items && !ctx.signal.aborted; item++) {
        ctx.resume(item + 1);
        diary.yielded += 1;
        yield item;
      }
    },
  };
  return actor(name, { durability, checkpointTurns, state: (): Scroll => ({ entries: [], answers: [] }), on });
}

/** What a crash may cost the actors of a schedule. */
type Kind = 'volatile' | 'durable';
export const kinds: readonly Kind[] = ['volatile', 'durable'];

// ── The stage ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A world with a diary, in which frames can be struck at. */
export class Stage {
  readonly w: World;
  readonly diary: Diary;
  readonly frames: Frames;
  /** Comes back as it left home. */
  readonly volatile: Scribe;
  /** Comes back from a checkpoint after each turn. */
  readonly checkpointed: Scribe;
  readonly durable: Scribe;

  constructor(options: WorldOptions = {}) {
    this.w = world(options);
    this.diary = new Diary(() => this.w.nowMs);
    this.frames = new Frames(this.w);
    this.volatile = scribe('volatile', 'volatile', 0, this.diary);
    this.checkpointed = scribe('checkpointed', 'volatile', 1, this.diary);
    this.durable = scribe('durable', 'durable', 0, this.diary);
  }

  /** Links every two of them, and waits until they are. */
  async link(rttMs: number, ...nodes: readonly SimulatedNode[]): Promise<void> {
    for (const [index, a] of nodes.entries()) for (const b of nodes.slice(index + 1)) this.w.link(a, b, { rttMs, detectMs: 30_000 });
    await this.w.advance(rttMs * 6 + 20);
  }

  get definitions(): readonly Scribe[] {
    return [this.volatile, this.checkpointed, this.durable];
  }

  events<T extends NodeEvent['type']>(type: T): Array<Extract<NodeEvent, { type: T }> & { readonly atMs: number; readonly node: string }> {
    const own = this.w.events.filter(({ event }) => event.type === type);
    return own.map(({ atMs, node, event }) => ({ ...(event as Extract<NodeEvent, { type: T }>), atMs, node }));
  }

  /** What a scribe says of itself in the end. */
  scroll(ref: ScribeRef): Promise<Scroll> {
    return this.w.settle(ref.all(undefined, { timeoutMs: 20_000 }));
  }

  /**
   * Kills a node at the `count`th frame from now on to or from it, or after 1.5 s. What is under way to and from it arrives, or, if `lost`,
   * nothing of it does. @returns false if there was no such frame
   */
  async killAt(count: number, node: SimulatedNode, others: readonly SimulatedNode[], lost: boolean): Promise<boolean> {
    const untilMs = this.w.nowMs + 1500;
    const kill = () => {
      if (lost) for (const other of others) this.w.cut(node, other);
      this.w.crash(node);
    };
    const cancel = this.frames.atFrame(count, node, undefined, kill);
    await this.until(() => node.status === 'down' || this.w.nowMs > untilMs, `the crash of ${node.name}`);
    cancel();
    const struck = node.status === 'down';
    if (!struck) kill();
    await this.w.advance(1);
    this.w.heal();
    return struck;
  }

  /** Lets time pass until `done`. @throws {GodwitError} DEADLINE_EXCEEDED it is not done within 20 virtual seconds */
  async until(done: () => boolean, what: string, stepMs = 1): Promise<void> {
    const limitMs = this.w.nowMs + 20_000;
    while (!done()) {
      if (this.w.nowMs > limitMs) throw new GodwitError('DEADLINE_EXCEEDED', `${what} did not come: ${this.w.describe()}`);
      await this.w.advance(stepMs);
    }
  }
}

// ── Frames and messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A message beside records, as it comes to a node; of a migration message, that one. */
export interface MessageSeen {
  readonly from: string;
  readonly to: string;
  readonly type: string;
  readonly message: ControlMessage | MigrationMessage;
}

/** Hears of frames and messages before the nodes do. */
class Frames {
  readonly messages: MessageSeen[] = [];
  private readonly counts = new Map<string, number>();
  private readonly listeners = new Set<(from: string, to: string, frame: Uint8Array) => void>();
  private readonly watchers = new Set<(seen: MessageSeen) => void>();

  constructor(w: World) {
    w.onFrame((from, to, frame) => {
      this.counts.set(`${from} ${to}`, this.between(from, to) + 1);
      for (const seen of messagesOf(from, to, frame)) {
        this.messages.push(seen);
        for (const watcher of [...this.watchers]) watcher(seen);
      }
      for (const listener of [...this.listeners]) listener(from, to, frame);
    });
  }

  /** Calls `strike` when the `count`th frame from now on, counted from 1, comes to or from `a` (and `b`, if there is one), before it is heard. @returns what ends the wait */
  atFrame(count: number, a: SimulatedNode, b: SimulatedNode | undefined, strike: () => void): () => void {
    let left = count;
    const listener = (from: string, to: string): void => {
      if ((from !== a.name && to !== a.name) || (b !== undefined && from !== b.name && to !== b.name)) return;
      left -= 1;
      if (left > 0) return;
      this.listeners.delete(listener);
      strike();
    };
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Calls `strike` when the first message of a type from now on comes to `to`, before it is heard. */
  atMessage(type: string, to: SimulatedNode, strike: (seen: MessageSeen) => void): void {
    const watcher = (seen: MessageSeen): void => {
      if (seen.type !== type || seen.to !== to.name) return;
      this.watchers.delete(watcher);
      strike(seen);
    };
    this.watchers.add(watcher);
  }

  /** How many frames have come to `to` from `from`. */
  between(from: string, to: string): number {
    return this.counts.get(`${from} ${to}`) ?? 0;
  }

  count(type: string, to?: SimulatedNode): number {
    return this.messages.filter((seen) => seen.type === type && (to === undefined || seen.to === to.name)).length;
  }
}

function messagesOf(from: string, to: string, frame: Uint8Array): MessageSeen[] {
  const seen: MessageSeen[] = [];
  const ignore = () => {};
  const controlReceived = (body: Uint8Array): void => {
    const control = readControl(body) as ControlMessage & { readonly message?: MigrationMessage };
    const message = control.type === 'migration' ? (control.message as MigrationMessage) : control;
    seen.push({ from, to, type: message.type, message });
  };
  try {
    readFrame(frame, { record: ignore, ack: ignore, open: ignore, name: ignore, bounceReceived: ignore, controlReceived });
  } catch {
    // An introduction is no frame of entries.
  }
  return seen;
}

interface Inside {
  readonly migrations: {
    receive(message: MigrationMessage, link: Link): void;
    readonly homes: { get(actor: string): { readonly state: { readonly register: Register } } | undefined };
  };
  readonly routes: { readonly links: ReadonlyMap<string, Link> };
}

function insideOf(node: SimulatedNode): Inside {
  return (node.node as unknown as { readonly inside: Inside }).inside;
}

/** Hands a message of the migration protocol to its node once more, as a network that repeats would. @returns false if the life that sent it is not linked */
export function repeat({ message }: MessageSeen, from: SimulatedNode, to: SimulatedNode): boolean {
  if (from.status !== 'running' || to.status !== 'running') return false;
  const { migrations, routes } = insideOf(to);
  const link = routes.links.get(from.name);
  if (link?.attached !== true || link.peer.boot !== (message as MigrationMessage).from.boot) return false;
  migrations.receive(message as MigrationMessage, link);
  return true;
}

/** The register of an actor at its home. */
export function registerOf(home: SimulatedNode, address: string): Register | undefined {
  return insideOf(home).migrations.homes.get(address)?.state.register;
}

// ── What holds ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The value, or the code it failed with. */
export function outcome<T>(work: PromiseLike<T>): Promise<T | string> {
  return Promise.resolve(work).catch((thrown: unknown) => GodwitError.from(thrown).code);
}

/** Nodes on which the actor runs. */
export function placesOf(address: string, nodes: readonly SimulatedNode[]): string[] {
  const living = nodes.filter(({ status }) => status !== 'down');
  return living.filter((node) => node.actors().some((info) => info.address === address && info.status === 'here')).map(({ name }) => name);
}

/** `count` entries: 'a 1' … 'a count'. */
export function numbered(name: string, count: number, suffix = ''): Entry[] {
  return Array.from({ length: count }, (_, index) => `${name} ${index + 1}${suffix}`);
}

/** Positions 1 … count. */
export function positions(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** In the order of `expected`, each at most once, nothing else. */
export function isInOrder(entries: readonly Entry[], expected: readonly Entry[]): boolean {
  let at = -1;
  return entries.every((entry) => {
    const next = expected.indexOf(entry);
    const follows = next > at;
    at = next;
    return follows;
  });
}

/** At most one ran at any time, and exactly one runs in the end. */
export function assertOneCopy(t: ExecutionContext, stage: Stage, address: string, nodes: readonly SimulatedNode[], what: string): void {
  t.deepEqual(stage.diary.overlaps(), [], what);
  t.is(placesOf(address, nodes).length, 1, `${what}: ${address} runs on ${placesOf(address, nodes).join(' and ')}`);
}
