import { GodwitError } from '../errors.js';
import type { Context } from './context.js';

/**
 * Handles one message: gets the actor's state (which it may mutate), the payload and the context; what it returns is the reply to an ask.
 * An async handler's turn ends when its promise settles; a generator handler answers with a stream, one turn per item.
 * @public
 */
// The payload is contravariant: `never` lets every handler be one without `any`.
export type Handler<S> = (state: S, payload: never, ctx: Context) => unknown;

/** Handlers by message name. @public */
export type Handlers<S> = { readonly [message: string]: Handler<S> };

/** A validator as defined by https://standardschema.dev (version 1); zod, valibot, arktype and others are. @public */
export interface StandardSchema {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    validate(value: unknown): SchemaResult | Promise<SchemaResult>;
  };
}
type SchemaResult = { readonly value: unknown; readonly issues?: undefined } | { readonly issues: ReadonlyArray<{ readonly message: string }> };

/** What to do with an actor whose turn threw. As in nact and OTP. @public */
export type Decision =
  /** Ends the actor; what waits becomes dead letters. The default once restarts are used up. */
  | 'stop'
  /** Goes on with the next record, state as the failed turn left it. The default. */
  | 'resume'
  /** Goes on with the next record and a first state. */
  | 'reset'
  /** Hands the failure to the parent, as if the parent's own turn had thrown. */
  | 'escalate';

/** How failed turns are answered. @public */
export interface Supervision {
  /** Chooses by the error; must not throw. Default: always 'resume'. */
  readonly decide?: (error: GodwitError, message: string) => Decision;
  /** Whether 'stop' ends the failed actor alone or all children of its parent; 'reset' always concerns the failed one. Default 'one'. */
  readonly scope?: 'one' | 'all';
  /** Resets allowed within `withinMs`; one more stops the actor. Default 10. */
  readonly maxResets?: number;
  /** Milliseconds; default 60 000. */
  readonly withinMs?: number;
}

/** What an actor's module needs of a host; an offer that lacks it is not made. @public */
export interface Needs {
  /** Bytes, or a number with KiB, MiB or GiB. */
  readonly memory?: number | string;
  /** Host functions by facade name. */
  readonly hostFunctions?: readonly string[];
  /** Models its handlers load by name. */
  readonly models?: readonly string[];
  /** True for an actor that must stay on its device (the paper's Navigation). */
  readonly pinned?: boolean;
}

/** What an actor is held to wherever it runs in a sandbox, if its host allows that much; natively it is not. @public */
export interface Limits {
  /** Bytes, or a number with KiB, MiB or GiB, of program and state, to about 1 MiB; from 4 MiB. A handler that meets it gets RESOURCE_EXHAUSTED. */
  readonly memory?: number | string;
  /** Milliseconds a segment may run, an integer ≥ 1. An instance that meets it ends DEADLINE_EXCEEDED. */
  readonly segmentMs?: number;
}

/** What a crash may cost an actor. @public */
export type Durability = 'volatile' | 'durable';

/** What {@link actor} takes. @public */
export interface ActorOptions<S, H extends Handlers<S>> {
  /** Version of state and messages, an integer ≥ 1; default 1. */
  readonly version?: number;
  /** Makes the first state: plain data that the codec carries. */
  readonly state: () => S;
  /**
   * Makes this version's state of an earlier one's, when an actor of that one moves to a node that has this one, or comes back there. Its refs, mailbox
   * and timers go on: messages of the earlier version that `on` has no more are refused as unknown.
   * @param state as the earlier version left it; it may be changed @param version of that one. What it throws stops the move; the actor goes on where it was
   */
  readonly upgrade?: (state: unknown, version: number) => S;
  readonly on: H;
  /** Validators of payloads by message name, enforced where a payload arrives from another node. */
  readonly schema?: { readonly [M in keyof H]?: StandardSchema };
  readonly needs?: Needs;
  /** Default: its host's alone. */
  readonly limits?: Limits;
  readonly supervise?: Supervision;
  /**
   * What a crash may cost. 'volatile' (default): the turns since the last checkpoint, observably. 'durable': nothing; what a turn sends leaves
   * only when a standby (the home) keeps what it did. A home without a store refuses durable actors.
   */
  readonly durability?: Durability;
  /** Turns after which the actor, while away, sends a checkpoint to its home; 0 (default) for none but the copy its move left there. */
  readonly checkpointTurns?: number;
  /** Source file of the definition: pass `import.meta.url`, so that a bundler can ship it without a build step. */
  readonly source?: string;
}

