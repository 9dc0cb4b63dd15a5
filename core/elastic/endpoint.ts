// An end of a channel, as whoever holds it sees it: a ref of the channel's actor that sends and receives in one direction each.
//
// N1 A value leaves as a record of its holder as soon as `send` is called, if no earlier one waits; `send` resolves when there is room for the next.
// N2 Credit is the holder's, however many copies of the end it has, and lives in its heap: a holder that moved asks anew. A durable holder keeps
//    none, since a turn that is run again must send the same records.
import type { Protocol } from '../actors/definition.js';
import { type Holder, type RefBase, RefCore } from '../actors/ref.js';
import { GodwitError } from '../errors.js';
import type { ItemPayload } from './item.js';

/** Options of {@link Endpoint.send} and {@link Endpoint.values}. @public */
export interface EndpointOptions {
  /** Gives up waiting. A value that `send` has let go already arrives all the same. */
  readonly signal?: AbortSignal;
}

/** Options of {@link Endpoint.subscribe}. @public */
export interface SubscribeOptions {
  /** Message that tells of the end of the channel, after its last value; its payload is the error it was closed with, or undefined. */
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
   * @throws {GodwitError} FAILED_PRECONDITION the channel was closed, or this end is static and its holder elsewhere · DEADLINE_EXCEEDED no room for 30 s; the
   * value may still arrive · RESOURCE_EXHAUSTED 1024 others wait for room · CANCELLED by the signal · NOT_FOUND the channel is gone
   */
  send(value: Sent, options?: EndpointOptions): Promise<void>;
  /** What arrives, in the order sent. @throws {GodwitError} what the channel was closed with · FAILED_PRECONDITION one-to-one, and received elsewhere */
  values(options?: EndpointOptions): AsyncIterableIterator<Received>;
  /**
   * Brings what arrives to the actor that holds this end, each value as a message, wherever the actor moves: none is missed, none comes twice.
   * @throws {GodwitError} INVALID_ARGUMENT no such message, or the holder is an application · FAILED_PRECONDITION one-to-one, and received elsewhere
   */
  subscribe(message: string, options?: SubscribeOptions): Promise<void>;
  /** Ends the subscription. Of a one-to-one channel the next receiver gets what was not handled. Idempotent. */
  unsubscribe(): Promise<void>;
  /** Closes the channel once what was sent through this end before has arrived. @param error what receivers end with @throws {GodwitError} FAILED_PRECONDITION one-to-many, and not its near end */
  close(error?: unknown): Promise<void>;
}

/** Details of the error that senders get once a channel is closed. */
export const closedDetails = { closed: true };

/** Which end of a channel: `near` is where it was made. */
export type End = 'near' | 'far';

const messages = { send: 'reply', room: 'stream', receive: 'stream', subscribe: 'reply', unsubscribe: 'reply', handled: 'reply', close: 'reply' } as const;
const protocols: { readonly [end in End]: Protocol } = {
  near: { definition: '$channel.near', version: 1, messages },
  far: { definition: '$channel.far', version: 1, messages },
};

/** How long a value may wait for room, in milliseconds: the receiver is stuck, or the channel out of reach. */
const roomMs = 30_000;
/** Values of one holder that may wait here for room. */
const maxWaiting = 1024;

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
    await this.$holder.ask(this, 'subscribe', { end: this.end, message, ended: options.ended }, undefined);
  }

  async unsubscribe(): Promise<void> {
    await this.$holder.ask(this, 'unsubscribe', this.end, undefined);
  }

  async close(error?: unknown): Promise<void> {
    const closing = error === undefined ? undefined : GodwitError.from(error);
    await this.$holder.ask(this, 'close', { end: this.end, error: closing }, undefined);
    outletOf(this, this.end).close(closing);
  }
}

async function* received(ref: EndpointRef, end: End, signal: AbortSignal | undefined): AsyncGenerator<unknown, void, unknown> {
  const { $holder } = ref;
  const items = $holder.stream(ref, 'receive', end, signal === undefined ? {} : { signal }) as AsyncIterableIterator<ItemPayload>;
  for await (const [value, , queue, number, tells] of items) {
    let isLast = true;
    try {
      yield value;
      isLast = false;
    } finally {
      // Who leaves has had this value, and none of those that are under way.
      if (tells || isLast) $holder.tell(ref, 'handled', [end, queue, number]);
    }
  }
}

