/**
 * A small world in which the machines of this folder carry out moves over a network that loses, repeats and reorders. It stands in for
 * `core/node`: it feeds events and carries out effects, and nothing more. What happens next is the caller's choice (`choices`, `choose`).
 *
 * An actor's whole state is the number of turns it has handled. Clocks differ by a constant; every non-lease timer may fire at any moment.
 */
import type { Hash } from '../../ports/digest.js';
import type { Manifest } from '../../ports/module-source.js';
import { createHome, stepHome } from '../home.js';
import type { HomeEffect, HomeEvent, HomeState } from '../home-state.js';
import { createOwner, stepOwner, type OwnerEffect, type OwnerEvent, type OwnerState } from '../owner.js';
import { createRegister } from '../register.js';
import { createSource, stepSource, type SourceEffect, type SourceEvent, type SourceState } from '../source.js';
import { answerStray } from '../stray.js';
import { createTarget, stepTarget, type TargetEffect, type TargetEvent, type TargetState } from '../target.js';
import { defaultLeaseMs, defaultTimings, reasonOf, receiversOf, type Capture, type Epoch, type MigrationMessage, type MoveId, type MovePlan, type NodeId, type Role } from '../types.js';

/** A rule of the protocol that a world can be made to break, to show that the checks notice. */
export type Ablation =
  | 'source resumes without the competing proposal'
  | 'target runs without a grant'
  | 'retained copy dropped at commit'
  | 'register changed without compare'
  | 'cancel believed from another life of the source'
  | 'lease counted from the receipt of the grant'
  | 'owner runs on after its lease'
  | 'home takes over without waiting for the lease'
  | 'checkpoint believed stable before the home knows it';

/** How many of each kind of mishap may still happen. */
export interface Budget {
  moves: number;
  drops: number;
  duplicates: number;
  crashes: number;
  cuts: number;
  timers: number;
  cancels: number;
  failures: number;
  checkpoints: number;
  waits: number;
}

export type NodeName = 'a' | 'b' | 'c';
const names: readonly NodeName[] = ['a', 'b', 'c'];
const actor = 'a/walker';
const manifest: Manifest = { definition: 'walker', version: 1, tier: 'native', program: 'program' as Hash, programBytes: 1, hostFunctions: [], models: {} };

interface Live {
  readonly epoch: Epoch;
  readonly frozen: boolean;
  readonly turns: number;
}

/** One node: its machines, and the copies of the actor it holds. */
export interface WorldNode {
  id: NodeId;
  readonly skewMs: number;
  sources: Record<MoveId, SourceState>;
  targets: Record<MoveId, TargetState>;
  owner: OwnerState | undefined;
  home: HomeState | undefined;
  live: Live | undefined;
  /** Frozen copies after commit, and restored copies before the grant, by move: turns. */
  retained: Record<MoveId, number>;
  restored: Record<MoveId, number>;
  /** Checkpoints that this node, as the home, keeps. */
  checkpoints: readonly string[];
  /** Due time of each running timer, `role move timer`, in world time. */
  timers: Record<string, number>;
}

interface Packet {
  readonly from: NodeName;
  readonly to: NodeName;
  readonly message: MigrationMessage;
}

// `without nowMs`, distributed over the union
type Bare<E> = E extends unknown ? Omit<E, 'nowMs'> : never;
type Fed =
  | { readonly role: 'source'; readonly move: MoveId; readonly event: Bare<SourceEvent> }
  | { readonly role: 'target'; readonly move: MoveId; readonly event: Bare<TargetEvent> }
  | { readonly role: 'owner'; readonly event: Bare<OwnerEvent> }
  | { readonly role: 'home'; readonly event: Bare<HomeEvent> };

/** Something a node is doing that ends with an event; `boot` guards against a crash in between. */
type Work = { readonly node: NodeName; readonly boot: string } & Fed;

