// The paper's Resource Manager: which hosts there are, what is left of each, and who has room on them.
//
// R1 Memory and instances of a host are held by reservations from the offer on, so what is offered can be had.
// R2 A reservation that is not running ends by itself when its time is over (Clock port).
// R3 A running reservation ends only when its host says that the actor left.
import { type Cancel, type Clock, GodwitError, type Random } from '#core';
import type { Assignment, AssignmentEvent, Host, HostLoad, HostNeeds, Offer, OffloadRequest, Refusal, Reservation, ReservationStatus } from './offers.js';

/** What a resource manager is made of. */
export interface ResourceManagerOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds an offer holds; default 10 000: time for an application, or a person, to choose. */
  readonly offerMs?: number;
}

const defaultOfferMs = 10_000;
/** 128 bits: not to be guessed in the seconds a token lives. */
const tokenBytes = 16;

interface Held {
  readonly assignment: Assignment;
  readonly host: Host;
  status: ReservationStatus;
  expiresAtMs: number;
  cancelExpiry: Cancel;
}

/** Hosts, their load and the reservations on them. */
export class ResourceManager {
  private readonly hosts = new Map<string, { readonly host: Host; readonly unobserve: Cancel }>();
  private readonly held = new Map<string, Held>();
  private readonly offerMs: number;

  constructor(private readonly options: ResourceManagerOptions) {
    this.offerMs = options.offerMs ?? defaultOfferMs;
  }

  /** Lets a host be offered. @returns what takes it out again @throws {GodwitError} ALREADY_EXISTS a host of this name is there */
  addHost(host: Host): Cancel {
    const { name } = host.facts;
    if (this.hosts.has(name)) throw new GodwitError('ALREADY_EXISTS', `resource manager: there is a host ${name} already`);
    this.hosts.set(name, { host, unobserve: host.remote.observe((event) => this.follow(event)) });
    return () => this.removeHost(name);
  }

  load(): HostLoad[] {
    return [...this.hosts.values()].map(({ host }) => this.loadOf(host));
  }

  reservations(): Reservation[] {
    const now = this.options.clock.now();
    return [...this.held.values()].map(({ assignment, host, status, expiresAtMs }) => ({
      ...assignment,
      host: host.facts.name,
      status,
      expiresInMs: status === 'running' ? undefined : Math.max(0, expiresAtMs - now),
    }));
  }

  /** Offers of every host that matches, fastest first, each holding its room; and why the others make none. */
  offer(request: OffloadRequest): { readonly offers: Offer[]; readonly refusals: Refusal[] } {
    this.withdraw((held) => held.status === 'offered' && held.assignment.actor === request.actor && held.assignment.device === request.device);
    const refusals: Refusal[] = [];
    const matching: HostLoad[] = [];
    for (const load of this.load()) {
      const refusal = refusalOf(load, request);
      if (refusal === undefined) matching.push(load);
      else refusals.push(refusal);
    }
    if (this.hosts.size === 0) refusals.push({ host: '', code: 'UNAVAILABLE', reason: 'the cluster has no host' });
    matching.sort((a, b) => speedOf(b, request.needs) - speedOf(a, request.needs) || b.freeMemoryBytes - a.freeMemoryBytes);
    return { offers: matching.map((load) => this.hold(load, request)), refusals };
  }

  /** The host and assignment of an open offer; it keeps its room until {@link assigned} or its time is over. @throws {GodwitError} NOT_FOUND unknown, expired or another device's */
  offered(token: string, device: string): { readonly assignment: Assignment; readonly host: Host } {
    const held = this.held.get(token);
    if (held?.status !== 'offered' || held.assignment.device !== device) {
      throw new GodwitError(
        'NOT_FOUND',
        `no open offer for device ${device} under this token: it expired after ${this.offerMs} ms, was accepted, or was made to another device`,
      );
    }
    return held;
  }

  /** Notes that the host keeps room for an offer, and withdraws the others of its request. */
  assigned(token: string, expiresInMs: number): void {
    const held = this.held.get(token);
    if (held === undefined) return;
    // An actor that arrived in the meantime runs already.
    if (held.status === 'offered') this.expire(held, 'assigned', expiresInMs);
    const { actor, device } = held.assignment;
    this.withdraw((other) => other.status === 'offered' && other.assignment.actor === actor && other.assignment.device === device);
  }

  /** Gives an open offer back; unknown tokens are none. */
  cancel(token: string, device: string): void {
    this.withdraw((held) => held.status === 'offered' && held.assignment.token === token && held.assignment.device === device);
  }

