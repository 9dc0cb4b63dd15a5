/**
 * Replays a trace of the Promela model (verification/model) against the machines of this folder: the same deliveries, timers and crashes, and after
 * each step the same runners, register and phases.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Hash } from '../ports/digest.js';
import { createHome, stepHome } from './home.js';
import type { HomeEffect, HomeEvent, HomeState } from './home-state.js';
import { createOwner, mayRun, type OwnerEffect, type OwnerEvent, type OwnerState, stepOwner } from './owner.js';
import { createRegister } from './register.js';
import { isMeant, lifeOf, type Named, names } from './replay-messages.test-support.js';
import { createSource, stepSource } from './source.js';
import type { SourceEffect, SourceEvent, SourceState } from './source-state.js';
import { answerStray } from './stray.js';
import { createTarget, stepTarget, type TargetEffect, type TargetEvent, type TargetState } from './target.js';
import {
  type Capture,
  defaultLeaseMs,
  defaultTimings,
  type MigrationMessage,
  type MoveId,
  type MovePlan,
  type NodeId,
  type Register,
  reasonOf,
  receiversOf,
} from './types.js';

const actor = 'a/walker';
/** A tick of the model is one lease and the home's margin: an owner that asked before it may not run after it, and the home's wait is over. */
const tickMs = defaultLeaseMs + defaultTimings.clockMarginMs;
type Bare<E> = E extends unknown ? Omit<E, 'nowMs'> : never;
interface Node {
  id: NodeId;
  live: { epoch: number; frozen: boolean; turns: number } | undefined;
  owner: OwnerState | undefined;
  readonly sources: Map<MoveId, SourceState>;
  readonly targets: Map<MoveId, TargetState>;
  readonly retained: Map<MoveId, number>;
  readonly restored: Map<MoveId, number>;
}

/** Replays the lines of one trace. @throws {Error} naming the line at which the machines and the model differ */
export function replay(lines: readonly string[]): void {
  let world: Replay | undefined;
  lines.forEach((line, k) => {
    const [step = '', state = ''] = line.split(' | ');
    const [verb = '', ...numbers] = step.split(' ');
    const [x = 0, y = 0, z = 0] = numbers.map(Number);
    try {
      if (verb === 'spawn') world = new Replay(x);
      else if (world === undefined) throw new Error('a trace begins with spawn');
      else world.take(verb, x, y, z);
      const seen = world.describe(state.split(' moves ')[1]?.trim().split(' ').length ?? 0);
      if (seen !== state.trim()) throw new Error(`the machines are at '${seen}', the model is at '${state.trim()}'`);
    } catch (thrown) {
      throw new Error(`line ${k + 1} (${step}): ${(thrown as Error).message}`);
    }
  });
}

class Replay {
  private nowMs = 0;
  private readonly nodes: Node[];
  private home: HomeState;
  /** When the home's wait for the owner's lease is over. */
  private homeDueMs: number | undefined;
  /** Every register there was, in order. */
  private readonly registers: Register[];
  private readonly kept = new Set<Hash>([hashOf(0)]);
  /** All that was ever sent to another node. */
  private readonly sent: { readonly to: string; readonly message: MigrationMessage }[] = [];
  /** The word of an owner that lost its instance. */
  private gone: Bare<HomeEvent> | undefined;
  private toSelf: MigrationMessage[] = [];
  private work: (() => void)[] = [];
  private readonly plans = new Map<MoveId, MovePlan>();

  constructor(private readonly homeAt: number) {
    this.nodes = names.map((name) => ({
      id: { name, boot: '1' },
      live: undefined,
      owner: undefined,
      sources: new Map(),
      targets: new Map(),
      retained: new Map(),
      restored: new Map(),
    }));
    const [first, at] = [this.nodes[0], this.nodes[homeAt]];
    const register: Register = { ...createRegister(first.id, defaultLeaseMs), base: { hash: hashOf(0), turns: 0 }, standby: at.id };
    this.registers = [register];
    this.home = createHome(actor, at.id, register, defaultTimings);
    if (homeAt !== 0) this.homeDueMs = tickMs;
    this.run(first, register.move, 1, 0, homeAt === 0 ? Number.POSITIVE_INFINITY : defaultLeaseMs);
  }

