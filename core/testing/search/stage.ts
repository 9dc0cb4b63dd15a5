/** Plays one schedule in a world of its own: real nodes, the operations at their times, then a long rest, and the checks. */
import { GodwitError } from '../../errors.js';
import type { HomeState } from '../../migration/home-state.js';
import type { Migrations } from '../../node/migrations.js';
import type { Node } from '../../node/node.js';
import type { NodeEvent } from '../../node/types.js';
import type { Life } from '../life.js';
import type { SimulatedNode } from '../simulated-node.js';
import type { Simulation } from '../simulation.js';
import { type World, world } from '../world.js';
import { Checks, type Ending } from './checks.js';
import { History, type Violation } from './history.js';
import { type MessageSeen, repeat, watchFrames, watchMessages } from './probe.js';
import type { ActorPlan, Mishap, Operation, Schedule, StepPlan } from './schedule.js';
import { ask, definitions, type LedgerKind, type LedgerRef, ledgers, type Step, tellLedger, writeInto } from './workload.js';

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

interface Strike {
  readonly a: string;
  readonly b: string;
  frames: number;
  readonly mishap: Mishap;
}

const usPerMs = 1000;
/** Between two items that a reader takes. */
const readerPaceMs = 3;
/** Virtual milliseconds of rest between two looks whether all is done; the sum is longer than any deadline, reservation or pause in core. */
const restsMs = [1000, 1500, 2500, 5000, 10_000, 20_000, 40_000] as const;
const markTimeoutMs = 9000;

class Stage {
  private readonly history = new History();
  private readonly world: World;
  private readonly simulation: Simulation;
  private readonly nodes = new Map<string, SimulatedNode>();
  private readonly messages: MessageSeen[] = [];
  private readonly ends: Array<() => void> = [];
  private readonly counts: Record<string, number> = {};
  private strikes: Strike[] = [];

  constructor(private readonly schedule: Schedule) {
    this.world = world({ seed: schedule.seed });
    this.simulation = (this.world as unknown as { readonly simulation: Simulation }).simulation;
    writeInto(this.history);
    this.ends.push(watchMessages(this.messages), watchFrames((from, to) => this.frame(from, to)));
    this.world.observe(({ node, event }) => this.event(node, event));
    this.build();
  }

  close(): void {
    writeInto(undefined);
    for (const end of this.ends) end();
  }

  async play(): Promise<Outcome> {
    const { schedule, history } = this;
    try {
      await this.world.advance(schedule.rttMs * linkingRoundTrips + 1);
      for (const operation of schedule.operations) this.at(operation.atMs, () => this.perform(operation));
      const last = schedule.operations.at(-1)?.atMs ?? 0;
      await this.world.advance(last + 1);
      this.calm();
      await this.rest();
      await this.mark();
      const checks = new Checks(history, this.ending());
      checks.safety();
      checks.rest();
      return this.outcome(checks.violations);
    } catch (thrown) {
      return this.outcome([...history.violations, { invariant: 'world', seen: GodwitError.from(thrown).message }]);
    }
  }

  private outcome(violations: readonly Violation[]): Outcome {
    return { violations, digest: this.world.digest(), counts: this.counts, virtualMs: this.world.nowMs };
  }

