/** Plays one schedule in a world of its own: real nodes, the operations at their times, then a long rest, and the checks. */
import { GodwitError } from '../../errors.js';
import type { HomeState } from '../../migration/home-state.js';
import type { Cell } from '../../node/cell.js';
import type { Migrations } from '../../node/migrations.js';
import type { Node } from '../../node/node.js';
import { Cast } from './cast.js';
import { Checks, type Ending } from './checks.js';
import type { Violation } from './history.js';
import { Mishaps } from './mishaps.js';
import { type EndWatch, type MessageSeen, repeat, watchMessages } from './probe.js';
import type { Operation, Schedule } from './schedule.js';
import { Traffic } from './traffic.js';
import { writeInto } from './workload.js';

/** What a schedule came to. */
export interface Outcome {
  readonly violations: readonly Violation[];
  /** Equal for two runs that went the same way. */
  readonly digest: string;
  /** How often what happened, so that it can be seen that the schedules go somewhere. */
  readonly counts: Readonly<Record<string, number>>;
  readonly virtualMs: number;
}

/** Plays a schedule. One at a time per thread. */
export async function play(schedule: Schedule): Promise<Outcome> {
  const stage = new Stage(schedule);
  try {
    return await stage.play();
  } finally {
    stage.close();
  }
}

/** Dial, introduce, and the first frames of both. */
const linkingRoundTrips = 4;
/** Virtual milliseconds of rest between two looks whether all is done; the first is longer than a lease, so that no takeover is still to come; the sum is longer than any deadline, reservation or pause in core. */
const restsMs = [2600, 400, 1000, 1000, 1500, 2000, 3000, 10_000, 20_000, 40_000] as const;
/** Of the asks at the very end. */
const markTimeoutMs = 9000;

class Stage {
  private readonly cast: Cast;
  private readonly traffic: Traffic;
  private readonly mishaps: Mishaps;
  private readonly messages: MessageSeen[] = [];
  private readonly endWatch: EndWatch;

  constructor(private readonly schedule: Schedule) {
    this.cast = new Cast(schedule);
    this.traffic = new Traffic(this.cast);
    this.mishaps = new Mishaps(this.cast);
    writeInto(this.cast.history, schedule.bulkBytes);
    this.endWatch = watchMessages(this.messages);
    this.cast.world.onFrame((from, to) => this.mishaps.frame(from, to));
  }

  close(): void {
    writeInto(undefined);
    this.endWatch();
  }

  async play(): Promise<Outcome> {
    const { schedule, cast } = this;
    try {
      await cast.world.advance(schedule.rttMs * linkingRoundTrips + 1);
      for (const operation of schedule.operations) cast.at(operation.atMs, () => this.perform(operation));
      await cast.world.advance((schedule.operations.at(-1)?.atMs ?? 0) + 1);
      this.mishaps.calm();
      await this.rest();
      const { leftovers } = this.ending();
      await this.mark();
      // What waited for a link that came up just now may have begun more.
      if (!this.isAtRest()) await this.rest();
      const checks = new Checks(cast.history, { ...this.ending(), leftovers });
      checks.safety();
      checks.rest();
      return this.outcome(checks.violations);
    } catch (thrown) {
      return this.outcome([...cast.history.violations, { invariant: 'world', seen: GodwitError.from(thrown).message }]);
    }
  }

  private outcome(violations: readonly Violation[]): Outcome {
    const { world, counts } = this.cast;
    return { violations, digest: world.digest(), counts, virtualMs: world.nowMs };
  }

  private perform(operation: Operation): void {
    switch (operation.type) {
      case 'tell':
        this.traffic.tell(operation);
        break;
      case 'ask':
        this.traffic.ask(operation);
        break;
      case 'stream':
        this.traffic.stream(operation);
        break;
      case 'move':
        this.traffic.move(operation);
        break;
      case 'recall':
        this.traffic.recall(operation);
        break;
      case 'repeat':
        this.repeat(operation.node, operation.back);
        break;
      case 'mishap':
        this.mishaps.begin(operation.mishap);
        break;
      case 'strike':
        this.mishaps.prepare(operation);
    }
  }