/** A kind of actor: its name, first state and handlers. Made by {@link actor}. @public */
export interface Definition<S = unknown, H extends Handlers<S> = Handlers<S>> {
  readonly name: string;
  readonly version: number;
  readonly state: () => S;
  readonly upgrade: ((state: unknown, version: number) => S) | undefined;
  readonly on: H;
  readonly schema: { readonly [message: string]: StandardSchema | undefined };
  readonly needs: Needs;
  readonly limits: Limits;
  readonly supervise: Supervision;
  readonly durability: Durability;
  readonly checkpointTurns: number;
  readonly source: string | undefined;
  /** How each message is answered: needed to build a typed ref where the handlers are not. */
  readonly protocol: Protocol;
}

/** The messages of a definition and how each is answered. Travels inside refs. */
export interface Protocol {
  readonly definition: string;
  readonly version: number;
  readonly messages: { readonly [message: string]: 'reply' | 'stream' };
}

/** Any definition, whatever its state and messages. @public */
export interface AnyDefinition extends Omit<Definition, 'state' | 'upgrade' | 'on'> {
  readonly state: () => unknown;
  readonly upgrade: ((state: unknown, version: number) => unknown) | undefined;
  readonly on: { readonly [message: string]: (...args: never[]) => unknown };
}

/** The message that ends an actor: a record like any other, so it comes after what was sent before it. */
export const stopMessage = '$stop';

// `then` would make every ref a promise; what Object.prototype has would be found where no handler is.
const isRefused = (message: string) => message === 'then' || message === 'toJSON' || message.startsWith('$') || message in Object.prototype;
const nameForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/**
 * Defines a kind of actor. Payload, reply and stream types of its refs are inferred from the handlers.
 * @param name up to 128 of A–Z a–z 0–9 . _ -, unique among the definitions a node knows
 * @throws {GodwitError} INVALID_ARGUMENT for a bad name, version or message name
 * @public
 */
export function actor<S, const H extends Handlers<S>>(name: string, options: ActorOptions<S, H>): Definition<S, H> {
  checkName(name, 'actor definition');
  const version = options.version ?? 1;
  if (!Number.isInteger(version) || version < 1)
    throw new GodwitError('INVALID_ARGUMENT', `version of actor definition ${name} must be an integer ≥ 1, not ${version}`);
  const messages: Record<string, 'reply' | 'stream'> = {};
  for (const [message, handler] of Object.entries(options.on)) {
    if (isRefused(message)) throw new GodwitError('INVALID_ARGUMENT', `message name '${message}' of actor definition ${name} is reserved; choose another`);
    messages[message] = isGenerator(handler) ? 'stream' : 'reply';
  }
  // Without a prototype, so that a message name never finds what is no handler.
  const on = Object.setPrototypeOf({ ...options.on }, null) as H;
  return Object.freeze({
    name,
    version,
    state: options.state,
    upgrade: options.upgrade,
    on,
    schema: options.schema ?? {},
    needs: options.needs ?? {},
    limits: options.limits ?? {},
    supervise: options.supervise ?? {},
    durability: options.durability ?? 'volatile',
    checkpointTurns: options.checkpointTurns ?? 0,
    source: options.source,
    protocol: { definition: name, version, messages },
  });
}

/** @throws {GodwitError} INVALID_ARGUMENT unless `name` can name a definition, actor or node */
export function checkName(name: string, what: string): void {
  if (!nameForm.test(name))
    throw new GodwitError('INVALID_ARGUMENT', `${what} name '${name}' must be 1 to 128 of A-Z a-z 0-9 . _ - and start with a letter or digit`);
}

function isGenerator(handler: unknown): boolean {
  return typeof handler === 'function' && /GeneratorFunction$/.test((handler as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] ?? '');
}
