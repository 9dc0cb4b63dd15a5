// An end of a channel, as whoever holds it sees it: a ref of the channel's actor that sends and receives in one direction each.
import { checkSignal } from '../actors/asks.js';
import type { Protocol } from '../actors/definition.js';
import { defaultTimeoutMs, type Holder, type RefBase, RefCore } from '../actors/ref.js';
import { GodwitError } from '../errors.js';
import { type End, outletOf } from './channel-outlet.js';
import type { ItemPayload } from './item.js';

/** Options of {@link Endpoint.send} and {@link Endpoint.values}. @public */
export interface EndpointOptions {
  /** Gives up waiting: of `send`, whose value is taken back if it has not left yet, and arrives all the same if it has. */
  readonly signal?: AbortSignal;
}

/** Options of {@link Endpoint.subscribe}. @public */
export interface SubscribeOptions {
  /**
   * Message that tells of the end, after the last value; its payload is undefined, or the error the channel was closed with. One-to-many, with 'wait': UNAVAILABLE,
   * retryable, if the channel dropped this actor since it handled nothing for `unreachableMs` and made others wait; it may subscribe again.
   */
  readonly ended?: string;
}

/**
 * An end of a channel. It may travel inside messages, and whoever holds it uses it.
 *
 * `for await (const value of end)` receives, in the order sent, each value once, until the channel is closed; leaving the loop stops receiving. It is
 * what an application does, and a handler within one turn. An actor that receives for longer, and moves meanwhile, subscribes.
 * @public
 */
export interface Endpoint<Sent, Received> extends RefBase, AsyncIterable<Received> {
  /**
   * Sends a value; resolves when the channel has room for it. Values of one holder arrive in the order of the calls. Of a channel that somebody else
   * closes, a sender learns with the next value for which there is no credit: at most `capacity` later.
   * @throws {GodwitError} INVALID_ARGUMENT the value cannot travel · FAILED_PRECONDITION the channel was closed, or this end is static and its holder
   * elsewhere · DEADLINE_EXCEEDED no room for 30 s: retryable if the value was not sent, else it may still arrive · RESOURCE_EXHAUSTED 1024 others wait for
   * room · CANCELLED by the signal, or the holder moved without having awaited it: it arrives if nothing waited before it · NOT_FOUND the channel is gone ·
   * DATA_LOSS it, or values before it, were refused
   */
  send(value: Sent, options?: EndpointOptions): Promise<void>;
  /** What arrives, in the order sent. @throws {GodwitError} what the channel was closed with · FAILED_PRECONDITION one-to-one, and received elsewhere */
  values(options?: EndpointOptions): AsyncIterableIterator<Received>;
  /**
   * Brings what arrives to the actor that holds this end, each value as a message, wherever the actor moves: none is missed, none comes twice. Of an actor
   * that subscribes again, what is under way comes as it was subscribed to before. When the actor stops, its subscription ends.
   * @throws {GodwitError} INVALID_ARGUMENT no such message, or the holder is an application · FAILED_PRECONDITION one-to-one, and received elsewhere
   */
  subscribe(message: string, options?: SubscribeOptions): Promise<void>;
  /** Ends the subscription. Values already on their way still come; of a one-to-one channel the next receiver gets those after them. Idempotent. */
  unsubscribe(): Promise<void>;
  /**
   * Closes the channel behind what was sent through this end before, awaited or not; nothing more is sent. Receivers end after the last value,
   * however long they take; values that nobody receives wait for an hour.
   * @param error what receivers end with
   * @throws {GodwitError} FAILED_PRECONDITION one-to-many, and not its near end · INVALID_ARGUMENT the error cannot travel
   */
  close(error?: unknown): Promise<void>;
}

const messages = { send: 'reply', room: 'stream', receive: 'stream', subscribe: 'stream', unsubscribe: 'stream', handled: 'reply', close: 'reply' } as const;
const protocols: { readonly [end in End]: Protocol } = {
  near: { definition: '$channel.near', version: 1, messages },
  far: { definition: '$channel.far', version: 1, messages },
};

/** Which end of a channel a ref of this protocol is; undefined for every other ref. */
export function endOf({ definition }: Protocol): End | undefined {
  return definition === protocols.near.definition ? 'near' : definition === protocols.far.definition ? 'far' : undefined;
}

/** An end of the channel at `address`. */
export function createEndpoint(address: string, end: End, holder: Holder): EndpointRef {
  return new EndpointRef(address, end, holder);
}

class EndpointRef extends RefCore implements Endpoint<unknown, unknown> {
  constructor(
    address: string,
    private readonly end: End,
    holder: Holder,
  ) {
    super(address, protocols[end], holder);
  }

  send(value: unknown, options: EndpointOptions = {}): Promise<void> {
    return outletOf(this, this.end).send(value, options.signal);
  }

  values(options: EndpointOptions = {}): AsyncIterableIterator<unknown> {
    return received(this, this.end, options.signal);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<unknown> {
    return this.values();
  }

  async subscribe(message: string, options: SubscribeOptions = {}): Promise<void> {
    // A stream, since it may wait for whoever is leaving, and holds up nobody meanwhile.
    await this.$holder.stream(this, 'subscribe', { end: this.end, message, ended: options.ended }, { timeoutMs: defaultTimeoutMs }).next();
  }

  async unsubscribe(): Promise<void> {
    await this.$holder.ask(this, 'unsubscribe', this.end, undefined);
  }

  async close(error?: unknown): Promise<void> {
    const closing = error === undefined ? undefined : GodwitError.from(error);
    // It is told to every receiver, so it must be able to travel.
    this.$holder.encode(closing);
    await outletOf(this, this.end).close(closing);
  }
}

async function* received(ref: EndpointRef, end: End, signal: AbortSignal | undefined): AsyncGenerator<unknown, void, unknown> {
  checkSignal(signal);
  const { $holder } = ref;
  const items = $holder.stream(ref, 'receive', end, undefined) as AsyncIterableIterator<ItemPayload>;
  let had: readonly unknown[] | undefined;
  const tell = () => {
    if (had !== undefined) $holder.tell(ref, 'handled', had);
    had = undefined;
  };
  // Who leaves has had the latest value, and none of those that are under way: told before the stream ends.
  const leave = () => {
    tell();
    // It only tells the far side, and fails never.
    items.return?.().catch(() => undefined);
  };
  signal?.addEventListener('abort', leave, { once: true });
  try {
    for (let next = await items.next(); next.done !== true; next = await items.next()) {
      const [bytes, queue, number, tells] = next.value;
      had = [end, queue, number];
      yield $holder.decode(bytes);
      if (tells) tell();
    }
  } finally {
    signal?.removeEventListener('abort', leave);
    leave();
  }
}
