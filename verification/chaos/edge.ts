// One edge of a run: its process, life after life on the same port, and the relay by which the device reaches it.
import { randomUUID } from 'node:crypto';
import { type ActorInfo, type Durability, GodwitError } from '#core';
import { type Relay, relay } from '#transports/relay';
import { Child, type Guardian } from './child.js';
import type { Chronicle } from './chronicle.js';
import { type EdgeSetup, machineMs, type News } from './orders.js';

/** What an edge needs of its run. */
export interface EdgeSurroundings {
  readonly guardian: Guardian;
  readonly chronicle: Chronicle;
  readonly key: string;
  /** A process ended that nobody killed. */
  died(how: string): void;
}

export class Edge {
  private constructor(
    readonly name: string,
    private readonly setup: EdgeSetup,
    private readonly surroundings: EdgeSurroundings,
    private child: Child,
    readonly relayed: Relay,
  ) {}

  /** Starts its first life, and its relay. @param linked edges that it dials */
  static async start(name: string, tier: EdgeSetup['tier'], seed: number, linked: readonly Edge[], surroundings: EdgeSurroundings): Promise<Edge> {
    const setup: EdgeSetup = { name, tier, port: 0, key: surroundings.key, peers: linked.map(({ relayed }) => relayed.url) };
    const { child, port } = await live(setup, surroundings);
    return new Edge(name, { ...setup, port }, surroundings, child, await relay({ to: { host: '127.0.0.1', port }, seed }));
  }

  kill(): Promise<void> {
    return this.child.kill();
  }

  /** The next life, which knows nothing of the last one. */
  async restart(): Promise<void> {
    this.child = (await live(this.setup, this.surroundings)).child;
  }

  stop(): void {
    this.child.signal('SIGSTOP');
  }

  continue(): void {
    this.child.signal('SIGCONT');
  }

  /** Lets an actor of the device come. @returns the token to move it with */
  async expect(actor: string, durability: Durability, device: string): Promise<string> {
    const token = randomUUID();
    await this.child.ask({ type: 'expect', actor, durability, device, token });
    return token;
  }

  /** The actors it knows. */
  list(): Promise<readonly ActorInfo[]> {
    return this.child.ask({ type: 'list' });
  }

  async close(): Promise<void> {
    await this.child.kill();
    await this.relayed.close();
  }
}

async function live(setup: EdgeSetup, { guardian, chronicle, died }: EdgeSurroundings): Promise<{ child: Child; port: number }> {
  const onNews = (news: News) => {
    if (news.type === 'event') chronicle.saw({ node: setup.name, atMs: news.atMs, event: news.event });
  };
  const began = machineMs();
  const child = new Child(setup.name, 'edge', guardian, chronicle.errors, { onNews, onDied: died });
  const { port } = await child.ask({ type: 'start', setup });
  if (port === 0) throw new GodwitError('INTERNAL', `${setup.name} listens on no port`);
  chronicle.note('edge-listens', { edge: setup.name, startMs: Math.round(machineMs() - began) });
  return { child, port };
}
