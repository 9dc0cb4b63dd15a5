// The paper's Offload Handler: asks clusters for offers, accepts one, moves the actor, gets it back, and knows what is away and where.
//
// H1 An actor has at most one lease: a move from one host to the next ends one and begins another. Where it is the home's register tells. H2 A move that fails leaves no room taken at the host: the assignment is released.
// H4 The register of an actor is kept by its device, or, as long as it is shared, where its shared name is: then it outlives the device.
// H3 The Offload Manager matters only until a move begins; recalls and losses go over the link alone.
import {
  type ActorInfo,
  type AnyDefinition,
  type AnyRef,
  bytesFrom,
  type Cancel,
  type Clock,
  type Definition,
  type ElasticFunction,
  GodwitError,
  type Logger,
  type MoveReport,
  type Needs,
  type Node,
  type NodeEvent,
} from '#core';
import type { Cluster, ClusterRefusal, ClusterRequest } from './cluster.js';
import type { EdgeLinks } from './edge-links.js';
import { joinNeeds } from './needs.js';
import { type HostOffer, hostOfferFrom, type Lease, type Offer, type Offload, type SharedOffer, sharedOfferFrom } from './offer.js';

/** What an Offload Handler is made of. */
export interface OffloadHandlerOptions {
  readonly node: Node;
  readonly clusters: readonly Cluster[];
  readonly links: EdgeLinks;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly application: string;
  /** The definition that an actor of this device was spawned from. */
  readonly definitionOf: (name: string) => AnyDefinition | undefined;
  /** Address of the actor behind what is to be offloaded. @throws {GodwitError} INVALID_ARGUMENT a function that is not elastic */
  readonly addressOf: (target: Offloadable) => string;
  /** An actor is away by a lease from now on, or no more. */
  readonly onLease: (actor: string, isAway: boolean) => void;
}

/** What can be offloaded: an actor, its address, or a function that `elastic` or `'use elastic'` has tagged. @public */
export type Offloadable = AnyRef | string | ElasticFunction;

/** What an application may say of a request. @public */
export interface RequestOptions {
  /** Joined with what the actor's definition needs. */
  readonly needs?: Needs;
  /** Tier by name; default: any that the host has. */
  readonly tier?: string;
  /** Host by name; default: any. Every cluster is asked until one has it. */
  readonly host?: string;
  /** Shares the actor with every device of the cluster under this name. Its definition must have a message `merge`. */
  readonly sharedName?: string;
  /** Why, for reports: 'battery', 'temperature', …; default 'application'. */
  readonly trigger?: string;
}

/** A cluster and how far it is. @public */
export interface Distance {
  readonly url: string;
  readonly rttMs: number;
}

/** Requests, offers, leases. @public */
export interface OffloadHandler {
  /** The clusters that answer, closest first. @throws {GodwitError} UNAVAILABLE none does, with the reason for each · UNAUTHENTICATED wrong key */
  discover(): Promise<Distance[]>;
  /**
   * Asks the closest cluster, and the next one if it has no room.
   * @param target here or offloaded: then of hosts other than its own. The calls of an elastic function go to its host as long as it is away
   * @throws {GodwitError} as discover, and FAILED_PRECONDITION the actor is pinned, or no other host can run it · RESOURCE_EXHAUSTED no room or quota · NOT_FOUND no such actor
   */
  request(target: Offloadable, options?: RequestOptions): Promise<Offer[]>;
  /**
   * Takes an offer; resolves when the actor runs there (or was merged). An offloaded actor moves straight from its host to the next, and its
   * lease there ends.
   * @throws {GodwitError} NOT_FOUND the offer expired · UNAVAILABLE the two hosts cannot reach each other · whatever stopped the move; the actor
   * runs on where it was, unless the link to its host dropped meanwhile (UNAVAILABLE, details `{ undecided: true }`): {@link list} tells
   */
  accept(offer: Offer): Promise<Lease>;
  /** Gives an offer back; an expired one is none. */
  decline(offer: Offer): Promise<void>;
  /** What is away now. */
  list(): Offload[];
}

/** Where an accepted offer leads. */
type Stay = Pick<Offload, 'actor' | 'definition' | 'version' | 'host' | 'url' | 'sharedName'>;

interface Entry extends Offload, Stay {
  readonly end: (lost: string | undefined) => void;
}

/** How long the shared actor may take to merge a state: it may have to wait for its turn. */
const mergeMs = 30_000;
/** How long an acceptance waits for the register to be where it belongs, in milliseconds: a round trip and an fsync. It goes on without. */
const homeMs = 2000;