/** One thing that can happen next. */
export type Choice =
  | { readonly type: 'deliver' | 'drop' | 'duplicate'; readonly packet: number }
  | { readonly type: 'work' | 'fail'; readonly work: number }
  | { readonly type: 'timer'; readonly node: NodeName; readonly timer: string }
  | { readonly type: 'begin'; readonly node: NodeName; readonly to: NodeName }
  | { readonly type: 'crash' | 'cancel' | 'checkpoint'; readonly node: NodeName }
  | { readonly type: 'cut'; readonly a: NodeName; readonly b: NodeName }
  | { readonly type: 'heal' }
  | { readonly type: 'wait'; readonly ms: number };

export interface WorldOptions {
  readonly home: NodeName;
  readonly budget: Budget;
  readonly ablation?: Ablation;
  /** Local work ends at once and nothing depends on time: what is left are the interleavings of messages and timers. */
  readonly timeless?: boolean;
  readonly skewMs?: readonly number[];
}

export class World {
  nowMs = 0;
  nodes: Record<NodeName, WorldNode>;
  net: Packet[] = [];
  work: Work[] = [];
  cuts = new Set<string>();
  budget: Budget;
  /** Which node ran at each epoch. */
  ranAt: Record<Epoch, string> = {};
  begun = 0;
  /** Set when a fault destroyed the waiting copy of a target that may since own it: an instance death, not a rule of the protocol. */
  instanceDied = false;
  violation: string | undefined;

  constructor(readonly options: WorldOptions) {
    this.budget = { ...options.budget };
    const node = (name: NodeName, k: number): WorldNode => ({
      id: { name, boot: '1' }, skewMs: options.skewMs?.[k] ?? 0, sources: {}, targets: {}, owner: undefined, home: undefined, live: undefined, retained: {}, restored: {}, checkpoints: [], timers: {},
    });
    this.nodes = { a: node('a', 0), b: node('b', 1), c: node('c', 2) };
    // The actor lives on a; its home had a checkpoint of it, as it has of any actor it leased out.
    const a = this.nodes.a;
    const register = { ...createRegister(a.id, defaultLeaseMs), ...(options.home === 'a' ? {} : { base: { hash: hashOf(0), turns: 0 }, standby: this.nodes[options.home].id }) };
    const home = this.nodes[options.home];
    home.home = createHome(actor, home.id, register, defaultTimings);
    home.checkpoints = [hashOf(0)];
    a.live = { epoch: 1, frozen: false, turns: 0 };
    const asked: MigrationMessage = { type: 'query', move: register.move, actor, epoch: 1, from: a.id, askedAtMs: this.clock('a') };
    this.own('a', register.move, 1, this.clock('a') + (options.home === 'a' ? Number.POSITIVE_INFINITY : register.leaseMs));
    if (options.home !== 'a') this.feed(options.home, { role: 'home', event: { type: 'message', message: asked } });
    this.check();
  }

  clone(): World {
    const copy: World = Object.create(World.prototype);
    Object.assign(copy, this, { net: [...this.net], work: [...this.work], cuts: new Set(this.cuts), budget: { ...this.budget }, ranAt: { ...this.ranAt } });
    copy.nodes = {} as Record<NodeName, WorldNode>;
    for (const name of names) {
      const n = this.nodes[name];
      copy.nodes[name] = { ...n, sources: { ...n.sources }, targets: { ...n.targets }, retained: { ...n.retained }, restored: { ...n.restored }, timers: { ...n.timers } };
    }
    return copy;
  }

  clock(name: NodeName): number {
    return this.nowMs + this.nodes[name].skewMs;
  }

  get home(): HomeState {
    const { home } = this.nodes[this.options.home];
    if (home === undefined) throw new Error('the home keeps its machine');
    return home;
  }

  /** Nodes on which the actor's turns may run now. */
  runners(): NodeName[] {
    return names.filter((name) => {
      const { live, owner } = this.nodes[name];
      if (live === undefined || live.frozen || owner === undefined || owner.of.epoch !== live.epoch || owner.phase === 'fenced' || owner.phase === 'handedOver') return false;
      return this.options.ablation === 'owner runs on after its lease' || (owner.phase === 'running' && this.clock(name) < owner.leaseUntilMs);
    });
  }

