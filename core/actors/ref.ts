import { GodwitError } from '../errors.js';
import type { AnyDefinition, Handlers, Protocol } from './definition.js';

/** Options of one ask. @public */
export interface AskOptions {
  /** Milliseconds until the ask ends DEADLINE_EXCEEDED, > 0; default 5000. */
  readonly timeoutMs?: number;
  /** Gives the ask up, here and on the far side. */
  readonly signal?: AbortSignal;
}

export const defaultTimeoutMs = 5000;

type Awaitable<F> = F extends (...args: never[]) => infer R ? R : never;
type StreamItem<F> = Awaitable<F> extends AsyncGenerator<infer T, unknown, unknown> ? T : Awaitable<F> extends Generator<infer T, unknown, unknown> ? T : never;
// A handler that only throws returns never, which would extend everything.
type IsStream<F> = [Awaitable<F>] extends [never]
  ? false
  : Awaitable<F> extends AsyncGenerator<unknown, unknown, unknown> | Generator<unknown, unknown, unknown>
    ? true
    : false;
// A handler with an optional payload is also assignable to one that takes none: only the arguments tell them apart.
type ArgumentsOf<F> = F extends (...args: infer A) => unknown ? A : never;
type PayloadOf<F> = F extends (state: never, payload: infer P, ...rest: never[]) => unknown ? P : never;

/** A message name of a set of handlers. @public */
export type MessageOf<H> = keyof H & string;

/** The payload as an argument list: optional for a handler that takes none or accepts undefined. @public */
export type PayloadArguments<F> =
  ArgumentsOf<F> extends readonly [unknown?]
    ? [payload?: undefined]
    : unknown extends PayloadOf<F>
      ? [payload?: unknown]
      : undefined extends PayloadOf<F>
        ? [payload?: PayloadOf<F>]
        : [payload: PayloadOf<F>];

type Call<F> =
  IsStream<F> extends true
    ? (...args: [...PayloadArguments<F>, options?: AskOptions]) => AsyncIterableIterator<StreamItem<F>>
    : (...args: [...PayloadArguments<F>, options?: AskOptions]) => Promise<Awaited<Awaitable<F>>>;

/** Where an actor is, as far as this node knows. @public */
export interface Where {
  readonly node: string;
  readonly tier: string;
  readonly epoch: number;
}

/** What every ref has beside its messages. @public */
export interface RefBase {
  /** `home/name`: the same wherever the actor is. */
  readonly $address: string;
  /** Where it is as far as this node knows; undefined before anything was heard of it. */
  readonly $where: Where | undefined;
}

/** A handle on an actor, typed by its handlers: a method asks (or streams), {@link dispatch} tells. @public */
export type Ref<H> = RefBase & { readonly [M in MessageOf<H>]: Call<H[M]> };

/** A ref of whatever definition. @public */
export type AnyRef = RefBase;

/**
 * What sends on behalf of whoever holds a ref: an actor, or a node's application. A ref sends as its holder wherever it is used, so
 * the holder's records stay one ordered stream.
 */
export interface Holder {
  /** Of the actor, or the name of the node whose application it is. */
  readonly address: string;
  tell(ref: RefCore, message: string, payload: unknown): void;
  ask(ref: RefCore, message: string, payload: unknown, options: AskOptions | undefined): Promise<unknown>;
  stream(ref: RefCore, message: string, payload: unknown, options: AskOptions | undefined): AsyncIterableIterator<unknown>;
  where(address: string): Where | undefined;
  stop(ref: RefCore): void;
  /** Tells one value of a channel, encoded, to be handled as `message`. See `core/elastic`. */
  push(ref: RefCore, message: string, bytes: Uint8Array): void;
  /** True if a turn may be run again, and must send the same records then. */
  readonly durable: boolean;
  /** A value as it travels. @throws {GodwitError} INVALID_ARGUMENT it cannot */
  encode(value: unknown): Uint8Array;
  /** What was encoded; refs in it are the holder's. @throws {GodwitError} DATA_LOSS nothing was */
  decode(bytes: Uint8Array): unknown;
  /** Spawns an actor under the holder, who sends through the ref. */
  child(definition: AnyDefinition, name: string): RefCore;
}

const refMarker = Symbol.for('godwit.ref');

/** What is behind every ref: an address, the messages it understands, and who sends through it. */
export class RefCore implements RefBase {
  readonly $address: string;
  /** @internal */ readonly $protocol: Protocol;
  /** @internal */ readonly $holder: Holder;
  /** A place for the holder to keep the outgoing stream of this ref, so that a tell needs no lookup. @internal */
  $stream: unknown = undefined;
  readonly [refMarker] = true;

