import { type ErrorValue, errorFromValue, GodwitError, valueFromError } from '../errors.js';
import type { Clock } from '../ports/clock.js';
import type { TraceContext, Tracer } from '../ports/tracer.js';
import type { Cell } from './cell.js';
import { type Directory, originOf } from './directory.js';
import type { ControlMessage, Link } from './link.js';
import type { Routes } from './routes.js';
import type { MoveOptions, MoveReport } from './types.js';

/** origin → owner: move it to me, or on to another node. */
export interface RecallMessage extends ControlMessage {
  readonly type: 'recall';
  readonly id: number;
  readonly actor: string;
  readonly trigger: string;
  readonly onward?: Onward;
  /** Whose work it is. */
  readonly trace?: TraceContext;
}

/** Where an actor that is away goes next: what its home was offered there. */
interface Onward {
  readonly node: string;
  /** Where the owner dials it. */
  readonly address?: string;
  readonly token?: string;
}

/** owner → origin: how it went. */
export interface RecalledMessage extends ControlMessage {
  readonly type: 'recalled';
  readonly id: number;
  readonly report?: MoveReport;
  readonly error?: ErrorValue;
}

/** Details of an error that says nothing of the move: it goes on, and the register tells how it ends. */
const undecided = Object.freeze({ undecided: true });

/** What recalls need of their node. */
export interface RecallsHost {
  readonly name: string;
  readonly directory: Directory;
  readonly routes: Routes;
  readonly clock: Clock;
  readonly options: { readonly tracer?: Tracer };
  cell(address: string): Cell | undefined;
  move(address: string, options: MoveOptions): Promise<MoveReport>;
  /** Resolves when the actor's register is not on its way from this node, or stays on it for lack of a link. */
  settled(address: string): Promise<void>;
  /** Resolves when there is a link to the node, or there is no way to make one. @throws {GodwitError} it cannot be reached */
  reach(node: string, address: string | undefined): Promise<void>;
  emit(event: { readonly type: 'moved'; readonly report: MoveReport }): void;
}

/** Two owners that dial each other at once lose one of the two pipes: so long a move waits for the other one before it is given up. */
const crossingMs = 500;

/** Getting actors back, and sending them on: the home asks the owner, over the link, to move them. */
export class Recalls {
  private readonly waiting = new Map<
    number,
    { readonly link: Link; readonly actor: string; readonly resolve: (report: MoveReport) => void; readonly reject: (error: GodwitError) => void }
  >();
  private next = 1;

  constructor(private readonly host: RecallsHost) {}

  /** True for an actor that was spawned here and is elsewhere. */
  isAway(address: string): boolean {
    const { name, directory } = this.host;
    return originOf(address) === name && this.host.cell(address) === undefined && directory.nodeFor(address) !== name;
  }

  /** The origin's side. Nobody grants while the register is on its way: that is waited for, and what met it is done again. */
  async recall(address: string, options: MoveOptions): Promise<MoveReport> {
    for (;;) {
      await this.host.settled(address);
      const { term } = this.host.directory.handed(address);
      try {
        return await this.request(address, options);
      } catch (thrown) {
        if (GodwitError.from(thrown).code !== 'ABORTED' || this.host.directory.handed(address).term === term) throw thrown;
      }
    }
  }

  private request(address: string, { to, address: dialled, token, trigger = 'application' }: MoveOptions): Promise<MoveReport> {
    const { name, directory, routes } = this.host;
    const owner = directory.nodeFor(address);
    if (owner === name) throw new GodwitError('FAILED_PRECONDITION', `actor ${address} is not away from node ${name}`);
    if (owner === to) throw new GodwitError('FAILED_PRECONDITION', `actor ${address} is on node ${to} already`);
    const link = routes.links.get(owner);
    if (link === undefined || !link.attached) throw new GodwitError('UNAVAILABLE', `cannot recall ${address}: no link to node ${owner}`);
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { link, actor: address, resolve, reject });
      const onward: Onward | undefined =
        to === name ? undefined : { node: to, ...(dialled === undefined ? {} : { address: dialled }), ...(token === undefined ? {} : { token }) };
      const trace = this.host.options.tracer?.active();
      const message: RecallMessage = {
        type: 'recall',
        id,
        actor: address,
        trigger,
        ...(onward === undefined ? {} : { onward }),
        ...(trace === undefined ? {} : { trace }),
      };
      link.control(message);
    });
  }

  /** The owner's side. */
  asked(link: Link, message: RecallMessage): void {
    const answer = (result: { readonly report: MoveReport } | { readonly error: ErrorValue }) => {
      const recalled: RecalledMessage = { type: 'recalled', id: message.id, ...result };
      link.control(recalled);
    };
    const { tracer } = this.host.options;
    const work = () => this.carryOut(link, message);
    const done = tracer === undefined ? work() : tracer.within(message.trace, work);
    done.then(
      (report) => answer({ report }),
      (thrown: unknown) => answer({ error: valueFromError(GodwitError.from(thrown), this.host.name) }),
    );
  }

  answered(message: RecalledMessage, link: Link): void {
    const waiting = this.waiting.get(message.id);
    // Of a recall that is over; or another's, which no honest node answers.
    if (waiting?.link !== link) return;
    this.waiting.delete(message.id);
    if (message.report === undefined) waiting.reject(errorFromValue(message.error));
    else {
      this.host.emit({ type: 'moved', report: message.report });
      const { to, epoch } = message.report;
      // Of an actor of this home the register says where it is.
      if (this.host.directory.homeOf(waiting.actor) !== this.host.name) this.host.routes.relocate(waiting.actor, { node: to.node, epoch });
      waiting.resolve(message.report);
    }
  }

  linkLost(link: Link, reason: string): void {
    for (const [id, waiting] of this.waiting) {
      if (waiting.link !== link) continue;
      this.waiting.delete(id);
      const error = new GodwitError('UNAVAILABLE', `the link to ${link.peer.node} dropped while an actor was being moved from there: ${reason}`, {
        details: undecided,
      });
      waiting.reject(error);
    }
  }

  close(): void {
    for (const { reject } of this.waiting.values()) reject(new GodwitError('CANCELLED', `node ${this.host.name} closed`));
    this.waiting.clear();
  }

  private async carryOut(link: Link, { actor, trigger, onward }: RecallMessage): Promise<MoveReport> {
    if (originOf(actor) !== link.peer.node) throw new GodwitError('PERMISSION_DENIED', `node ${link.peer.node} did not spawn ${actor}`);
    if (onward !== undefined) await this.host.reach(onward.node, onward.address);
    if (this.host.cell(actor) === undefined) throw new GodwitError('ABORTED', `actor ${actor} is not on node ${this.host.name} any more, or not yet`);
    if (onward === undefined) return this.host.move(actor, { to: link.peer.node, trigger });
    const { node: to, token } = onward;
    const options = { to, trigger, ...(token === undefined ? {} : { token }) };
    try {
      return await this.host.move(actor, options);
    } catch (thrown) {
      if (GodwitError.from(thrown).code !== 'UNAVAILABLE' || !(await this.isLinkedAgain(to)) || this.host.cell(actor)?.status !== 'running') throw thrown;
      return this.host.move(actor, options);
    }
  }

  private isLinkedAgain(node: string): Promise<boolean> {
    return new Promise((resolve) => this.host.clock.after(crossingMs, () => resolve(this.host.routes.links.get(node)?.attached === true)));
  }
}