interface WaitingValue {
  readonly value: unknown;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The sending half of one end for one holder (N2). */
class ChannelOutlet {
  private left = 0;
  /** The latest grant: when half of it is used, the next is asked for. */
  private granted = 0;
  private readonly waiting: WaitingValue[] = [];
  /** Those whose values have left, and that wait for room. */
  private readonly let: WaitingValue[] = [];
  private asking = false;
  private closed: GodwitError | undefined;

  constructor(
    private readonly ref: EndpointRef,
    private readonly end: End,
  ) {}

  close(cause: GodwitError | undefined): void {
    this.closed = new GodwitError('FAILED_PRECONDITION', `channel ${this.ref.$address} was closed${cause === undefined ? '' : `: ${cause.message}`}`, {
      cause,
      details: closedDetails,
    });
  }

  send(value: unknown, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      if (this.closed !== undefined) throw this.closed;
      if (this.waiting.length >= maxWaiting)
        throw new GodwitError('RESOURCE_EXHAUSTED', `${maxWaiting} values wait for room in channel ${this.ref.$address}: await send() before the next`);
      const one: WaitingValue = { value, resolve, reject };
      const onAbort = () => {
        for (const list of [this.waiting, this.let]) if (list.includes(one)) list.splice(list.indexOf(one), 1);
        reject(new GodwitError('CANCELLED', 'sending was given up by its signal', { cause: signal?.reason }));
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.waiting.push(signal === undefined ? one : released(one, () => signal.removeEventListener('abort', onAbort)));
      this.flush();
    });
  }

  /** N1 */
  private flush(): void {
    while (this.waiting.length > 0 && this.let.length === 0) {
      const one = this.waiting.shift() as WaitingValue;
      try {
        this.ref.$holder.tell(this.ref, 'send', [this.end, one.value]);
      } catch (thrown) {
        one.reject(thrown);
        continue;
      }
      this.left -= 1;
      if (this.left > 0) one.resolve();
      else this.let.push(one);
    }
    if (this.let.length > 0 || this.left * 2 < this.granted) this.ask();
  }

  private ask(): void {
    if (this.asking) return;
    this.asking = true;
    this.room().then(
      (room) => {
        this.asking = false;
        if (!this.ref.$holder.durable) {
          this.left = Math.max(0, this.left) + room;
          this.granted = this.left;
        }
        for (const one of this.let.splice(0)) one.resolve();
        this.flush();
      },
      (thrown: unknown) => {
        this.asking = false;
        this.left = this.granted = 0;
        const error = GodwitError.from(thrown);
        if ((error.details as Partial<typeof closedDetails> | undefined)?.closed === true) this.closed = error;
        for (const one of [...this.let.splice(0), ...this.waiting.splice(0)]) one.reject(thrown);
      },
    );
  }

  private async room(): Promise<number> {
    const { $holder, $address } = this.ref;
    let room = 0;
    for await (const granted of $holder.stream(this.ref, 'room', [this.end, this.left], { timeoutMs: roomMs })) room += Number(granted);
    if (!(room > 0)) throw new GodwitError('UNAVAILABLE', `channel ${$address} granted no room`);
    return room;
  }
}

function released(one: WaitingValue, release: () => void): WaitingValue {
  return {
    value: one.value,
    resolve: () => {
      release();
      one.resolve();
    },
    reject: (error) => {
      release();
      one.reject(error);
    },
  };
}

const outlets = new WeakMap<Holder, Map<string, ChannelOutlet>>();

/** N2 */
function outletOf(ref: EndpointRef, end: End): ChannelOutlet {
  let byEnd = outlets.get(ref.$holder);
  if (byEnd === undefined) {
    byEnd = new Map();
    outlets.set(ref.$holder, byEnd);
  }
  const key = `${end} ${ref.$address}`;
  let outlet = byEnd.get(key);
  if (outlet === undefined) {
    outlet = new ChannelOutlet(ref, end);
    byEnd.set(key, outlet);
  }
  return outlet;
}