export class ClusterOffloadHandler implements OffloadHandler {
  private readonly leases = new Map<string, Entry>();
  /** Of moves that have not told their end, by actor. */
  private readonly expected = new Map<string, Stay>();
  private readonly unobserve: Cancel;

  constructor(private readonly options: OffloadHandlerOptions) {
    this.unobserve = options.node.observe((event) => this.follow(event));
  }

  async discover(): Promise<Distance[]> {
    return (await this.distances()).map(({ cluster, rttMs }) => ({ url: cluster.url, rttMs }));
  }

  async request(target: Offloadable, options: RequestOptions = {}): Promise<Offer[]> {
    const actor = this.options.addressOf(target);
    const request = this.requestFor(actor, options);
    const { definition, version, sharedName } = request;
    const trigger = options.trigger ?? 'application';
    const present = this.leases.get(actor)?.host;
    const isAsked = (host: string) => options.host === undefined || host === options.host;
    const refusals: ClusterRefusal[] = [];
    for (const { cluster, rttMs } of await this.distances()) {
      const answer = await cluster.request(request);
      const base = { actor, definition, version, edge: cluster.url, rttMs, trigger };
      if (answer.redirect !== undefined && isAsked(answer.redirect.host)) return [sharedOfferFrom(answer.redirect, base, sharedName)];
      const offers = answer.offers.map((offer) => hostOfferFrom(offer, base, sharedName === '' ? undefined : sharedName));
      const fitting = offers.filter(({ host }) => host !== present && isAsked(host));
      for (const { token } of offers.filter((offer) => !fitting.includes(offer))) await this.giveBack(cluster, token);
      if (fitting.length > 0) return fitting;
      const others = answer.redirect === undefined ? offers : [answer.redirect];
      const reasons = others.map(({ host }) => refusalOf(host, `host ${host} ${isAsked(host) ? 'has it already' : `is not ${options.host}`}`));
      refusals.push(...answer.refusals, ...reasons);
    }
    throw refusalError(actor, refusals);
  }

  async accept(offer: Offer): Promise<Lease> {
    this.settle(offer.actor);
    const entry = this.leases.get(offer.actor);
    if (entry?.host === offer.host) throw new GodwitError('FAILED_PRECONDITION', `actor ${offer.actor} is offloaded to ${entry.host} already`);
    return offer.kind === 'shared' ? this.join(offer) : this.move(offer);
  }

  async decline(offer: Offer): Promise<void> {
    if (offer.kind === 'host') await this.cluster(offer.edge).cancel(offer.token, this.options.node.name);
  }

  list(): Offload[] {
    for (const actor of new Set([...this.leases.keys(), ...this.expected.keys()])) this.settle(actor);
    return [...this.leases.values()].map(({ end: _end, ...offload }) => offload);
  }

  close(): void {
    this.unobserve();
  }