  choices(): Choice[] {
    const { budget } = this;
    const all: Choice[] = [];
    this.net.forEach((_, packet) => {
      all.push({ type: 'deliver', packet });
      if (budget.drops > 0) all.push({ type: 'drop', packet });
      if (budget.duplicates > 0) all.push({ type: 'duplicate', packet });
    });
    this.work.forEach((work, k) => {
      all.push({ type: 'work', work: k });
      if (budget.failures > 0 && work.role !== 'owner' && work.role !== 'home') all.push({ type: 'fail', work: k });
    });
    for (const node of names) this.choicesOf(node, all);
    if (budget.cuts > 0) all.push({ type: 'cut', a: 'a', b: 'b' }, { type: 'cut', a: 'a', b: 'c' }, { type: 'cut', a: 'b', b: 'c' });
    if (this.cuts.size > 0) all.push({ type: 'heal' });
    if (budget.waits > 0) for (const ms of [1, 30, 300, 1500]) all.push({ type: 'wait', ms });
    return all;
  }

  private choicesOf(node: NodeName, all: Choice[]): void {
    const { budget } = this;
    const n = this.nodes[node];
    if (budget.timers > 0) for (const timer of Object.keys(n.timers)) if (this.mayFire(node, timer)) all.push({ type: 'timer', node, timer });
    if (budget.crashes > 0 && node !== this.options.home) all.push({ type: 'crash', node });
    const moving = Object.values(n.sources).some((s) => s.phase !== 'givenUp' && s.phase !== 'superseded' && s.phase !== 'done' && s.phase !== 'committed');
    if (budget.cancels > 0 && moving) all.push({ type: 'cancel', node });
    if (!this.runners().includes(node)) return;
    if (budget.checkpoints > 0) all.push({ type: 'checkpoint', node });
    if (budget.moves > 0 && !moving) for (const to of names) if (to !== node && !(this.options.timeless && to !== 'b')) all.push({ type: 'begin', node, to });
  }

  /** Only the home's wait for a lease may not end early; without time it does not end at all. */
  mayFire(node: NodeName, timer: string): boolean {
    const lease = timer.startsWith('home lease') || timer.startsWith('owner');
    if (this.options.timeless) return !lease;
    return !timer.startsWith('home lease') || this.nowMs >= (this.nodes[node].timers[timer] ?? 0) || this.options.ablation === 'home takes over without waiting for the lease';
  }

  choose(choice: Choice): void {
    const { budget } = this;
    switch (choice.type) {
      case 'deliver':
        this.deliver(this.take(choice.packet));
        break;
      case 'drop':
        budget.drops--;
        this.take(choice.packet);
        break;
      case 'duplicate':
        budget.duplicates--;
        this.net.push(this.net[choice.packet] as Packet);
        break;
      case 'work':
      case 'fail':
        this.finish(choice.work, choice.type === 'fail');
        break;
      case 'timer':
        budget.timers--;
        this.fire(choice.node, choice.timer);
        break;
      case 'begin':
        budget.moves--;
        this.begin(choice.node, choice.to);
        break;
      case 'crash':
        budget.crashes--;
        this.crash(choice.node);
        break;
      case 'cancel':
        budget.cancels--;
        for (const move of Object.keys(this.nodes[choice.node].sources) as MoveId[]) this.feed(choice.node, { role: 'source', move, event: { type: 'cancel', reason: reasonOf('CANCELLED', 'recalled', this.nodes[choice.node].id) } });
        break;
      case 'checkpoint':
        budget.checkpoints--;
        this.checkpoint(choice.node);
        break;
      case 'cut':
        budget.cuts--;
        this.cuts.add(choice.a + choice.b);
        this.lose(choice.a, choice.b);
        this.lose(choice.b, choice.a);
        break;
      case 'heal':
        this.heal();
        break;
      case 'wait':
        budget.waits--;
        this.nowMs += choice.ms;
        break;
    }
    if (this.options.timeless) while (this.work.length > 0) this.finish(0, false);
    this.check();
  }

