// The paper's Remote Offload Handler, one per host: it keeps room for actors whose offers were accepted, lets them in when they come, and
// notices when they leave. It needs neither the Offload Manager nor the Resource Manager once an assignment was made.
import { type Admission, type Cancel, type Clock, GodwitError, type Logger, type MoveRequest, type NodeEvent, silentLogger, type Tier } from '#core';
import type { Assignment, AssignmentEvent, RemoteOffload, Reservation, ReservationStatus } from './offers.js';

/** What a Remote Offload Handler is made of. */
export interface RemoteOffloadHandlerOptions {
  /** Name of its host's node. */
  readonly host: string;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** What the host can take, whoever assigns. */
  readonly limits: { readonly memoryBytes: number; readonly instances: number };
  /** Chooses the tier of an actor that may come in. @throws {GodwitError} if no tier of this host runs it */
  readonly chooseTier: (request: MoveRequest, wanted: string | undefined) => Tier;
  /** Milliseconds from the assignment to the first word of the move; default 30 000. */
  readonly assignmentMs?: number;
}

const defaultAssignmentMs = 30_000;
/** Milliseconds from admission to arrival: what the migration protocol reserves for preparing and transferring, and a margin. */
const arrivalMs = 60_000;

interface Kept {
  readonly assignment: Assignment;
  status: ReservationStatus;
  expiresAtMs: number;
  cancelExpiry: Cancel;
}

/** Who may move to this host, who is coming and who is here. */
export class RemoteOffloadHandler implements RemoteOffload {
  private readonly kept = new Map<string, Kept>();
  private readonly listeners = new Set<(event: AssignmentEvent) => void>();
  private readonly assignmentMs: number;
  private readonly logger: Logger;

  constructor(private readonly options: RemoteOffloadHandlerOptions) {
    this.assignmentMs = options.assignmentMs ?? defaultAssignmentMs;
    this.logger = options.logger ?? silentLogger;
  }

  async assign(assignment: Assignment): Promise<number> {
    const { limits, host } = this.options;
    const memoryBytes = [...this.kept.values()].reduce((sum, kept) => sum + kept.assignment.memoryBytes, assignment.memoryBytes);
    if (this.kept.has(assignment.token)) throw new GodwitError('ALREADY_EXISTS', `host ${host} has this assignment already`);
    if (this.kept.size >= limits.instances) throw new GodwitError('RESOURCE_EXHAUSTED', `host ${host} takes ${limits.instances} offloaded actors and has them`);
    if (memoryBytes > limits.memoryBytes)
      throw new GodwitError('RESOURCE_EXHAUSTED', `host ${host} has ${limits.memoryBytes} bytes for offloaded actors, this one would make it ${memoryBytes}`);
    const kept: Kept = { assignment, status: 'assigned', expiresAtMs: 0, cancelExpiry: () => {} };
    this.kept.set(assignment.token, kept);
    this.expire(kept, this.assignmentMs);
    return this.assignmentMs;
  }

  async release(token: string): Promise<void> {
    const kept = this.kept.get(token);
    if (kept?.status === 'assigned') this.end(kept, 'released');
  }

  observe(listener: (event: AssignmentEvent) => void): Cancel {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  reservations(): Reservation[] {
    const now = this.options.clock.now();
    return [...this.kept.values()].map(({ assignment, status, expiresAtMs }) => ({
      ...assignment,
      host: this.options.host,
      status,
      expiresInMs: status === 'running' ? undefined : Math.max(0, expiresAtMs - now),
    }));
  }

  /**
   * The node's leave for an incoming actor, from whichever node it comes: the device that has the token may hand it on to the actor's owner.
   * @throws {GodwitError} PERMISSION_DENIED the token is not that of an offer accepted for this actor
   */
  readonly admit = (request: MoveRequest): Admission => {
    const kept = this.kept.get(request.token);
    const { host } = this.options;
    const refuse = (reason: string) =>
      new GodwitError('PERMISSION_DENIED', `host ${host} does not admit ${request.address} from ${request.source}: ${reason}`, { node: host });
    if (kept === undefined) throw refuse('its token belongs to no accepted offer, or the time to use it is over');
    const { assignment } = kept;
    if (assignment.actor !== request.address) throw refuse('its token was given for another actor');
    if (assignment.definition !== request.definition || assignment.version > request.version)
      throw refuse(`its token was given for ${assignment.definition} v${assignment.version}`);
    if (kept.status === 'running') throw refuse('its token was used');
    const tier = this.options.chooseTier(request, assignment.tier);
    this.logger.log('info', 'offload.admitted', { actor: request.address, device: assignment.device, source: request.source });
    this.expire(kept, arrivalMs);
    return { tier };
  };

  /** Follows what happens on the host's node. */
  readonly follow = (event: NodeEvent): void => {
    if (event.type === 'arrived') {
      const kept = this.find(event.actor, 'assigned');
      if (kept === undefined) return;
      kept.cancelExpiry();
      kept.status = 'running';
      this.logger.log('info', 'offload.running', { actor: event.actor, device: kept.assignment.device, tier: event.tier });
      this.tell({ type: 'running', assignment: kept.assignment, epoch: event.epoch });
    } else if (event.type === 'stopped') {
      this.left(event.actor, event.reason);
    } else if (event.type === 'moved' && event.report.from.node === this.options.host) {
      this.left(event.report.actor, `moved to ${event.report.to.node}`);
    }
  };

  /** Ends timers; idempotent. */
  close(): void {
    for (const kept of this.kept.values()) kept.cancelExpiry();
    this.kept.clear();
    this.listeners.clear();
  }

  private left(actor: string, reason: string): void {
    const kept = this.find(actor, 'running');
    if (kept !== undefined) this.end(kept, reason);
  }

  private find(actor: string, status: ReservationStatus): Kept | undefined {
    return [...this.kept.values()].find((kept) => kept.assignment.actor === actor && kept.status === status);
  }

  private expire(kept: Kept, inMs: number): void {
    kept.cancelExpiry();
    kept.expiresAtMs = this.options.clock.now() + inMs;
    kept.cancelExpiry = this.options.clock.after(inMs, () => this.end(kept, `the actor did not come within ${inMs} ms`));
  }

  private end(kept: Kept, reason: string): void {
    kept.cancelExpiry();
    this.kept.delete(kept.assignment.token);
    this.logger.log('info', 'offload.ended', { actor: kept.assignment.actor, device: kept.assignment.device, reason });
    this.tell({ type: 'ended', assignment: kept.assignment, reason });
  }

  private tell(event: AssignmentEvent): void {
    for (const listener of [...this.listeners]) listener(event);
  }
}
