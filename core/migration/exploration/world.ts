/**
 * A small world in which the machines of this folder carry out moves over a network that loses, repeats and reorders. It stands in for
 * `core/node`: it feeds events and carries out effects, and nothing more. What happens next is the caller's choice (`choices`, `choose`).
 *
 * An actor's whole state is the number of turns it has handled. Clocks differ by a constant; every non-lease timer may fire at any moment.
 */
import { createHome, stepHome } from '../home.js';
import type { HomeState } from '../home-state.js';
import { createOwner, stepOwner } from '../owner.js';
import { createRegister } from '../register.js';
import { createSource, stepSource } from '../source.js';
import type { SourceEvent } from '../source-state.js';
import { answerStray } from '../stray.js';
import { createTarget, stepTarget, type TargetEvent } from '../target.js';
import { defaultLeaseMs, defaultTimings, type Epoch, type MigrationMessage, type MoveId, type MovePlan, type Role, reasonOf, receiversOf } from '../types.js';
import { check } from './checks.js';
import { ablateHome, carryHome, carryOwner, carrySource, carryTarget } from './effects.js';
import {
  actor,
  type Budget,
  type Choice,
  type Fed,
  hashOf,
  type Live,
  manifest,
  type NodeName,
  names,
  type Packet,
  type Work,
  type WorldNode,
  type WorldOptions,
} from './model.js';

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
  /** Competing proposals won. */
  wonBack = 0;
  /** Set when a fault destroyed the waiting copy of a target that may since own it: an instance death, not a rule of the protocol. */
  instanceDied = false;
  violation: string | undefined;

  constructor(readonly options: WorldOptions) {
    this.budget = { ...options.budget };
    const node = (name: NodeName, k: number): WorldNode => ({
      id: { name, boot: '1' },
      skewMs: options.skewMs?.[k] ?? 0,
      sources: {},
      targets: {},
      owner: undefined,
      home: undefined,
      live: undefined,
      retained: {},
      restored: {},
      checkpoints: [],
      timers: {},
    });
    this.nodes = { a: node('a', 0), b: node('b', 1), c: node('c', 2) };
    // The actor lives on a; its home had a checkpoint of it, as it has of any actor it leased out.
    const a = this.nodes.a;
    const register = {
      ...createRegister(a.id, defaultLeaseMs),
      ...(options.home === 'a' ? {} : { base: { hash: hashOf(0), turns: 0 }, standby: this.nodes[options.home].id }),
    };
    const home = this.nodes[options.home];
    home.home = createHome(actor, home.id, register, defaultTimings);
    home.checkpoints = [hashOf(0)];
    a.live = { epoch: 1, frozen: false, turns: 0 };
    const asked: MigrationMessage = { type: 'query', move: register.move, actor, epoch: 1, from: a.id, askedAtMs: this.clock('a') };
    this.own('a', register.move, 1, this.clock('a') + (options.home === 'a' ? Number.POSITIVE_INFINITY : register.leaseMs));
    if (options.home !== 'a') this.feed(options.home, { role: 'home', event: { type: 'message', message: asked } });
    check(this);
  }

  clone(): World {
    const copy = Object.create(World.prototype) as World;
    Object.assign(copy, this, { net: [...this.net], work: [...this.work], cuts: new Set(this.cuts), budget: { ...this.budget }, ranAt: { ...this.ranAt } });
    copy.nodes = {} as Record<NodeName, WorldNode>;
    for (const name of names) {
      const n = this.nodes[name];
      copy.nodes[name] = {
        ...n,
        sources: { ...n.sources },
        targets: { ...n.targets },
        retained: { ...n.retained },
        restored: { ...n.restored },
        timers: { ...n.timers },
      };
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

  choose(choice: Choice): void {
    const { budget } = this;
    switch (choice.type) {
      case 'deliver':
        for (const { from, to, message } of this.net.splice(choice.packet, 1)) if (this.linked(from, to)) this.receive(to, message);
        break;
      case 'drop':
        budget.drops--;
        this.net.splice(choice.packet, 1);
        break;
      case 'duplicate':
        budget.duplicates--;
        this.net.push(this.net[choice.packet]);
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
        for (const move of Object.keys(this.nodes[choice.node].sources) as MoveId[])
          this.feed(choice.node, { role: 'source', move, event: { type: 'cancel', reason: reasonOf('CANCELLED', 'recalled', this.nodes[choice.node].id) } });
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
    check(this);
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
    if (role === 'home' || role === 'owner') this.feed(name, { role, event: { type: 'timer', timer: move as never } });
    else this.feed(name, { role, move, event: { type: 'timer', timer } });
  }

  /** @internal */
  linked(a: NodeName, b: NodeName): boolean {
    return a === b || !this.cuts.has(a < b ? a + b : b + a);
  }

  private receive(to: NodeName, message: MigrationMessage): void {
    const n = this.nodes[to];
    for (const role of receiversOf[message.type]) {
      if (role === 'home' || role === 'owner') this.feed(to, { role, event: { type: 'message', message } });
      else if (message.type === 'registered' || message.type === 'grant')
        for (const move of Object.keys(role === 'source' ? n.sources : n.targets) as MoveId[])
          this.feed(to, { role, move, event: { type: 'message', message } });
      else this.toMove(to, role, message);
    }
  }

  private toMove(to: NodeName, role: 'source' | 'target', message: MigrationMessage): void {
    const n = this.nodes[to];
    if (message.type === 'prepare' && n.targets[message.move] === undefined) n.targets[message.move] = createTarget(n.id);
    if ((role === 'source' ? n.sources : n.targets)[message.move] !== undefined) {
      this.feed(to, { role, move: message.move, event: { type: 'message', message } });
      return;
    }
    const answer = answerStray(message, n.id);
    if (answer !== undefined) this.send(to, answer.to, answer.message);
  }

  /** @internal */
  send(from: NodeName, to: string, message: MigrationMessage): void {
    if (from === to) this.receive(from, message);
    else this.net.push({ from, to: to as NodeName, message });
  }

  /** @internal */
  later(node: NodeName, fed: Fed): void {
    this.work.push({ node, boot: this.nodes[node].id.boot, ...fed });
  }

  private finish(index: number, failing: boolean): void {
    const work = this.work.splice(index, 1)[0];
    const { node, boot, ...fed } = work;
    const n = this.nodes[node];
    if (n.id.boot !== boot) return;
    if (!failing) {
      this.feed(node, fed);
      return;
    }
    this.budget.failures--;
    const event = { type: 'failed', reason: reasonOf('INTERNAL', 'injected', n.id) } as const;
    if (work.role === 'target' && n.targets[work.move]?.phase === 'ready') this.instanceDied = true;
    if (work.role === 'source' || work.role === 'target') this.feed(node, { role: work.role, move: work.move, event });
  }

  private begin(name: NodeName, to: NodeName): void {
    const n = this.nodes[name];
    const move = `m${++this.begun}` as MoveId;
    const plan: MovePlan = {
      move,
      actor,
      epoch: (n.live as Live).epoch,
      source: n.id,
      target: this.nodes[to].id,
      home: this.options.home,
      manifest,
      blobs: [],
      expectedBytes: 0,
      timings: defaultTimings,
    };
    n.sources[move] = createSource();
    this.feed(name, { role: 'source', move, event: { type: 'begin', plan } });
  }

  private crash(name: NodeName): void {
    const n = this.nodes[name];
    this.nodes[name] = {
      ...n,
      id: { name, boot: String(Number(n.id.boot) + 1) },
      sources: {},
      targets: {},
      owner: undefined,
      live: undefined,
      retained: {},
      restored: {},
      checkpoints: [],
      timers: {},
    };
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

  /** @internal */
  feed(name: NodeName, fed: Fed): void {
    const n = this.nodes[name];
    const nowMs = this.clock(name);
    switch (fed.role) {
      case 'source':
        this.feedSource(name, fed.move, { ...fed.event, nowMs });
        return;
      case 'target':
        this.feedTarget(name, fed.move, { ...fed.event, nowMs });
        return;
      case 'owner': {
        if (n.owner === undefined) return;
        const { state, effects } = stepOwner(n.owner, { ...fed.event, nowMs });
        n.owner = state;
        for (const effect of effects) carryOwner(this, name, effect);
        return;
      }
      case 'home': {
        if (n.home === undefined) return;
        const { state, effects } = stepHome(n.home, ablateHome(this, { ...fed.event, nowMs }));
        n.home = state;
        for (const effect of effects) carryHome(this, name, effect);
        return;
      }
    }
  }

  private feedSource(name: NodeName, move: MoveId, event: SourceEvent): void {
    const n = this.nodes[name];
    const before = n.sources[move];
    if (before === undefined) return;
    if (
      this.options.ablation === 'source resumes without the competing proposal' &&
      before.phase === 'proposing' &&
      (event.type === 'cancel' || event.type === 'peerLost' || event.type === 'timer')
    ) {
      n.sources[move] = { phase: 'givenUp', plan: before.plan };
      if (n.live !== undefined) n.live = { ...n.live, frozen: false };
      this.own(name, move, before.plan.epoch, Number.POSITIVE_INFINITY);
      return;
    }
    const { state, effects } = stepSource(before, event);
    n.sources[move] = state;
    for (const effect of effects) carrySource(this, name, move, state, effect);
  }

  private feedTarget(name: NodeName, move: MoveId, event: TargetEvent): void {
    const n = this.nodes[name];
    const before = n.targets[move];
    if (before === undefined) return;
    let fed = event;
    if (
      event.type === 'message' &&
      event.message.type === 'cancel' &&
      before.phase !== 'idle' &&
      this.options.ablation === 'cancel believed from another life of the source'
    )
      fed = { ...event, message: { ...event.message, from: before.plan.source } };
    const { state, effects } = stepTarget(before, fed);
    n.targets[move] = state;
    for (const effect of effects) carryTarget(this, name, move, effect);
    if (state.phase === 'ready' && before.phase === 'restoring' && this.options.ablation === 'target runs without a grant') {
      n.targets[move] = { phase: 'running', plan: state.plan };
      this.run(name, move, state.plan.epoch + 1, n.restored[move] ?? 0, Number.POSITIVE_INFINITY);
    }
  }

  /** @internal */
  timer(name: NodeName, key: string, effect: { type: 'startTimer'; delayMs: number } | { type: 'stopTimer' }): void {
    const { timers } = this.nodes[name];
    if (effect.type === 'stopTimer') delete timers[key];
    else timers[key] = this.nowMs + effect.delayMs;
  }

  /** @internal */
  run(name: NodeName, move: MoveId, epoch: Epoch, turns: number | undefined, leaseUntilMs: number): void {
    const n = this.nodes[name];
    if (turns === undefined) {
      this.violate(`${name} was to run at epoch ${epoch} without a state`);
      return;
    }
    delete n.restored[move];
    n.live = { epoch, frozen: false, turns };
    this.own(name, move, epoch, leaseUntilMs);
  }

  /** @internal */
  own(name: NodeName, move: MoveId, epoch: Epoch, leaseUntilMs: number): void {
    const n = this.nodes[name];
    for (const key of Object.keys(n.timers)) if (key.startsWith('owner ')) delete n.timers[key];
    const { state, effects } = createOwner(
      { actor, move, self: n.id, home: this.options.home, epoch, timings: defaultTimings },
      leaseUntilMs,
      this.clock(name),
    );
    n.owner = state;
    for (const effect of effects) carryOwner(this, name, effect);
  }

  /** @internal */
  violate(what: string): void {
    this.violation ??= what;
  }
}