  heal(): void {
    for (const pair of this.cuts) {
      const [a, b] = [...pair] as [NodeName, NodeName];
      this.everyMove(a, (fed) => this.later(a, fed), { type: 'peerRegained', peer: b });
      this.everyMove(b, (fed) => this.later(b, fed), { type: 'peerRegained', peer: a });
    }
    this.cuts.clear();
  }

  /** The running actor handles one more turn and its checkpoint reaches the home. */
  checkpoint(name: NodeName): void {
    const n = this.nodes[name];
    if (n.live === undefined || !this.linked(name, this.options.home)) return;
    n.live = { ...n.live, turns: n.live.turns + 1 };
    const base = { hash: hashOf(n.live.turns), turns: n.live.turns };
    const home = this.nodes[this.options.home];
    home.checkpoints = [...home.checkpoints, base.hash];
    this.later(name, { role: 'owner', event: { type: 'checkpointStable', stable: { base, standby: home.id } } });
    if (this.options.ablation === 'checkpoint believed stable before the home knows it') for (const node of names) this.nodes[node].retained = {};
  }

  fire(name: NodeName, key: string): void {
    delete this.nodes[name].timers[key];
    const [role, move, timer] = key.split(' ') as [Role, MoveId, never];
    if (role === 'home') this.feed(name, { role, event: { type: 'timer', timer: move as never } });
    else if (role === 'owner') this.feed(name, { role, event: { type: 'timer', timer: move as never } });
    else this.feed(name, { role, move, event: { type: 'timer', timer } });
  }

  private take(index: number): Packet {
    return this.net.splice(index, 1)[0] as Packet;
  }

  private linked(a: NodeName, b: NodeName): boolean {
    return a === b || !this.cuts.has(a < b ? a + b : b + a);
  }

  private deliver({ from, to, message }: Packet): void {
    if (this.linked(from, to)) this.receive(to, message);
  }

  private receive(to: NodeName, message: MigrationMessage): void {
    const n = this.nodes[to];
    for (const role of receiversOf[message.type]) {
      if (role === 'home' || role === 'owner') this.feed(to, { role, event: { type: 'message', message } });
      else if (message.type === 'registered' || message.type === 'grant') for (const move of Object.keys(role === 'source' ? n.sources : n.targets) as MoveId[]) this.feed(to, { role, move, event: { type: 'message', message } });
      else this.toMove(to, role, message);
    }
  }

  private toMove(to: NodeName, role: 'source' | 'target', message: MigrationMessage): void {
    const n = this.nodes[to];
    if (message.type === 'prepare' && n.targets[message.move] === undefined) n.targets[message.move] = createTarget(n.id);
    if ((role === 'source' ? n.sources : n.targets)[message.move] !== undefined) return this.feed(to, { role, move: message.move, event: { type: 'message', message } });
    const answer = answerStray(message, n.id);
    if (answer !== undefined) this.send(to, answer.to, answer.message);
  }

  private send(from: NodeName, to: string, message: MigrationMessage): void {
    if (from === to) this.receive(from, message);
    else this.net.push({ from, to: to as NodeName, message });
  }

  private later(node: NodeName, fed: Fed): void {
    this.work.push({ node, boot: this.nodes[node].id.boot, ...fed });
  }

  private finish(index: number, failing: boolean): void {
    const work = this.work.splice(index, 1)[0] as Work;
    const { node, boot, ...fed } = work;
    const n = this.nodes[node];
    if (n.id.boot !== boot) return;
    if (!failing) return this.feed(node, fed as Fed);
    this.budget.failures--;
    const event = { type: 'failed', reason: reasonOf('INTERNAL', 'injected', n.id) } as const;
    if (work.role === 'target' && n.targets[work.move]?.phase === 'ready') this.instanceDied = true;
    if (work.role === 'source' || work.role === 'target') this.feed(node, { role: work.role, move: work.move, event } as Fed);
  }

