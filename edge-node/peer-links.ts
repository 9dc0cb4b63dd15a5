// The links of an edge to edges that others named: the home of an actor that is to move there, or a node that knows where a receiver is.
//
// P1 A link is dialled when it is needed, and stays until it drops; the next need dials again. Of an edge that is gone nothing is left to try.
// P2 One kept link for each peer at most: two would take each other's place for ever.
import { type Cancel, type Clock, GodwitError, type KeptLink, type Logger, type Node, type NodeEvent, type Reach, type Transport } from '#core';

/** What the links are made of. */
export interface PeerLinksOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly node: () => Node;
}

/** Time for a link to an edge that is to take an actor. */
const linkMs = 10_000;
/** Time for a pipe that this edge began to dial before the peer's came. */
const crossingMs = 1000;
/** Edges of one cluster; what is told beyond it takes the place of what was told first. */
const maxPeers = 1024;

export class PeerLinks implements Reach {
  private readonly addresses = new Map<string, string>();
  private readonly kept = new Map<string, KeptLink>();
  private readonly reaching = new Map<string, Promise<void>>();

  constructor(private readonly options: PeerLinksOptions) {}

  addressOf(node: string): string | undefined {
    return this.addresses.get(node);
  }

  /** @throws {GodwitError} UNAVAILABLE not within 10 s · FAILED_PRECONDITION another node answers there · UNAUTHENTICATED wrong key · INVALID_ARGUMENT */
  async to(node: string, address: string): Promise<void> {
    this.note(node, address);
    if (this.isLinked(node)) return;
    let reaching = this.reaching.get(node);
    if (reaching === undefined) {
      reaching = this.dial(node, address).finally(() => this.reaching.delete(node));
      this.reaching.set(node, reaching);
    }
    await reaching;
  }

  /** Follows what happens on the edge's node. */
  readonly follow = (event: NodeEvent): void => {
    // P1. While it is dialled, the dialling itself sees to it.
    if (event.type === 'link-down' && !this.reaching.has(event.peer)) this.drop(event.peer);
  };

  private async dial(node: string, address: string): Promise<void> {
    const { logger, transport } = this.options;
    this.drop(node);
    const link = this.options.node().keepLink(transport, address);
    this.kept.set(node, link);
    try {
      const isOwn = await this.linked(node, address, link);
      logger.log('info', 'edge.linked', { node: this.options.node().name, peer: node, address, dialled: isOwn });
      // P2: the peer dialled too, and both kept its pipe.
      if (!isOwn) this.drop(node);
    } catch (thrown) {
      this.drop(node);
      throw thrown;
    }
  }

  /** @returns whether it is `link` that was linked */
  private linked(node: string, address: string, link: KeptLink): Promise<boolean> {
    const { clock } = this.options;
    const own = this.options.node();
    let isOwn = false;
    return new Promise((resolve, reject) => {
      const cancels: Cancel[] = [];
      const settle = (error?: GodwitError) => {
        for (const cancel of cancels) cancel();
        if (error === undefined) resolve(isOwn);
        else reject(error);
      };
      const late = new GodwitError('UNAVAILABLE', `edge ${node} at ${address} was not linked within ${linkMs} ms`);
      // The peer dialled: of two pipes that cross both nodes keep the one of the first name, which may still be on its way.
      const crossing = () => void cancels.push(clock.after(own.name < node ? crossingMs : 0, settle));
      cancels.push(
        own.observe((event) => event.type === 'link-up' && event.peer === node && crossing()),
        clock.after(linkMs, () => settle(late)),
      );
      link.linked.then(
        (name) => {
          isOwn = true;
          settle(name === node ? undefined : new GodwitError('FAILED_PRECONDITION', `node ${name} answers at ${address}, not ${node}`));
        },
        (thrown: unknown) => settle(GodwitError.from(thrown)),
      );
    });
  }

  private note(node: string, address: string): void {
    this.addresses.delete(node);
    this.addresses.set(node, address);
    if (this.addresses.size > maxPeers) this.addresses.delete(this.addresses.keys().next().value as string);
  }

  private drop(node: string): void {
    this.kept.get(node)?.close();
    this.kept.delete(node);
  }

  private isLinked(node: string): boolean {
    return this.options
      .node()
      .peers()
      .some(({ name }) => name === node);
  }
}