  // ── The cast ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private build(): void {
    const { devices, edges, actors, rttMs } = this.schedule;
    for (const name of devices) {
      const own = actors.filter(({ home }) => home === name);
      const onStart = (node: SimulatedNode) => {
        for (const { kind, name: actor } of own) node.child(ledgers[kind], actor);
      };
      this.nodes.set(name, this.world.device(name, { definitions, onStart }));
    }
    for (const name of edges) this.nodes.set(name, this.world.edge(name, { definitions }));
    const all = [...this.nodes.values()];
    for (const [index, a] of all.entries()) for (const b of all.slice(index + 1)) this.world.link(a, b, { rttMs });
  }

  private actor(index: number): ActorPlan {
    return this.schedule.actors[index % this.schedule.actors.length] as ActorPlan;
  }

  private node(name: string): SimulatedNode {
    return this.nodes.get(name) as SimulatedNode;
  }

  private ref(from: SimulatedNode, index: number): LedgerRef {
    const { kind, home, name } = this.actor(index);
    return from.refTo(ledgers[kind], `${home}/${name}`);
  }

  private steps(from: SimulatedNode, plans: readonly StepPlan[]): Step[] {
    return plans.map(({ type, to, ms, steps }) => ({ type, to: this.ref(from, to), ms, steps: this.steps(from, steps) }));
  }

  // ── Operations ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private at(afterMs: number, task: () => void): void {
    this.simulation.at(this.simulation.nowUs + Math.round(afterMs * usPerMs), undefined, 'timer', task);
  }

  private perform(operation: Operation): void {
    switch (operation.type) {
      case 'tell':
        return this.tell(operation);
      case 'ask':
        return this.ask(operation);
      case 'stream':
        return this.stream(operation);
      case 'move':
        return this.move(operation);
      case 'recall':
        return this.recall(operation);
      case 'repeat':
        return this.repeat(operation);
      case 'mishap':
        return this.begin(operation.mishap);
      case 'strike':
        this.strikes.push({ ...operation });
    }
  }

  private tell({ from, to, count, steps, throws }: Extract<Operation, { type: 'tell' }>): void {
    const node = this.node(from);
    if (node.status !== 'running') return;
    const ref = this.ref(node, to);
    for (let index = 0; index < count; index++) {
      const record = this.history.send('tell', from, node.node.boot, ref.$address);
      const job = { record: record.number, ...(steps.length === 0 ? {} : { steps: this.steps(node, steps) }), ...(throws ? { throws } : {}) };
      tellLedger(record, ref, job);
    }
  }

  private ask({ from, to, timeoutMs, steps }: Extract<Operation, { type: 'ask' }>): void {
    const node = this.node(from);
    if (node.status !== 'running') return;
    void this.askFrom(node, to, timeoutMs, steps).then((code) => this.count(`ask ${code}`));
  }

  private askFrom(node: SimulatedNode, to: number, timeoutMs: number, steps: readonly StepPlan[]): Promise<string> {
    const ref = this.ref(node, to);
    const record = this.history.send('ask', node.name, node.node.boot, ref.$address);
    return ask(record, ref, { record: record.number, steps: this.steps(node, steps) }, timeoutMs, this.livingOf(node));
  }

  private livingOf(node: SimulatedNode): () => boolean {
    const life = node.node;
    return () => node.status !== 'down' && node.node === life;
  }

  private stream({ from, to, items, timeoutMs }: Extract<Operation, { type: 'stream' }>): void {
    const node = this.node(from);
    if (node.status !== 'running') return;
    const ref = this.ref(node, to);
    const record = this.history.send('stream', from, node.node.boot, ref.$address);
    const pending = { record, isLiving: this.livingOf(node), what: `stream ${record.number} of ${from} from ${ref.$address}`, isOver: false };
    this.history.pending.push(pending);
    const reader = ref.feed({ record: record.number, items, from: 0, isResumed: false }, { timeoutMs });
    void this.read(reader, items, ref.$address, pending.what)
      .then((code) => this.count(`stream ${code}`))
      .finally(() => {
        pending.isOver = true;
      });
  }

  /** A stream's items come in order, each once, all of them, or it ends with an error; a takeover may begin it again. */
  private async read(reader: AsyncIterableIterator<number>, items: number, from: string, what: string): Promise<string> {
    let expected = 0;
    const mayJump = () => this.history.fate(from).restored > 0;
    try {
      for await (const item of reader) {
        if (item !== expected && !mayJump()) this.history.violate('I2', `${what} brought item ${item} instead of ${expected}`);
        expected = item + 1;
        await new Promise<void>((resolve) => this.at(readerPaceMs, resolve));
      }
    } catch (thrown) {
      return GodwitError.from(thrown).code;
    }
    if (expected !== items && !mayJump()) this.history.violate('I2', `${what} ended after ${expected} of ${items} items`);
    return 'OK';
  }

  private move({ actor, to, abortAfterMs }: Extract<Operation, { type: 'move' }>): void {
    const { home, name } = this.actor(actor);
    const address = `${home}/${name}`;
    const source = [...this.nodes.values()].find((node) => node.status === 'running' && node.actors().some((info) => info.address === address));
    if (source === undefined || source.name === to) return;
    const controller = new AbortController();
    if (abortAfterMs !== undefined) this.at(abortAfterMs, () => controller.abort());
    this.watchMove(address, to, source.node, source.move(address, { to, signal: controller.signal }), 'move');
  }

  private recall({ actor }: Extract<Operation, { type: 'recall' }>): void {
    const { home, name } = this.actor(actor);
    const node = this.node(home);
    if (node.status === 'running') this.watchMove(`${home}/${name}`, home, node.node, node.recall(`${home}/${name}`), 'recall');
  }

  /** I7: what was restored is what was captured. I4: it ends for its caller. */
  private watchMove(actor: string, to: string, host: Node, moved: ReturnType<Node['move']>, what: string): void {
    const seen = { actor, to, host, outcome: undefined as string | undefined };
    this.history.moves.push(seen);
    void moved
      .then(
        ({ stateHash }) => {
          if (stateHash.before !== stateHash.after) this.history.violate('I7', `${actor} was captured as ${stateHash.before} and restored as ${stateHash.after}`);
          return 'OK';
        },
        (thrown: unknown) => GodwitError.from(thrown).code,
      )
      .then((code) => {
        seen.outcome = code;
        this.count(`${what} ${code}`);
      });
  }

  private repeat({ node, back }: Extract<Operation, { type: 'repeat' }>): void {
    const { status } = this.node(node);
    if (status !== 'running') return;
    const { node: life } = this.node(node);
    const mine = this.messages.filter(({ migrations }) => migrations === insideOf(life).migrations);
    const message = mine.at(-1 - back);
    if (message === undefined) return;
    this.count('repeat');
    repeat(message);
  }

  // ── Mishaps ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private begin(mishap: Mishap): void {
    this.count(mishap.type);
    switch (mishap.type) {
      case 'crash':
        return this.crash(this.node(mishap.node), mishap.forMs);
      case 'pause':
        return this.pause(this.node(mishap.node), mishap.forMs);
      case 'cut':
        return this.cut(this.node(mishap.a), this.node(mishap.b), mishap.forMs, mishap.isSilent);
      case 'isolate':
        for (const [name, other] of this.nodes) if (name !== mishap.node) this.cut(this.node(mishap.node), other, mishap.forMs, mishap.isSilent);
    }
  }

  private crash(node: SimulatedNode, forMs: number): void {
    if (node.status === 'down') return;
    this.world.crash(node);
    const { lifeNumber } = node;
    this.at(forMs, () => {
      if (node.status === 'down' && node.lifeNumber === lifeNumber) this.world.restart(node);
    });
  }

  private pause(node: SimulatedNode, forMs: number): void {
    if (node.status !== 'running') return;
    this.world.pause(node);
    const { life } = node as unknown as { readonly life: Life };
    this.at(forMs, () => {
      if (node.status === 'paused' && node.life === life) this.world.resume(node);
    });
  }

  private cut(a: SimulatedNode, b: SimulatedNode, forMs: number, silent: boolean): void {
    this.world.cut(a, b, { silent });
    this.at(forMs, () => this.world.heal(a, b));
  }

  private frame(from: string, to: string): void {
    for (const strike of this.strikes) {
      if (!(strike.a === from && strike.b === to) && !(strike.a === to && strike.b === from)) continue;
      strike.frames -= 1;
      // When the node has done all that the frame lets it do.
      if (strike.frames === 0) this.at(0, () => this.begin(strike.mishap));
    }
  }

  // ── The end ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** From now on nothing goes wrong any more. */
  private calm(): void {
    this.strikes = [];
    this.world.heal();
    for (const node of this.nodes.values()) {
      if (node.status === 'down') this.world.restart(node);
      else if (node.status === 'paused') this.world.resume(node);
    }
  }

  /** Lets time pass until nothing is left to be done, or all time is up. */
  private async rest(): Promise<void> {
    for (const ms of restsMs) {
      await this.world.advance(ms);
      if (new Checks(this.history, this.ending()).rest().length === 0) return;
    }
  }

  /** Everybody asks everybody: each actor is reached from everywhere (I5), and its last turn shows what it remembers. */
  private async mark(): Promise<void> {
    const lost = this.ending().lost;
    const marks: Array<Promise<void>> = [];
    for (const node of this.nodes.values()) {
      for (const [index, { home, name }] of this.schedule.actors.entries()) {
        const address = `${home}/${name}`;
        if (lost.has(address)) continue;
        const marked = this.askFrom(node, index, markTimeoutMs, []).then((code) => {
          if (code !== 'OK') this.history.violate('I5', `${address} did not answer ${node.name} in the end: ${code}`);
        });
        marks.push(marked);
      }
    }
    await this.world.settle(Promise.all(marks));
  }

  private ending(): Ending {
    const kinds = new Map<string, LedgerKind>();
    const places = new Map<string, number>();
    const living = [...this.nodes.values()].filter(({ status }) => status !== 'down').map(({ node }) => node);
    const livingLives = new Set(living.map(({ boot }) => boot));
    const lost = new Set<string>();
    for (const { home, name, kind } of this.schedule.actors) {
      const address = `${home}/${name}`;
      kinds.set(address, kind);
      const register = registerOf(this.node(home).node, address);
      if (register !== undefined && isLost(register, livingLives)) lost.add(address);
    }
    for (const node of living) for (const { address } of node.actors()) places.set(address, (places.get(address) ?? 0) + 1);
    return { kinds, places, lost, livingLives, livingHosts: new Set(living) };
  }

  private event(node: string, event: NodeEvent): void {
    this.count(event.type);
    if (event.type === 'restored') {
      const fate = this.history.fate(event.actor);
      fate.restored += 1;
      fate.restoredAfter = this.history.sent.length;
    } else if (event.type === 'arrived') this.history.fate(event.actor).places.add(node);
    else if (event.type === 'gap') {
      const { gaps } = this.history.fate(event.actor);
      gaps.set(event.sender, (gaps.get(event.sender) ?? 0) + event.lost);
    }
  }

  private count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }
}

/** Dial, introduce, and the first frames of both. */
const linkingRoundTrips = 4;

/** What a node hides, and a proof needs to see. */
interface Inside {
  readonly migrations: Migrations;
}

function insideOf(node: Node): Inside {
  return (node as unknown as { readonly inside: Inside }).inside;
}

function registerOf(home: Node, address: string): HomeState | undefined {
  const { homes } = insideOf(home).migrations as unknown as { readonly homes: { get(address: string): { readonly state: HomeState } | undefined } };
  return homes.get(address)?.state;
}

/** Losing owner and standby together loses the actor (DESIGN §8). */
function isLost({ phase, register }: HomeState, livingLives: ReadonlySet<string>): boolean {
  if (phase === 'lost') return true;
  return phase === 'restoring' && register.standby !== undefined && !livingLives.has(register.standby.boot);
}