  // ── Accepting ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private async move(offer: HostOffer): Promise<Lease> {
    const { node, links } = this.options;
    const cluster = this.cluster(offer.edge);
    const { assignment, redirect } = await cluster.accept(offer.token, node.name);
    if (redirect !== undefined) return this.join(sharedOfferFrom(redirect, offer, offer.sharedName as string));
    if (assignment === undefined) throw new GodwitError('INTERNAL', `${offer.edge} answered an acceptance with nothing`);
    const { actor, definition, version, sharedName, trigger } = offer;
    const { host, url, token } = assignment;
    const stay: Stay = { actor, definition, version, host, url, sharedName };
    this.expected.set(actor, stay);
    try {
      await links.to(host, url);
      const report = await node.move(actor, { to: host, address: url, token, trigger });
      const lease = this.leased(stay, report);
      await this.settleHome(stay);
      return lease;
    } catch (thrown) {
      // H2. It may have moved, or still move, though nobody could tell.
      const { details } = GodwitError.from(thrown);
      if (this.isOn(actor, host) || (details as { readonly undecided?: unknown } | undefined)?.undecided === true) throw thrown;
      if (this.expected.get(actor) === stay) this.expected.delete(actor);
      await this.release(cluster, token, host);
      throw thrown;
    }
  }

  /** Merges the local actor into the shared one; refs held here lead there from then on. */
  private async join(offer: SharedOffer): Promise<Lease> {
    const { node, links } = this.options;
    const { existing, actor, host, url, sharedName } = offer;
    const info = this.found(actor);
    if (this.leases.has(actor)) throw new GodwitError('FAILED_PRECONDITION', `actor ${actor} is away and cannot join '${sharedName}': recall it first`);
    const definition = this.options.definitionOf(existing.definition);
    if (info === undefined || definition === undefined || info.definition !== existing.definition || info.version !== existing.version) {
      throw new GodwitError(
        'FAILED_PRECONDITION',
        `actor ${actor} cannot join '${sharedName}': that is ${existing.actor}, a ${existing.definition} v${existing.version}`,
      );
    }
    if (definition.protocol.messages.merge !== 'reply')
      throw new GodwitError('FAILED_PRECONDITION', `actor ${actor} cannot join '${sharedName}': ${definition.name} has no message 'merge' that takes a state`);
    if (existing.actor === actor)
      throw new GodwitError(
        'FAILED_PRECONDITION',
        `actor ${actor} cannot join '${sharedName}': an actor of this address has the name, spawned by a former life of ${node.name} that kept nothing`,
      );
    await links.to(host, url);
    const { epoch, home } = existing;
    const state = await node.repoint(actor, existing.actor, { node: host, tier: 'unknown', epoch, ...(home === '' ? {} : { home }) });
    const shared = node.refTo(definition as Definition, existing.actor) as unknown as {
      merge(state: unknown, options: { timeoutMs: number }): Promise<unknown>;
    };
    try {
      await shared.merge(state, { timeoutMs: mergeMs });
    } catch (thrown) {
      const error = GodwitError.from(thrown);
      throw new GodwitError(error.code, `actor ${actor} was joined to '${sharedName}', but ${existing.actor} did not merge its state: ${error.message}`, {
        cause: error,
        details: { state },
      });
    }
    return this.leased({ actor, definition: definition.name, version: definition.version, host, url, sharedName }, undefined, existing.actor);
  }

  /** H1 */
  private leased(stay: Stay, move: MoveReport | undefined, leads = stay.actor): Lease {
    const { node, application } = this.options;
    const { actor, host, sharedName } = stay;
    const isOn = () => leads !== actor || this.isOn(actor, host);
    let tellLost: (reason: string) => void = () => {};
    let active = true;
    const lost = new Promise<string>((resolve) => {
      tellLost = resolve;
    });
    const lease: Lease = {
      actor: leads,
      node: host,
      sharedName,
      move,
      lost,
      get active() {
        return active && isOn();
      },
      recall: async ({ trigger = 'recall' } = {}) => {
        if (leads !== actor)
          throw new GodwitError('FAILED_PRECONDITION', `actor ${leads} is shared as '${sharedName}' and another device's: it cannot be recalled here`);
        const report = await node.recall(actor, { trigger });
        this.leases.get(actor)?.end(undefined);
        return report;
      },
    };
    const end = (reason: string | undefined) => {
      active = false;
      if (this.leases.get(actor)?.lease === lease) {
        this.leases.delete(actor);
        this.options.onLease(actor, false);
      }
      if (reason !== undefined) tellLost(reason);
    };
    this.leases.get(actor)?.end(undefined);
    this.expected.delete(actor);
    this.leases.set(actor, { ...stay, application, lease, end });
    this.options.onLease(actor, true);
    return lease;
  }

  /** H4. An edge that does not take it (it has no data directory) leaves it where it is. */
  private async settleHome({ actor, host, sharedName }: Stay): Promise<void> {
    const { node, clock } = this.options;
    const home = sharedName === undefined ? node.name : host;
    let cancel: Cancel = () => {};
    const late = new Promise<void>((resolve) => {
      cancel = clock.after(homeMs, resolve);
    });
    try {
      await Promise.race([node.rehome(actor, home), late]);
    } catch (thrown) {
      const { code, message } = GodwitError.from(thrown);
      this.options.logger.log('info', 'offload.home-not-settled', { node: node.name, actor, home, code, reason: message });
    } finally {
      cancel();
    }
  }

  /** What the owner could not tell, the home's register does. */
  private settle(actor: string): void {
    const { node, links } = this.options;
    const [entry, expected] = [this.leases.get(actor), this.expected.get(actor)];
    const host = node.where(actor)?.node;
    if (host === undefined || host === node.name || host === entry?.host || (entry !== undefined && entry.lease.actor !== actor)) return;
    const stay = expected?.host === host ? expected : entry === undefined ? undefined : { ...entry, host, url: links.addressOf(host) ?? '' };
    if (stay === undefined) return;
    this.leased(stay, undefined);
    this.settleHome(stay).catch(() => undefined);
  }

  private isOn(actor: string, host: string): boolean {
    return this.options.node.where(actor)?.node === host;
  }

  private release(cluster: Cluster, token: string, host: string): Promise<void> {
    return cluster.release(token).catch((reason: unknown) => this.log('offload.release-failed', { host, reason: GodwitError.from(reason).message }));
  }

  /** An offer that is not given back expires. */
  private giveBack(cluster: Cluster, token: string): Promise<void> {
    return cluster.cancel(token, this.options.node.name).catch(() => undefined);
  }

  /** H3 */
  private follow(event: NodeEvent): void {
    if (event.type === 'link-up')
      for (const entry of this.leases.values())
        if (entry.host === event.peer && entry.lease.actor === entry.actor) this.settleHome(entry).catch(() => undefined);
    if (event.type !== 'restored' && event.type !== 'arrived') return;
    this.expected.delete(event.actor);
    if (event.type === 'restored') this.leases.get(event.actor)?.end(`host ${event.lostNode} was lost; ${event.actor} goes on here after ${event.turns} turns`);
    else this.leases.get(event.actor)?.end(undefined);
  }

  // ── Asking ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private requestFor(address: string, { needs: asked = {}, tier = '', sharedName }: RequestOptions): ClusterRequest {
    this.settle(address);
    const entry = this.leases.get(address);
    const info = this.found(address) ?? entry;
    if (info === undefined) throw this.unknown(address);
    if (entry !== undefined && entry.lease.actor !== address)
      throw new GodwitError('FAILED_PRECONDITION', `actor ${address} was merged into ${entry.lease.actor}, which is another device's`);
    const needs = joinNeeds(this.options.definitionOf(info.definition)?.needs ?? {}, asked);
    if (needs.pinned === true) throw new GodwitError('FAILED_PRECONDITION', `actor ${address} is pinned to its device`);
    return {
      actor: address,
      definition: info.definition,
      version: info.version,
      device: this.options.node.name,
      sharedName: sharedName ?? entry?.sharedName ?? '',
      needs: {
        memoryBytes: BigInt(needs.memory === undefined ? 0 : bytesFrom(needs.memory)),
        hostFunctions: [...(needs.hostFunctions ?? [])],
        models: [...(needs.models ?? [])],
        tier,
      },
    };
  }

  private async distances(): Promise<Array<{ cluster: Cluster; rttMs: number }>> {
    const { clusters, node } = this.options;
    if (clusters.length === 0) throw new GodwitError('UNAVAILABLE', `device ${node.name} was given no edge to offload to`);
    const results = await Promise.allSettled(clusters.map(async (cluster) => ({ cluster, rttMs: await cluster.rttMs() })));
    const near = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    if (near.length > 0) return near.sort((a, b) => a.rttMs - b.rttMs);
    const errors = results.flatMap((result) => (result.status === 'rejected' ? [GodwitError.from(result.reason)] : []));
    const code = errors.every((error) => error.code === 'UNAUTHENTICATED') ? 'UNAUTHENTICATED' : 'UNAVAILABLE';
    throw new GodwitError(code, `no edge answers device ${node.name}: ${errors.map((error) => error.message).join('; ')}`);
  }

  private unknown(address: string): GodwitError {
    const { node } = this.options;
    const host = address.startsWith(`${node.name}/`) ? node.where(address)?.node : undefined;
    return host === undefined
      ? new GodwitError('NOT_FOUND', `actor ${address} is not one of device ${node.name}`)
      : new GodwitError('FAILED_PRECONDITION', `actor ${address} is on ${host}, and not by a lease of this run: recall it first`);
  }

  private found(address: string): ActorInfo | undefined {
    return this.options.node.actors().find((info) => info.address === address);
  }

  private cluster(url: string): Cluster {
    const cluster = this.options.clusters.find((known) => known.url === url);
    if (cluster === undefined) throw new GodwitError('INVALID_ARGUMENT', `the offer is of ${url}, which device ${this.options.node.name} does not know`);
    return cluster;
  }

  private log(event: string, fields: Readonly<Record<string, unknown>>): void {
    this.options.logger.log('warn', event, { node: this.options.node.name, ...fields });
  }
}

function refusalOf(host: string, reason: string): ClusterRefusal {
  return { host, code: 'FAILED_PRECONDITION', reason };
}

/** Why nobody offers anything: capability comes before room, for waiting does not mend it. */
function refusalError(actor: string, refusals: readonly ClusterRefusal[]): GodwitError {
  const lasting = refusals.every((refusal) => refusal.code === 'FAILED_PRECONDITION');
  const reasons = refusals.map((refusal) => refusal.reason).join('; ') || 'no host';
  return new GodwitError(lasting && refusals.length > 0 ? 'FAILED_PRECONDITION' : 'RESOURCE_EXHAUSTED', `no offer for actor ${actor}: ${reasons}`, {
    details: { refusals: refusals.map(({ host, code, reason }) => ({ host, code, reason })) },
  });
}
