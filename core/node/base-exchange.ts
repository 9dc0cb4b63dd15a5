import { type ErrorValue, errorFromValue, GodwitError, valueFromError } from '../errors.js';
import type { Hash } from '../ports/digest.js';
import type { Bases } from './bases.js';
import type { Link } from './link.js';
import { inlineCaptureBytes, type MigrationHost } from './migration-host.js';

/** home → standby: the owner is lost; send me what you keep of this actor. */
export interface BaseWantedMessage {
  readonly type: 'base-wanted';
  readonly actor: string;
  readonly hash: Hash;
}

/** standby → home: the bytes, if small enough to ride along; without them they are on offer as a blob. */
export interface BaseMessage {
  readonly type: 'base';
  readonly hash: Hash;
  readonly bytes?: Uint8Array;
  readonly error?: ErrorValue;
}

/** How a home gets the base of an actor that another node keeps for it: the source of the owner's move. */
export class BaseExchange {
  private readonly waiting = new Map<Hash, { readonly link: Link; resolve(message: BaseMessage): void; reject(error: GodwitError): void }>();

  constructor(
    private readonly host: MigrationHost,
    private readonly bases: Bases,
    private readonly askHome: (actor: string) => void,
  ) {}

  /** @throws {GodwitError} UNAVAILABLE no link to it · NOT_FOUND it has no such base · DATA_LOSS what it sent is something else */
  async obtain(from: string, actor: string, hash: Hash): Promise<Uint8Array> {
    const link = this.host.routes.links.get(from);
    if (link === undefined || !link.attached) throw new GodwitError('UNAVAILABLE', `no link to node ${from}, which keeps the base of ${actor}`);
    const { bytes, error } = await new Promise<BaseMessage>((resolve, reject) => {
      this.waiting.set(hash, { link, resolve, reject });
      link.control({ type: 'base-wanted', actor, hash } as BaseWantedMessage);
    });
    if (error !== undefined) throw errorFromValue(error);
    if (bytes === undefined) return this.host.options.transfer.obtain(from, hash);
    if ((await this.host.options.digest.sha256(bytes)) !== hash)
      throw new GodwitError('DATA_LOSS', `the base of ${actor} from ${from} does not match its hash`);
    return bytes;
  }

  /** The standby's side. */
  wanted({ actor, hash }: BaseWantedMessage, link: Link): void {
    const answer = (rest: Partial<BaseMessage>) => link.control({ type: 'base', hash, ...rest });
    if (this.host.directory.homeOf(actor) !== link.peer.node) {
      const denied = new GodwitError('PERMISSION_DENIED', `node ${link.peer.node} wants a base of ${actor}, and is not its home`);
      link.refuse('control', denied);
      // It may have become it: then it asks again.
      if (this.bases.isFor(actor, hash)) this.askHome(actor);
      answer({ error: valueFromError(denied, this.host.id.name) });
      return;
    }
    const bytes = this.bases.isFor(actor, hash) ? this.bases.get(hash) : undefined;
    if (bytes === undefined) {
      const error = new GodwitError('NOT_FOUND', `node ${this.host.id.name} keeps no base ${hash} of ${actor}`);
      answer({ error: valueFromError(error, this.host.id.name) });
    } else if (bytes.length <= inlineCaptureBytes) answer({ bytes });
    else {
      this.offer(link.peer.node, hash, bytes).then(
        () => answer({}),
        (thrown: unknown) => answer({ error: valueFromError(GodwitError.from(thrown), this.host.id.name) }),
      );
    }
  }

  got(message: BaseMessage, link: Link): void {
    const waiting = this.waiting.get(message.hash);
    if (waiting?.link !== link) return;
    this.waiting.delete(message.hash);
    waiting.resolve(message);
  }

  linkLost(link: Link): void {
    for (const [hash, waiting] of this.waiting) {
      if (waiting.link !== link) continue;
      this.waiting.delete(hash);
      waiting.reject(new GodwitError('UNAVAILABLE', `the link to ${link.peer.node} dropped while a base was being sent`));
    }
  }

  private async offer(to: string, hash: Hash, bytes: Uint8Array): Promise<void> {
    await this.host.options.blobs.put(bytes);
    await this.host.options.transfer.offer(to, hash);
  }
}