  /** One step of the trace. */
  take(verb: string, x: number, y: number, z: number): void {
    const move = `m${x}` as MoveId;
    if (verb === 'deliverGone' && this.gone !== undefined) this.feedHome(this.gone);
    else if (verb.startsWith('deliver')) this.deliver(verb, move, x, y, z);
    else if (verb === 'beginMove') this.begin(move, this.node(y), this.node(z));
    else if (verb === 'passTime') this.passTime();
    else if (verb === 'crash') this.crash(x);
    else if (verb === 'checkpoint') this.checkpoint(this.node(x));
    else if (verb === 'renew') this.feedOwner(this.node(x), { type: 'timer', timer: 'renew' });
    else if (verb === 'seen') this.feedHome({ type: 'nodeSeen', node: this.node(x).id });
    else if (verb === 'perish') this.perish(this.node(x));
    else if (verb === 'obtain') this.obtain();
    else if (verb === 'restore') this.feedHome({ type: 'restored' });
    else if (verb === 'overdue') this.overdue();
    else this.ofMove(verb, move);
    while (this.work.length > 0) this.work.shift()?.();
  }

  /** The state as the model prints it. */
  describe(phases: number): string {
    const { epoch, owner, base, standby } = this.home.register;
    const runs = this.nodes.reduce((mask, node, k) => mask + (this.runs(node) ? 2 ** k : 0), 0);
    const owners = this.nodes.map((node) =>
      node.owner === undefined ? 'none' : node.owner.phase === 'running' || node.owner.phase === 'paused' ? 'owning' : node.owner.phase,
    );
    const moves: string[] = [];
    for (let m = 1; m <= phases / 2; m++) moves.push(...this.phasesOf(`m${m}` as MoveId));
    const register = `reg ${epoch} ${lifeOf(owner)} ${base?.turns} ${standby === undefined ? 'none' : lifeOf(standby)}`;
    return `tick ${this.nowMs / tickMs} run ${runs} ${register} home ${this.home.phase} owners ${owners.join(' ')} moves ${moves.join(' ')}`;
  }

  private phasesOf(move: MoveId): [string, string] {
    const source = this.nodes.map((node) => node.sources.get(move)?.phase).find((phase) => phase !== undefined);
    const target = this.nodes.map((node) => node.targets.get(move)?.phase).find((phase) => phase !== undefined);
    return [source ?? 'none', target ?? 'none'];
  }

  private runs({ live, owner }: Node): boolean {
    return live !== undefined && !live.frozen && owner !== undefined && owner.of.epoch === live.epoch && mayRun(owner, this.nowMs);
  }

  private node(k: number): Node {
    const node = this.nodes[k];
    if (node === undefined) throw new Error(`there is no node ${k}`);
    return node;
  }

  private named(name: string): Node {
    return this.node(names.indexOf(name));
  }

  private begin(move: MoveId, source: Node, target: Node): void {
    if (source.live === undefined) throw new Error('nothing to move');
    const manifest = {
      definition: 'walker',
      version: 1,
      tier: 'native',
      program: 'p' as Hash,
      programBytes: 1,
      hostFunctions: [],
      models: {},
      needs: { memoryBytes: 0, models: [] },
      limits: {},
    } as const;
    const { live, id } = source;
    const home = this.node(this.homeAt).id.name;
    const plan: MovePlan = {
      move,
      actor,
      epoch: live.epoch,
      source: id,
      target: target.id,
      home,
      manifest,
      blobs: [],
      expectedBytes: 0,
      timings: defaultTimings,
    };
    this.plans.set(move, plan);
    source.sources.set(move, createSource());
    this.feedSource(source, move, { type: 'begin', plan });
  }

  private ofMove(verb: string, move: MoveId): void {
    const plan = this.plans.get(move);
    if (plan === undefined) throw new Error(`${move} was not begun`);
    const [source, target] = [this.named(plan.source.name), this.named(plan.target.name)];
    const reason = reasonOf('CANCELLED', 'replayed', source.id);
    if (verb === 'freeze') this.freeze(source, move);
    else if (verb === 'cancel') this.feedSource(source, move, { type: 'cancel', reason });
    else if (verb === 'ask') this.feedSource(source, move, { type: 'timer', timer: source.sources.get(move)?.phase === 'committed' ? 'retain' : 'propose' });
    else if (verb === 'lose') this.feedTarget(target, move, { type: 'peerLost', peer: plan.source.name });
    else if (verb === 'expire') this.feedTarget(target, move, { type: 'timer', timer: 'reservation' });
    else if (verb === 'doubt') this.feedTarget(target, move, { type: 'timer', timer: 'doubt' });
    else throw new Error(`unknown step ${verb}`);
  }

  /** The turn under way has ended: no checkpoint has it. */
  private freeze(node: Node, move: MoveId): void {
    if (node.live === undefined) throw new Error('nothing to freeze');
    node.live = { ...node.live, turns: node.live.turns + 1 };
    this.feedSource(node, move, { type: 'frozen', capture: captureOf(node.live.turns) });
  }