  private begin(name: NodeName, to: NodeName): void {
    const n = this.nodes[name];
    const move = `m${++this.begun}` as MoveId;
    const plan: MovePlan = { move, actor, epoch: (n.live as Live).epoch, source: n.id, target: this.nodes[to].id, home: this.options.home, manifest, blobs: [], expectedBytes: 0, timings: defaultTimings };
    n.sources[move] = createSource();
    this.feed(name, { role: 'source', move, event: { type: 'begin', plan } });
  }

  private crash(name: NodeName): void {
    const n = this.nodes[name];
    this.nodes[name] = { ...n, id: { name, boot: String(Number(n.id.boot) + 1) }, sources: {}, targets: {}, owner: undefined, live: undefined, retained: {}, restored: {}, checkpoints: [], timers: {} };
    for (const other of names) if (other !== name) this.lose(other, name);
    this.later(this.options.home, { role: 'home', event: { type: 'nodeSeen', node: this.nodes[name].id } });
  }

  private lose(name: NodeName, peer: NodeName): void {
    this.everyMove(name, (fed) => this.later(name, fed), { type: 'peerLost', peer });
  }

  private everyMove(name: NodeName, tell: (fed: Fed) => void, event: { type: 'peerLost' | 'peerRegained'; peer: string }): void {
    const n = this.nodes[name];
    for (const move of Object.keys(n.sources) as MoveId[]) tell({ role: 'source', move, event });
    for (const move of Object.keys(n.targets) as MoveId[]) tell({ role: 'target', move, event });
    if (event.type === 'peerRegained') tell({ role: 'owner', event: { type: 'peerRegained', peer: event.peer } });
  }

  private feed(name: NodeName, fed: Fed): void {
    const n = this.nodes[name];
    const nowMs = this.clock(name);
    switch (fed.role) {
      case 'source':
        return this.feedSource(name, fed.move, { ...fed.event, nowMs } as SourceEvent);
      case 'target':
        return this.feedTarget(name, fed.move, { ...fed.event, nowMs } as TargetEvent);
      case 'owner': {
        if (n.owner === undefined) return;
        const { state, effects } = stepOwner(n.owner, { ...fed.event, nowMs } as OwnerEvent);
        n.owner = state;
        for (const effect of effects) this.ownerEffect(name, effect);
        return;
      }
      case 'home': {
        if (n.home === undefined) return;
        const { state, effects } = stepHome(n.home, this.ablateHome({ ...fed.event, nowMs } as HomeEvent));
        n.home = state;
        for (const effect of effects) this.homeEffect(name, effect);
        return;
      }
    }
  }

  private feedSource(name: NodeName, move: MoveId, event: SourceEvent): void {
    const n = this.nodes[name];
    const before = n.sources[move];
    if (before === undefined) return;
    if (this.options.ablation === 'source resumes without the competing proposal' && before.phase === 'proposing' && (event.type === 'cancel' || event.type === 'peerLost' || event.type === 'timer')) {
      n.sources[move] = { phase: 'givenUp', plan: before.plan };
      if (n.live !== undefined) n.live = { ...n.live, frozen: false };
      return this.own(name, move, before.plan.epoch, Number.POSITIVE_INFINITY);
    }
    const { state, effects } = stepSource(before, event);
    n.sources[move] = state;
    for (const effect of effects) this.sourceEffect(name, move, state, effect);
  }

  private feedTarget(name: NodeName, move: MoveId, event: TargetEvent): void {
    const n = this.nodes[name];
    const before = n.targets[move];
    if (before === undefined) return;
    let fed = event;
    if (event.type === 'message' && event.message.type === 'cancel' && before.phase !== 'idle' && this.options.ablation === 'cancel believed from another life of the source') fed = { ...event, message: { ...event.message, from: before.plan.source } };
    const { state, effects } = stepTarget(before, fed);
    n.targets[move] = state;
    for (const effect of effects) this.targetEffect(name, move, effect);
    if (state.phase === 'ready' && before.phase === 'restoring' && this.options.ablation === 'target runs without a grant') {
      n.targets[move] = { phase: 'running', plan: state.plan };
      this.run(name, move, state.plan.epoch + 1, n.restored[move] ?? 0, Number.POSITIVE_INFINITY);
    }
  }

