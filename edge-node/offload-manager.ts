// The paper's Offload Manager: first contact of a device. Who asks was authenticated by the transport; here it is decided what a device may
// have, offers are got from the Resource Manager, and an accepted one is handed to the Remote Offload Handler of its host.
import { type Cancel, GodwitError, type Logger, silentLogger } from '#core';
import type { Assignment, AssignmentEvent, Host, HostFacts, HostLoad, Offer, OffloadRequest, Redirect, Refusal, Reservation } from './offers.js';
import type { ResourceManager } from './resource-manager.js';
import type { SharedNames } from './shared-names.js';

/** What an Offload Manager is made of. */
export interface OffloadManagerOptions {
  /** Name for refusals by a limit of the cluster itself. */
  readonly name: string;
  readonly resources: ResourceManager;
  /** The Offload Manager closes it. */
  readonly names: SharedNames;
  readonly logger?: Logger;
  /** Whether a device may offload this at all. Default: every authenticated one may. */
  readonly authorise?: (request: OffloadRequest) => boolean;
  /** Actors one device may have in the cluster, those being moved included; default 16. */
  readonly maxOffloadsPerDevice?: number;
}

/** Enough for a robot's tasks, and a bound on what one stolen key can fill. */
const defaultMaxOffloads = 16;

/** The answer to a request: offers, or the actor that has the name already. */
export interface OffloadAnswer {
  readonly offers: readonly Offer[];
  readonly redirect?: Redirect;
  readonly refusals: readonly Refusal[];
}

/** The answer to an acceptance. */
export type AcceptAnswer =
  | {
      readonly assignment: { readonly token: string; readonly host: string; readonly url: string; readonly expiresInMs: number };
      readonly redirect?: undefined;
    }
  | { readonly assignment?: undefined; readonly redirect: Redirect };

/** First contact, authorisation, quotas and shared names. */
export class OffloadManager {
  private readonly names: SharedNames;
  /** Device by token of an offer whose acceptance is under way: it counts for the quota, and is accepted once. */
  private readonly accepting = new Map<string, string>();
  private readonly observed = new Map<string, Cancel>();
  private readonly logger: Logger;
  private readonly maxOffloads: number;
  private closed = false;

  constructor(private readonly options: OffloadManagerOptions) {
    this.names = options.names;
    this.logger = options.logger ?? silentLogger;
    this.maxOffloads = options.maxOffloadsPerDevice ?? defaultMaxOffloads;
  }

  /** @throws {GodwitError} PERMISSION_DENIED the device may not · UNAVAILABLE closed */
  request(request: OffloadRequest): OffloadAnswer {
    this.checkOpen();
    const { resources, authorise = () => true, name } = this.options;
    const { device, actor, sharedName } = request;
    if (!authorise(request)) throw new GodwitError('PERMISSION_DENIED', `device ${device} may not offload ${actor} (${request.definition})`);
    const redirect = sharedName === undefined ? undefined : this.names.at(sharedName);
    if (redirect !== undefined && redirect.actor !== actor) return { offers: [], redirect, refusals: [] };
    const kept = sharedName === undefined ? undefined : this.names.refusal(sharedName, actor);
    if (kept !== undefined) return { offers: [], refusals: [{ host: name, code: kept.code, reason: kept.message }] };
    const running = this.offloadsOf(device);
    if (running >= this.maxOffloads) {
      const reason = `device ${device} has ${running} offloads of the ${this.maxOffloads} it may have`;
      return { offers: [], refusals: [{ host: name, code: 'RESOURCE_EXHAUSTED', reason }] };
    }
    const answer = resources.offer(request);
    this.logger.log('info', 'offload.requested', { device, actor, offers: answer.offers.length, refusals: answer.refusals.map((refusal) => refusal.reason) });
    return answer;
  }

  /**
   * Assigns an offer's host. For a shared name this waits while another device's claim is open.
   * @throws {GodwitError} NOT_FOUND no such offer · RESOURCE_EXHAUSTED quota, or the host or its disk is full · UNAVAILABLE closed, or the
   * shared name is kept for another actor
   */
  async accept(token: string, device: string): Promise<AcceptAnswer> {
    this.checkOpen();
    const { assignment } = this.options.resources.offered(token, device);
    if (this.accepting.has(token)) throw new GodwitError('ABORTED', `this offer for ${assignment.actor} is being accepted already`, { retryable: false });
    if (this.offloadsOf(device) >= this.maxOffloads)
      throw new GodwitError('RESOURCE_EXHAUSTED', `device ${device} has the ${this.maxOffloads} offloads it may have`);
    this.accepting.set(token, device);
    try {
      return await this.assign(assignment);
    } finally {
      this.accepting.delete(token);
    }
  }

  /** Gives an open offer back; unknown tokens are none. */
  cancel(token: string, device: string): void {
    this.checkOpen();
    this.options.resources.cancel(token, device);
  }

  reservations(): Reservation[] {
    this.checkOpen();
    return this.options.resources.reservations();
  }

  sharedNames(): ReturnType<SharedNames['list']> {
    this.checkOpen();
    return this.names.list();
  }

  hosts(): HostLoad[] {
    this.checkOpen();
    return this.options.resources.load();
  }

  /** Answers nothing any more; actors that run are not touched. Idempotent. */
  close(): void {
    this.closed = true;
    for (const unobserve of this.observed.values()) unobserve();
    this.observed.clear();
    this.names.close();
  }

  private async assign(assignment: Assignment): Promise<AcceptAnswer> {
    const { resources } = this.options;
    const { token, device, actor, sharedName } = assignment;
    const redirect = sharedName === undefined ? undefined : await this.names.claim(sharedName, token, actor);
    if (redirect !== undefined) {
      resources.cancel(token, device);
      return { redirect };
    }
    try {
      this.checkOpen();
      // The wait may have outlived the offer.
      const { host } = resources.offered(token, device);
      this.observe(host);
      const expiresInMs = await host.remote.assign(assignment);
      resources.assigned(token, expiresInMs);
      this.logger.log('info', 'offload.assigned', { device, actor, host: host.facts.name });
      return { assignment: { token, host: host.facts.name, url: host.facts.url, expiresInMs } };
    } catch (thrown) {
      if (sharedName !== undefined) this.names.free(sharedName, token);
      throw thrown;
    }
  }

  /** Actors that a device has in the cluster, and those on their way. */
  private offloadsOf(device: string): number {
    const held = this.options.resources.reservations().filter((reservation) => reservation.device === device && reservation.status !== 'offered');
    return held.length + [...this.accepting.values()].filter((accepting) => accepting === device).length;
  }

  private observe({ facts, remote }: Host): void {
    if (this.observed.has(facts.name)) return;
    this.observed.set(
      facts.name,
      remote.observe((event) => this.follow(event, facts)),
    );
  }

  private follow(event: AssignmentEvent, { name: host, url }: HostFacts): void {
    const { sharedName, token, actor, definition, version }: Assignment = event.assignment;
    if (sharedName === undefined) return;
    if (event.type === 'running') this.names.take(sharedName, token, { actor, definition, version, host, url, epoch: event.epoch });
    else this.names.free(sharedName, token);
  }

  private checkOpen(): void {
    if (this.closed) throw new GodwitError('UNAVAILABLE', `the Offload Manager of ${this.options.name} is closed`);
  }
}
