/** The world of a schedule with what is in it: nodes, links, actors, and the history that they write. */
import { GodwitError } from '../../errors.js';
import type { NodeEvent } from '../../node/types.js';
import type { SimulatedNode } from '../simulated-node.js';
import type { Simulation } from '../simulation.js';
import { type World, world } from '../world.js';
import { History } from './history.js';
import type { ActorPlan, Schedule } from './schedule.js';
import { definitions, type LedgerKind, type LedgerRef, ledgers } from './workload.js';

const usPerMs = 1000;

export class Cast {
  readonly world: World;
  readonly history = new History();
  readonly nodes = new Map<string, SimulatedNode>();
  /** How often what happened. */
  readonly counts: Record<string, number> = {};
  private readonly simulation: Simulation;

  constructor(readonly schedule: Schedule) {
    const { seed, devices, edges, rttMs, fsyncMs, hashMs, clockPpm } = schedule;
    this.world = world({ seed });
    this.simulation = (this.world as unknown as { readonly simulation: Simulation }).simulation;
    this.world.observe(({ node, event }) => this.event(node, event));
    const machine = () => ({ hashMs, clockPpm: this.nodes.size % 2 === 0 ? clockPpm : -clockPpm });
    const disk = { fsyncMs, jitterMs: fsyncMs - 1 };
    for (const name of devices) this.nodes.set(name, this.world.device(name, { definitions, disk, ...machine(), onStart: (node) => this.spawnOn(node) }));
    for (const name of edges) this.nodes.set(name, this.world.edge(name, { definitions, ...machine() }));
    const all = [...this.nodes.values()];
    for (const [index, a] of all.entries()) for (const b of all.slice(index + 1)) this.world.link(a, b, { rttMs });
  }

  node(name: string): SimulatedNode {
    return this.nodes.get(name) as SimulatedNode;
  }

  home(address: string): SimulatedNode {
    return this.node(address.slice(0, address.indexOf('/')));
  }

  /** The present lives of nodes that are not down. */
  living(): SimulatedNode[] {
    return [...this.nodes.values()].filter(({ status }) => status !== 'down');
  }

  address(index: number): string {
    const { home, name } = this.actor(index);
    return `${home}/${name}`;
  }

  /** What a crash may cost each actor, by address. */
  kinds(): Map<string, LedgerKind> {
    return new Map(this.schedule.actors.map(({ home, name, kind }) => [`${home}/${name}`, kind]));
  }

  /** The actor as the application of a node refers to it. */
  ref(from: SimulatedNode, index: number): LedgerRef {
    return from.refTo(ledgers[this.actor(index).kind], this.address(index));
  }

  /** Lets something happen between all else. */
  at(afterMs: number, task: () => void): void {
    this.simulation.at(this.simulation.nowUs + Math.round(afterMs * usPerMs), undefined, 'timer', task);
  }

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  /** Nobody waits for this promise, and it never rejects; if it does, that is a violation. */
  beside(work: Promise<unknown>): void {
    work.catch((thrown: unknown) => this.history.violate('world', GodwitError.from(thrown).message));
  }

  private actor(index: number): ActorPlan {
    return this.schedule.actors[index % this.schedule.actors.length];
  }

  private spawnOn(node: SimulatedNode): void {
    for (const { kind, name, home } of this.schedule.actors) {
      if (home !== node.name) continue;
      node.child(ledgers[kind], name);
      const fate = this.history.fate(`${home}/${name}`);
      if (node.lifeNumber === 1) fate.firstLife = node.node.boot;
      else if (kind !== 'durable') fate.rebornAfter = this.history.sent.length;
    }
  }

  private event(node: string, event: NodeEvent): void {
    this.count(event.type);
    if (event.type === 'arrived') this.history.fate(event.actor).places.add(node);
    else if (event.type === 'restored') {
      const fate = this.history.fate(event.actor);
      fate.restored += 1;
      fate.restoredAfter = this.history.sent.length;
    } else if (event.type === 'gap') {
      const { gaps } = this.history.fate(event.actor);
      gaps.set(event.sender, (gaps.get(event.sender) ?? 0) + event.lost);
    }
  }
}
