import { type AnyRef, GodwitError, holderOf, type RefCore, stop as stopActor, type Target } from '#core';
import { type Endpoint, isNactReference, type NactReference } from './foreign.js';
import { dispatch, stop } from './messages.js';
import { query } from './query.js';
import { isNactKind, nameOf, nobody, type Ref } from './reference.js';

/** A reference of nact's form to an actor of ours. */
export class GodwitReference implements NactReference {
  readonly type = 'godwit';
  readonly system: { readonly name?: string | undefined };
  readonly name: string;

  constructor(
    system: NactReference,
    readonly actor: AnyRef,
  ) {
    this.system = { name: system.system.name };
    this.name = nameOf(actor.$address);
  }
}

/** What an endpoint needs of the bridge. */
interface Crossing {
  ref(reference: object): AnyRef;
  reference(actor: AnyRef): NactReference;
  inward(message: unknown): unknown;
  outward(message: unknown): unknown;
}

/** What nact finds for a {@link GodwitReference}, and sends to. */
export class GodwitEndpoint implements Endpoint {
  constructor(
    private readonly crossing: Crossing,
    private readonly actor: AnyRef,
  ) {}

  dispatch(message: unknown, sender: object | undefined): void {
    const { actor, crossing } = this;
    const from = sender !== undefined && (isNactReference(sender) || sender instanceof GodwitReference) ? (crossing.ref(sender) as Ref<unknown>) : undefined;
    if (isNactKind(actor)) {
      dispatch(actor as Ref<unknown>, crossing.inward(message), from);
      return;
    }
    if (from === undefined) {
      const { type, payload } = this.parse(message);
      holderOf(actor).tell(actor as RefCore, type, payload);
      return;
    }
    const answer = (value: unknown) => dispatch(from, value);
    // nact has no other way to tell a sender that it failed.
    this.ask(message, undefined).then(answer, answer);
  }

  async query(message: unknown, timeoutMs: number): Promise<unknown> {
    const { actor, crossing } = this;
    const make = (answer: NactReference | typeof nobody) => (typeof message === 'function' ? (message as (answer: unknown) => unknown)(answer) : message);
    if (!isNactKind(actor)) return crossing.outward(await this.ask(make(nobody), timeoutMs));
    const factory = (answer: Ref<unknown>) => crossing.inward(make(crossing.reference(answer)));
    return crossing.outward(await query<unknown, unknown>(actor, factory, timeoutMs));
  }

  stop(): void {
    if (isNactKind(this.actor)) stop(this.actor);
    else stopActor(this.actor);
  }

  assertNotStopped(): boolean {
    throw new GodwitError('FAILED_PRECONDITION', `actor ${this.actor.$address} is an actor of Godwit: nact spawns nothing under it`);
  }

  private ask(message: unknown, timeoutMs: number | undefined): Promise<unknown> {
    const { type, payload } = this.parse(message);
    return holderOf(this.actor).ask(this.actor as RefCore, type, payload, timeoutMs === undefined ? undefined : { timeoutMs });
  }

  /** @throws {GodwitError} INVALID_ARGUMENT it is not `{ type, payload }` with a message of the actor */
  private parse(message: unknown): { readonly type: string; readonly payload: unknown } {
    const { $address, $protocol } = this.actor as unknown as Target;
    const { type, payload } = (typeof message === 'object' && message !== null ? message : {}) as { readonly type?: unknown; readonly payload?: unknown };
    if (typeof type === 'string' && Object.hasOwn($protocol.messages, type) && $protocol.messages[type] === 'reply')
      return { type, payload: this.crossing.inward(payload) };
    const known = Object.keys($protocol.messages).filter((name) => $protocol.messages[name] === 'reply');
    throw new GodwitError(
      'INVALID_ARGUMENT',
      `actor ${$address} takes { type, payload } from nact, with one of its messages as type: ${known.join(', ')}; not ${String(type)}`,
    );
  }
}