  /** Forgets everything; hosts go on by themselves. Idempotent. */
  close(): void {
    for (const name of [...this.hosts.keys()]) this.removeHost(name);
  }

  private removeHost(name: string): void {
    this.hosts.get(name)?.unobserve();
    this.hosts.delete(name);
    this.withdraw((held) => held.host.facts.name === name);
  }

  private hold(load: HostLoad, request: OffloadRequest): Offer {
    const { actor, definition, version, device, sharedName, needs } = request;
    const token = Array.from(this.options.random.bytes(tokenBytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
    const host = this.hosts.get(load.name)?.host as Host;
    const assignment = { token, actor, definition, version, device, sharedName, memoryBytes: needs.memoryBytes, tier: needs.tier };
    const held: Held = { assignment, host, status: 'offered', expiresAtMs: 0, cancelExpiry: () => {} };
    this.held.set(token, held);
    this.expire(held, 'offered', this.offerMs);
    return { token, host: load, expiresInMs: this.offerMs };
  }

  /** R2 */
  private expire(held: Held, status: ReservationStatus, inMs: number): void {
    held.cancelExpiry();
    held.status = status;
    held.expiresAtMs = this.options.clock.now() + inMs;
    held.cancelExpiry = this.options.clock.after(inMs, () => this.held.delete(held.assignment.token));
  }

  /** R3 */
  private follow(event: AssignmentEvent): void {
    const held = this.held.get(event.assignment.token);
    if (held === undefined) return;
    held.cancelExpiry();
    if (event.type === 'running') held.status = 'running';
    else this.held.delete(event.assignment.token);
  }

  private withdraw(which: (held: Held) => boolean): void {
    for (const [token, held] of [...this.held]) {
      if (!which(held)) continue;
      held.cancelExpiry();
      this.held.delete(token);
    }
  }

  private loadOf(host: Host): HostLoad {
    let memoryBytes = 0;
    let instances = 0;
    for (const held of this.held.values()) {
      if (held.host !== host) continue;
      memoryBytes += held.assignment.memoryBytes;
      instances += 1;
    }
    return {
      ...host.facts,
      freeMemoryBytes: Math.max(0, host.facts.memoryBytes - memoryBytes),
      freeInstances: Math.max(0, host.facts.instances - instances),
    };
  }
}

/** Why a host does not match; undefined if it does. Capability first, since waiting does not mend it. */
function refusalOf(host: HostLoad, { definition, needs }: OffloadRequest): Refusal | undefined {
  const refuse = (code: Refusal['code'], reason: string) => ({ host: host.name, code, reason: `host ${host.name} ${reason}` });
  const tiers = runnable(host, definition);
  if (needs.tier !== undefined && !tiers.includes(needs.tier))
    return refuse('FAILED_PRECONDITION', `does not run ${definition} on tier ${needs.tier}; it has ${tiers.join(', ') || 'none'}`);
  if (tiers.length === 0) return refuse('FAILED_PRECONDITION', `has no tier that runs ${definition}`);
  const hostFunction = needs.hostFunctions.find((name) => !host.hostFunctions.includes(name));
  if (hostFunction !== undefined)
    return refuse('FAILED_PRECONDITION', `has no host function '${hostFunction}'; it has ${host.hostFunctions.join(', ') || 'none'}`);
  const model = needs.models.find((name) => !host.models.includes(name));
  if (model !== undefined) return refuse('FAILED_PRECONDITION', `has no model '${model}'; it has ${host.models.join(', ') || 'none'}`);
  if (host.freeInstances < 1) return refuse('RESOURCE_EXHAUSTED', `has no room: all of its ${host.instances} instances are in use`);
  if (host.freeMemoryBytes < needs.memoryBytes) {
    return refuse('RESOURCE_EXHAUSTED', `has no room: ${needs.memoryBytes} bytes wanted, ${host.freeMemoryBytes} of ${host.memoryBytes} free`);
  }
  return undefined;
}

/** Tiers of a host on which a definition can run: natively only if the host has its code. */
function runnable(host: HostLoad, definition: string): string[] {
  return host.tiers.map(({ tier }) => tier as string).filter((tier) => tier !== 'native' || host.nativeDefinitions.includes(definition));
}

function speedOf(host: HostLoad, needs: HostNeeds): number {
  const speeds = host.tiers.filter(({ tier }) => needs.tier === undefined || tier === needs.tier).map((speed) => speed.operationsPerSecond);
  return Math.max(0, ...speeds);
}