  private passTime(): void {
    this.nowMs += tickMs;
    for (const node of this.nodes)
      if (node.owner !== undefined && this.nowMs >= node.owner.leaseUntilMs) this.feedOwner(node, { type: 'timer', timer: 'lease' });
  }

  private overdue(): void {
    if (this.homeDueMs === undefined || this.nowMs < this.homeDueMs) throw new Error('the home still waits for the lease');
    this.homeDueMs = undefined;
    this.feedHome({ type: 'timer', timer: 'lease' });
  }

  private checkpoint(node: Node): void {
    if (node.live === undefined) throw new Error('nothing runs there');
    node.live = { ...node.live, turns: node.live.turns + 1 };
    const { turns } = node.live;
    this.kept.add(hashOf(turns));
    this.feedOwner(node, { type: 'checkpointStable', stable: { base: { hash: hashOf(turns), turns }, standby: this.node(this.homeAt).id } });
  }

  private obtain(): void {
    const { base, standby } = this.home.register;
    if (base === undefined || this.home.phase !== 'fetching') throw new Error('the home fetches nothing');
    const has = (node: Node | undefined) => [...(node?.retained.values() ?? [])].includes(base.turns);
    if (!this.kept.has(base.hash) && !has(this.node(this.homeAt)) && !has(standby && this.named(standby.name))) throw new Error(`nobody has ${base.hash}`);
    this.kept.add(base.hash);
    this.feedHome({ type: 'obtained', hash: base.hash });
  }

  private crash(k: number): void {
    const node = this.node(k);
    const id = { ...node.id, boot: String(Number(node.id.boot) + 1) };
    this.nodes[k] = { id, live: undefined, owner: undefined, sources: new Map(), targets: new Map(), retained: new Map(), restored: new Map() };
    if (k !== this.homeAt) return;
    this.homeDueMs = undefined;
    this.home = createHome(actor, id, this.home.register, defaultTimings);
    this.feedHome({ type: 'restarted' });
  }

  /** As `instanceLost` of core/node: the owner is no owner any more and says so, to its own home at once. */
  private perish(node: Node): void {
    if (node.live === undefined || node.owner === undefined) throw new Error('nothing runs there');
    this.gone = { type: 'ownerGone', node: node.id, epoch: node.live.epoch };
    node.live = undefined;
    node.owner = undefined;
    if (node.id.name === names[this.homeAt]) this.feedHome(this.gone);
  }

  private deliver(verb: string, move: MoveId, x: number, y: number, z: number): void {
    if (verb === 'deliverLocal') {
      const { name } = this.node(this.homeAt).id;
      for (let next = this.toSelf.shift(); next !== undefined; next = this.toSelf.shift()) this.receive(name, next);
      return;
    }
    const named: Named = { verb, move, plan: this.plans.get(move), to: names[x], x, y, z, register: this.registers[y], tickMs };
    const found = this.sent.find(({ to, message }) => isMeant(named, to, message));
    if (found === undefined) throw new Error('the machines sent no such message');
    this.receive(found.to, found.message);
  }

  private receive(to: string, message: MigrationMessage): void {
    const node = this.named(to);
    for (const role of receiversOf[message.type]) {
      const event = { type: 'message', message } as const;
      if (role === 'home') this.feedHome(event);
      else if (role === 'owner') this.feedOwner(node, event);
      else if (message.type === 'registered' || message.type === 'grant') {
        if (role === 'source') for (const move of node.sources.keys()) this.feedSource(node, move, event);
        else for (const move of node.targets.keys()) this.feedTarget(node, move, event);
      } else this.toMove(node, role, message);
    }
  }

  private toMove(node: Node, role: 'source' | 'target', message: MigrationMessage): void {
    const { move } = message;
    if (message.type === 'prepare' && !node.targets.has(move)) node.targets.set(move, createTarget(node.id));
    if (role === 'source' && node.sources.has(move)) this.feedSource(node, move, { type: 'message', message });
    else if (role === 'target' && node.targets.has(move)) this.feedTarget(node, move, { type: 'message', message });
    else {
      const answer = answerStray(message, node.id);
      if (answer !== undefined) this.send(node, answer.to, answer.message);
    }
    if (node.targets.get(move)?.phase === 'idle') node.targets.delete(move);
  }

  private send(from: Node, to: string, message: MigrationMessage): void {
    if (to === from.id.name) this.toSelf.push(message);
    else this.sent.push({ to, message });
  }