  private ablateHome(event: HomeEvent): HomeEvent {
    if (event.type !== 'message' || event.message.type !== 'propose' || this.options.ablation !== 'register changed without compare') return event;
    const { owner, epoch } = this.home.register;
    return { ...event, message: { ...event.message, from: owner, proposal: { ...event.message.proposal, expect: { owner, epoch } } } };
  }

  private sourceEffect(name: NodeName, move: MoveId, state: SourceState, effect: SourceEffect): void {
    const n = this.nodes[name];
    const answer = (event: Bare<SourceEvent>) => this.later(name, { role: 'source', move, event });
    switch (effect.type) {
      case 'send':
        return this.send(name, effect.to, effect.message);
      case 'startTimer':
      case 'stopTimer':
        return this.timer(name, `source ${move} ${effect.timer}`, effect);
      case 'offerBlobs':
        return answer({ type: 'blobsOffered' });
      case 'freeze': {
        if (n.live === undefined) return;
        n.live = { ...n.live, frozen: true };
        return answer({ type: 'frozen', capture: captureOf(n.live.turns) });
      }
      case 'thaw':
        if (n.live !== undefined) n.live = { ...n.live, frozen: false };
        return;
      case 'sendCapture':
        this.send(name, effect.to, effect.message);
        return answer({ type: 'captureSent' });
      case 'handOver':
        return this.feed(name, { role: 'owner', event: { type: 'handedOver' } });
      case 'activate':
        return this.run(name, move, effect.epoch, n.live?.turns, effect.leaseUntilMs);
      case 'moved':
        if (this.options.ablation !== 'retained copy dropped at commit' && n.live !== undefined) n.retained[move] = n.live.turns;
        n.live = undefined;
        return;
      case 'dropCopy':
        if (state.phase !== 'idle' && n.live?.epoch === state.plan.epoch) n.live = undefined;
        delete n.retained[move];
        return;
      case 'report':
        return;
    }
  }

  private targetEffect(name: NodeName, move: MoveId, effect: TargetEffect): void {
    const n = this.nodes[name];
    const answer = (event: Bare<TargetEvent>) => this.later(name, { role: 'target', move, event });
    switch (effect.type) {
      case 'send':
        return this.send(name, effect.to, effect.message);
      case 'startTimer':
      case 'stopTimer':
        return this.timer(name, `target ${move} ${effect.timer}`, effect);
      case 'reserve':
        return answer({ type: 'reserved', missing: this.options.timeless ? [] : ['program' as Hash] });
      case 'obtainBlobs':
        return answer({ type: 'blobsObtained' });
      case 'warm':
        return answer({ type: 'instanceWarmed' });
      case 'restore':
        n.restored[move] = effect.message.capture.turns;
        return answer({ type: 'restored', hash: effect.message.capture.hash });
      case 'run': {
        const leaseUntilMs = this.options.ablation === 'lease counted from the receipt of the grant' ? this.clock(name) + effect.leaseMs : effect.leaseUntilMs;
        return this.run(name, move, effect.epoch, n.restored[move], leaseUntilMs);
      }
      case 'discard':
        delete n.restored[move];
        return;
      case 'refuse':
        return;
    }
  }

  private ownerEffect(name: NodeName, effect: OwnerEffect): void {
    switch (effect.type) {
      case 'send':
        return this.send(name, effect.to, effect.message);
      case 'startTimer':
      case 'stopTimer':
        return this.timer(name, `owner ${effect.timer}`, effect);
      case 'pause':
      case 'resume':
        return;
      case 'destroy':
        this.nodes[name].live = undefined;
        return;
    }
  }

