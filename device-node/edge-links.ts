// The links of a device: one per configured edge, kept from the start, and one per host that an offer named beside them, or on which a
// receiver is that this device sends to.
import { type Cancel, type Clock, GodwitError, type KeptLink, type Logger, type Node, type Reach, type Transport } from '#core';

/** How far a link has come. @public */
export interface EdgeStatus {
  readonly url: string;
  /** Name of its node; undefined before it was linked for the first time. */
  readonly name: string | undefined;
  readonly linked: boolean;
  /** Milliseconds; undefined while there is no link. */
  readonly rttMs: number | undefined;
  /** Why it will not be dialled again: wrong key, another protocol. */
  readonly givenUp: GodwitError | undefined;
}

interface Entry {
  readonly url: string;
  readonly link: KeptLink;
  name: string | undefined;
  givenUp: GodwitError | undefined;
}

/** Time for a link to a host that is to take an actor. */
const linkMs = 10_000;

/** Links beyond which none is kept that was not configured. */
const maxTold = 256;

export class EdgeLinks implements Reach {
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly options: { readonly transport: Transport; readonly clock: Clock; readonly logger: Logger; readonly node: () => Node }) {}

  /** Dials `url` from now on, unless it is dialled already. */
  keep(url: string): void {
    if (this.entries.has(url)) return;
    const link = this.options.node().keepLink(this.options.transport, url);
    const entry: Entry = { url, link, name: undefined, givenUp: undefined };
    this.entries.set(url, entry);
    link.linked.then(
      (name) => {
        entry.name = name;
      },
      (thrown: unknown) => {
        entry.givenUp = GodwitError.from(thrown);
        if (entry.givenUp.code !== 'CANCELLED')
          this.options.logger.log('error', 'edge.given-up', { url, code: entry.givenUp.code, reason: entry.givenUp.message });
      },
    );
  }

  /** Address of a node that was linked. */
  addressOf(name: string): string | undefined {
    return [...this.entries.values()].find((entry) => entry.name === name)?.url;
  }

  /** Resolves when there is a link to node `name`. @param url dialled if the node is not reached by another address @throws {GodwitError} UNAVAILABLE not within 10 s · RESOURCE_EXHAUSTED */
  async to(name: string, url: string): Promise<void> {
    const node = this.options.node();
    const isLinked = () => node.peers().some((peer) => peer.name === name);
    if (isLinked()) return;
    if (this.addressOf(name) === undefined) this.keepTold(url);
    await new Promise<void>((resolve, reject) => {
      const cancels: Cancel[] = [];
      const settle = (act: () => void) => {
        for (const cancel of cancels) cancel();
        act();
      };
      cancels.push(
        node.observe((event) => {
          if (event.type === 'link-up' && event.peer === name) settle(resolve);
        }),
        this.options.clock.after(linkMs, () =>
          settle(() => reject(new GodwitError('UNAVAILABLE', `host ${name} at ${url} was not linked within ${linkMs} ms`))),
        ),
      );
      if (isLinked()) settle(resolve);
      this.entries.get(url)?.link.linked.catch((thrown: unknown) => settle(() => reject(GodwitError.from(thrown))));
    });
  }

  /** @throws {GodwitError} RESOURCE_EXHAUSTED */
  private keepTold(url: string): void {
    if (this.entries.size >= maxTold && !this.entries.has(url))
      throw new GodwitError('RESOURCE_EXHAUSTED', `device ${this.options.node().name} keeps ${this.entries.size} links, so none to ${url}`);
    this.keep(url);
  }

  list(): EdgeStatus[] {
    const peers = new Map(
      this.options
        .node()
        .peers()
        .map((peer) => [peer.name, peer.rttMs]),
    );
    return [...this.entries.values()].map(({ url, name, givenUp }) => ({
      url,
      name,
      linked: name !== undefined && peers.has(name),
      rttMs: name === undefined ? undefined : peers.get(name),
      givenUp,
    }));
  }
}
