import { type ErrorValue, errorFromValue, GodwitError, valueFromError } from '../errors.js';
import { type Directory, homeOf } from './directory.js';
import type { ControlMessage, Link } from './link.js';
import type { Routes } from './routes.js';
import type { MoveOptions, MoveReport } from './types.js';

/** home → owner: move it to me. */
export interface RecallMessage extends ControlMessage {
  readonly type: 'recall';
  readonly id: number;
  readonly actor: string;
  readonly trigger: string;
}

/** owner → home: how it went. */
export interface RecalledMessage extends ControlMessage {
  readonly type: 'recalled';
  readonly id: number;
  readonly report?: MoveReport;
  readonly error?: ErrorValue;
}

/** What recalls need of their node. */
export interface RecallsHost {
  readonly name: string;
  readonly directory: Directory;
  readonly routes: Routes;
  move(address: string, options: MoveOptions): Promise<MoveReport>;
  emit(event: { readonly type: 'moved'; readonly report: MoveReport }): void;
}

/** Getting actors back: the home asks the owner, over the link, to move them. */
export class Recalls {
  private readonly waiting = new Map<
    number,
    { readonly link: Link; readonly resolve: (report: MoveReport) => void; readonly reject: (error: GodwitError) => void }
  >();
  private next = 1;

  constructor(private readonly host: RecallsHost) {}

  async recall(address: string, trigger: string): Promise<MoveReport> {
    const { name, directory, routes } = this.host;
    const location = directory.location(address);
    if (location === undefined || location.node === name) throw new GodwitError('FAILED_PRECONDITION', `actor ${address} is not away from node ${name}`);
    const link = routes.links.get(location.node);
    if (link === undefined || !link.attached) throw new GodwitError('UNAVAILABLE', `cannot recall ${address}: no link to node ${location.node}`);
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { link, resolve, reject });
      const message: RecallMessage = { type: 'recall', id, actor: address, trigger };
      link.control(message);
    });
  }

  /** The owner's side. */
  asked(link: Link, message: RecallMessage): void {
    const answer = (result: { readonly report: MoveReport } | { readonly error: ErrorValue }) => {
      const recalled: RecalledMessage = { type: 'recalled', id: message.id, ...result };
      link.control(recalled);
    };
    this.moveBack(link, message).then(
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
      waiting.resolve(message.report);
    }
  }

  linkLost(link: Link, reason: string): void {
    for (const [id, waiting] of this.waiting) {
      if (waiting.link !== link) continue;
      this.waiting.delete(id);
      waiting.reject(new GodwitError('UNAVAILABLE', `the link to ${link.peer.node} dropped while an actor was being recalled: ${reason}`));
    }
  }

  close(): void {
    for (const { reject } of this.waiting.values()) reject(new GodwitError('CANCELLED', `node ${this.host.name} closed`));
    this.waiting.clear();
  }

  private async moveBack(link: Link, { actor, trigger }: RecallMessage): Promise<MoveReport> {
    if (homeOf(actor) !== link.peer.node) throw new GodwitError('PERMISSION_DENIED', `node ${link.peer.node} is not the home of ${actor}`);
    return this.host.move(actor, { to: link.peer.node, trigger });
  }
}