  private homeEffect(name: NodeName, effect: HomeEffect): void {
    const n = this.nodes[name];
    switch (effect.type) {
      case 'send':
        return this.send(name, effect.to, effect.message);
      case 'startTimer':
      case 'stopTimer':
        return this.timer(name, `home ${effect.timer}`, effect);
      case 'restore': {
        const has = (node: WorldNode) => node.checkpoints.includes(effect.base.hash) || Object.values(node.retained).includes(effect.base.turns);
        const found = has(n) || (this.linked(name, effect.from as NodeName) && has(this.nodes[effect.from as NodeName]));
        if (found) n.checkpoints = [...n.checkpoints, effect.base.hash];
        return this.later(name, { role: 'home', event: found ? { type: 'restored' } : { type: 'failed', reason: reasonOf('UNAVAILABLE', 'no base', n.id) } });
      }
      case 'runHere':
        return this.run(name, effect.move, effect.epoch, this.home.register.base?.turns, Number.POSITIVE_INFINITY);
      case 'persist':
      case 'report':
        return;
    }
  }

  private timer(name: NodeName, key: string, effect: { type: 'startTimer'; delayMs: number } | { type: 'stopTimer' }): void {
    const { timers } = this.nodes[name];
    if (effect.type === 'stopTimer') delete timers[key];
    else timers[key] = this.nowMs + effect.delayMs;
  }

  private run(name: NodeName, move: MoveId, epoch: Epoch, turns: number | undefined, leaseUntilMs: number): void {
    const n = this.nodes[name];
    if (turns === undefined) return this.violate(`${name} was to run at epoch ${epoch} without a state`);
    delete n.restored[move];
    n.live = { epoch, frozen: false, turns };
    this.own(name, move, epoch, leaseUntilMs);
  }

  private own(name: NodeName, move: MoveId, epoch: Epoch, leaseUntilMs: number): void {
    const n = this.nodes[name];
    for (const key of Object.keys(n.timers)) if (key.startsWith('owner ')) delete n.timers[key];
    const { state, effects } = createOwner({ actor, move, self: n.id, home: this.options.home, epoch, timings: defaultTimings }, leaseUntilMs, this.clock(name));
    n.owner = state;
    for (const effect of effects) this.ownerEffect(name, effect);
  }

  private violate(what: string): void {
    this.violation ??= what;
  }

  /** The safety half of the invariants, true of every reachable world. */
  private check(): void {
    const running = this.runners();
    if (running.length > 1) this.violate(`I1/I3: ${running.map((r) => `${r} at epoch ${this.nodes[r].live?.epoch}`).join(' and ')} run at once`);
    for (const name of running) {
      const { id, live } = this.nodes[name];
      const key = `${id.name}#${id.boot}`;
      const epoch = (live as Live).epoch;
      if ((this.ranAt[epoch] ??= key) !== key) this.violate(`I1: ${this.ranAt[epoch]} and ${key} both ran at epoch ${epoch}`);
      if (epoch > this.home.register.epoch) this.violate(`I1: ${name} runs at epoch ${epoch}, the register is at ${this.home.register.epoch}`);
    }
    this.checkCopies();
  }

  /** Never both sides discarded: the living owner has the state, and the living standby has the base. */
  private checkCopies(): void {
    const { owner, standby, base, move, epoch } = this.home.register;
    const o = this.nodes[owner.name as NodeName];
    if (o.id.boot === owner.boot && o.live === undefined && o.restored[move] === undefined && this.home.phase !== 'restoring' && !this.instanceDied) this.violate(`I5: ${owner.name} owns the actor at epoch ${epoch} and has no copy`);
    if (standby === undefined || base === undefined) return;
    const s = this.nodes[standby.name as NodeName];
    if (s.id.boot !== standby.boot || s.checkpoints.includes(base.hash) || Object.values(s.retained).includes(base.turns) || s.live !== undefined) return;
    this.violate(`I5: ${standby.name} is to hold base ${base.hash} of epoch ${epoch} and does not`);
  }
}

function hashOf(turns: number): Hash {
  return `state-${turns}` as Hash;
}

function captureOf(turns: number): Capture {
  return { hash: hashOf(turns), turns, sizeBytes: 8 };
}