  constructor(address: string, protocol: Protocol, holder: Holder) {
    this.$address = address;
    this.$protocol = protocol;
    this.$holder = holder;
  }

  get $where(): Where | undefined {
    return this.$holder.where(this.$address);
  }
}

/** True for a ref of any definition. */
export function isRef(value: unknown): value is RefCore {
  return typeof value === 'object' && value !== null && refMarker in value;
}

/** Who sends through a ref. */
export function holderOf(ref: AnyRef): Holder {
  return (ref as RefCore).$holder;
}

// One class per protocol, with a method per message: a call through a prototype, never through a Proxy.
const classes = new WeakMap<Protocol, new (address: string, protocol: Protocol, holder: Holder) => RefCore>();

/** A ref to `address` through which `holder` sends. */
export function createRef<H>(address: string, protocol: Protocol, holder: Holder): Ref<H> {
  let Class = classes.get(protocol);
  if (Class === undefined) {
    Class = class extends RefCore {};
    for (const [message, answer] of Object.entries(protocol.messages)) {
      const method =
        answer === 'stream'
          ? function (this: RefCore, payload: unknown, options?: AskOptions) {
              return this.$holder.stream(this, message, payload, options);
            }
          : function (this: RefCore, payload: unknown, options?: AskOptions) {
              return this.$holder.ask(this, message, payload, options);
            };
      Object.defineProperty(Class.prototype, message, { value: method, enumerable: false });
    }
    classes.set(protocol, Class);
  }
  return new Class(address, protocol, holder) as unknown as Ref<H>;
}

/**
 * Tells: sends a message and expects no answer. Returns at once; records of one holder to one actor are handled in the order sent, once.
 * @throws {GodwitError} INVALID_ARGUMENT unknown message or a payload that cannot travel · RESOURCE_EXHAUSTED the outbox to this actor is full
 * @public
 */
export function dispatch<H extends Handlers<never>, M extends MessageOf<H>>(ref: Ref<H>, message: M, ...payload: PayloadArguments<H[M]>): void {
  const core = ref as unknown as RefCore;
  core.$holder.tell(core, message, payload[0]);
}

/**
 * Stops an actor, wherever it is, once everything sent to it before has been handled; its children stop with it. Whoever asks it later
 * gets NOT_FOUND.
 * @public
 */
export function stop(ref: AnyRef): void {
  const core = ref as RefCore;
  core.$holder.stop(core);
}

/** How a message of a ref is answered. @throws {GodwitError} INVALID_ARGUMENT naming the ref and its messages */
export function checkMessage(ref: RefCore, message: string): 'reply' | 'stream' {
  const answer = ref.$protocol.messages[message];
  // What every object inherits ('constructor', …) is neither.
  if (answer !== 'reply' && answer !== 'stream') throw unknownMessage(ref.$address, ref.$protocol, message);
  return answer;
}

/** The error for a message that an actor does not have. */
export function unknownMessage(address: string, protocol: Protocol, message: string): GodwitError {
  const known = Object.keys(protocol.messages).join(', ');
  return new GodwitError('INVALID_ARGUMENT', `actor ${address} (${protocol.definition} v${protocol.version}) has no message '${message}'; it has ${known}`);
}

// Refs that arrive in payloads bring a protocol of their own; equal ones share one object, and so one class. Bounded: a peer may lie.
const interned = new Map<string, Protocol>();
const maxInterned = 1024;

/** The one object for a received protocol. @throws {GodwitError} DATA_LOSS if it is malformed */
export function internProtocol(received: Protocol): Protocol {
  const { definition, version, messages } = received;
  const entries = typeof messages === 'object' && messages !== null ? Object.entries(messages) : [];
  const valid = typeof definition === 'string' && Number.isInteger(version) && entries.every(([, answer]) => answer === 'reply' || answer === 'stream');
  if (!valid) throw new GodwitError('DATA_LOSS', 'received a ref with a malformed protocol');
  const key = `${definition}@${version}:${entries.map(([message, answer]) => `${message}=${answer}`).join()}`;
  const known = interned.get(key);
  if (known !== undefined) return known;
  if (interned.size >= maxInterned) interned.clear();
  const protocol: Protocol = { definition, version, messages: Object.fromEntries(entries) };
  interned.set(key, protocol);
  return protocol;
}