  private run(node: Node, move: MoveId, epoch: number, turns: number | undefined, leaseUntilMs: number): void {
    if (turns === undefined) throw new Error(`${node.id.name} is to run at epoch ${epoch} without a state`);
    node.live = { epoch, frozen: false, turns };
    const home = this.node(this.homeAt).id.name;
    node.owner = createOwner({ actor, move, self: node.id, home, epoch, timings: defaultTimings }, leaseUntilMs, this.nowMs).state;
  }

  private feedSource(node: Node, move: MoveId, event: Bare<SourceEvent>): void {
    const { state, effects } = stepSource(node.sources.get(move) ?? createSource(), { ...event, nowMs: this.nowMs });
    node.sources.set(move, state);
    for (const effect of effects) this.carrySource(node, move, state, effect);
  }

  private feedTarget(node: Node, move: MoveId, event: Bare<TargetEvent>): void {
    const { state, effects } = stepTarget(node.targets.get(move) ?? createTarget(node.id), { ...event, nowMs: this.nowMs });
    node.targets.set(move, state);
    for (const effect of effects) this.carryTarget(node, move, effect);
  }

  private feedOwner(node: Node, event: Bare<OwnerEvent>): void {
    if (node.owner === undefined) return;
    const { state, effects } = stepOwner(node.owner, { ...event, nowMs: this.nowMs });
    node.owner = state;
    for (const effect of effects) this.carryOwner(node, effect);
  }

  private feedHome(event: Bare<HomeEvent>): void {
    const { state, effects } = stepHome(this.home, { ...event, nowMs: this.nowMs });
    this.home = state;
    for (const effect of effects) this.carryHome(effect);
  }

  private carrySource(node: Node, move: MoveId, state: SourceState, effect: SourceEffect): void {
    const { live } = node;
    const isItsCopy = state.phase !== 'idle' && live?.epoch === state.plan.epoch;
    if (effect.type === 'send') this.send(node, effect.to, effect.message);
    else if (effect.type === 'freeze' && isItsCopy && live !== undefined) node.live = { ...live, frozen: true };
    else if (effect.type === 'thaw' && isItsCopy && live !== undefined) node.live = { ...live, frozen: false };
    else if (effect.type === 'sendCapture') {
      this.send(node, effect.to, effect.message);
      this.work.push(() => this.feedSource(node, move, { type: 'captureSent' }));
    } else if (effect.type === 'handOver') this.feedOwner(node, { type: 'handedOver' });
    else if (effect.type === 'activate') this.run(node, move, effect.epoch, live?.turns, effect.leaseUntilMs);
    else if (effect.type === 'moved') {
      if (live !== undefined) node.retained.set(move, live.turns);
      node.live = undefined;
    } else if (effect.type === 'dropCopy') {
      if (isItsCopy) node.live = undefined;
      node.retained.delete(move);
    }
  }

  private carryTarget(node: Node, move: MoveId, effect: TargetEffect): void {
    const answer = (event: Bare<TargetEvent>) => this.work.push(() => this.feedTarget(node, move, event));
    if (effect.type === 'send') this.send(node, effect.to, effect.message);
    else if (effect.type === 'reserve') answer({ type: 'reserved', missing: [] });
    else if (effect.type === 'warm') answer({ type: 'instanceWarmed' });
    else if (effect.type === 'restore') {
      node.restored.set(move, effect.message.capture.turns);
      answer({ type: 'restored', hash: effect.message.capture.hash });
    } else if (effect.type === 'discard') node.restored.delete(move);
    else if (effect.type === 'run') {
      this.run(node, move, effect.epoch, node.restored.get(move), effect.leaseUntilMs);
      node.restored.delete(move);
    }
  }

  private carryOwner(node: Node, effect: OwnerEffect): void {
    if (effect.type === 'send') this.send(node, effect.to, effect.message);
    else if (effect.type === 'destroy') node.live = undefined;
  }

  private carryHome(effect: HomeEffect): void {
    const node = this.node(this.homeAt);
    if (effect.type === 'send') this.send(node, effect.to, effect.message);
    else if (effect.type === 'persist' && !isDeepStrictEqual(effect.register, this.registers.at(-1))) this.registers.push(effect.register);
    else if (effect.type === 'startTimer' && effect.timer === 'lease') this.homeDueMs = this.nowMs + effect.delayMs;
    else if (effect.type === 'stopTimer' && effect.timer === 'lease') this.homeDueMs = undefined;
    else if (effect.type === 'runHere') this.run(node, effect.move, effect.epoch, this.home.register.base?.turns, Number.POSITIVE_INFINITY);
  }
}

function hashOf(turns: number): Hash {
  return `state-${turns}` as Hash;
}

function captureOf(turns: number): Capture {
  return { hash: hashOf(turns), turns, sizeBytes: 8 };
}