  /** A message that came to a node comes once more. */
  private repeat(name: string, back: number): void {
    const node = this.cast.node(name);
    if (node.status !== 'running') return;
    const migrations = migrationsOf(node.node);
    const message = this.messages.filter((seen) => seen.migrations === migrations).at(-1 - back);
    if (message !== undefined && repeat(message)) this.cast.count('repeat');
  }

  /** Lets time pass until nothing is left to be done, or all time is up. */
  private async rest(): Promise<void> {
    for (const ms of restsMs) {
      await this.cast.world.advance(ms);
      if (this.isAtRest()) return;
    }
  }

  private isAtRest(): boolean {
    return !this.cast.living().some(({ node }) => hasTimers(node)) && new Checks(this.cast.history, this.ending()).rest().length === 0;
  }

  /** Everybody asks everybody: each actor is reached from everywhere (I5), and its last turn shows what it remembers. */
  private async mark(): Promise<void> {
    const { cast } = this;
    const { lost } = this.ending();
    const marks: Array<Promise<void>> = [];
    for (const node of cast.nodes.values()) {
      for (const index of this.schedule.actors.keys()) {
        const address = cast.address(index);
        if (lost.has(address)) continue;
        const marked = this.traffic.askFrom(node, index, markTimeoutMs, []).then((code) => {
          if (code !== 'OK') cast.history.violate('I5', `${address} did not answer ${node.name} in the end: ${code}`);
        });
        marks.push(marked);
      }
    }
    await cast.world.settle(Promise.all(marks));
  }

  private ending(): Ending {
    const { cast } = this;
    const kinds = cast.kinds();
    const living = cast.living().map(({ node }) => node);
    const livingLives = new Set(living.map(({ boot }) => boot));
    const places = new Map<string, number>();
    for (const node of living) for (const { address } of node.actors()) places.set(address, (places.get(address) ?? 0) + 1);
    const lost = new Set([...kinds.keys()].filter((address) => isLost(registerOf(cast.home(address).node, address), livingLives)));
    return { kinds, places, lost, livingLives, livingHosts: new Set(living), leftovers: living.flatMap(leftoversOf) };
  }
}

/** What a node hides, and a proof needs to see. */
function migrationsOf(node: Node): Migrations {
  return (node as unknown as { readonly inside: { readonly migrations: Migrations } }).inside.migrations;
}

function registerOf(home: Node, address: string): HomeState | undefined {
  const { homes } = migrationsOf(home) as unknown as { readonly homes: { get(address: string): { readonly state: HomeState } | undefined } };
  return homes.get(address)?.state;
}

/** True while an actor that lives on a node has something to do yet. */
function hasTimers(node: Node): boolean {
  const { cells } = (node as unknown as { readonly inside: { readonly actors: { readonly cells: ReadonlyMap<string, Cell> } } }).inside.actors;
  return [...cells.values()].some(({ outlet }) => outlet.timers.size > 0);
}

/** Copies of one actor that a node at rest keeps: what the register names, and one from before it was kept elsewhere. */
const maxCopies = 2;

/** I8: what a move or a takeover held on a node goes when it is over. */
function leftoversOf(node: Node): string[] {
  const { incoming, bases } = migrationsOf(node) as unknown as {
    readonly incoming: ReadonlyMap<string, unknown>;
    readonly bases: { readonly keptFor: ReadonlyMap<string, readonly unknown[]> };
  };
  const moves = incoming.size === 0 ? [] : [`${node.name} still expects ${incoming.size} actors`];
  const copies = [...bases.keptFor].filter(([, hashes]) => hashes.length > maxCopies);
  return [...moves, ...copies.map(([actor, { length }]) => `${node.name} keeps ${length} copies of ${actor}`)];
}

/** Losing owner and standby together loses the actor (DESIGN §8). */
function isLost(state: HomeState | undefined, livingLives: ReadonlySet<string>): boolean {
  if (state?.phase === 'lost') return true;
  const { owner, standby } = state?.register ?? {};
  const isOver = owner !== undefined && (owner.name === state?.self.name || !livingLives.has(owner.boot));
  return state?.phase === 'fetching' && isOver && standby !== undefined && !livingLives.has(standby.boot);
}
