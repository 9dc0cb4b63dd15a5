import type { AnyDefinition, Decision, Protocol } from '../actors/definition.js';
import type { Where } from '../actors/ref.js';
import type { ErrorValue } from '../errors.js';
import type { HostFunctions } from './host-function.js';
import type { LogLevel } from './logger.js';
import type { Manifest, Tier } from './module-source.js';

/**
 * A payload on its way: a value of this heap (given up by its sender), or its encoding, or both once one was made from the other.
 * Native instances want `value`, guests want `bytes`; what is missing is made by the codec when needed.
 */
export interface Payload {
  value: unknown;
  /** Encoded by `core/codec`; undefined while the payload never left this heap. */
  bytes: Uint8Array | undefined;
}

/** An actor's address with the messages it understands: what a ref is made of, and every ref is one. */
export interface Target {
  readonly $address: string;
  readonly $protocol: Protocol;
}

/** One turn to run. */
export interface Turn {
  readonly kind: 'tell' | 'ask' | 'stream';
  readonly message: string;
  readonly payload: Payload;
  /** Number by which this instance answers, unique among its open asks; 0 for a tell. */
  readonly ask: number;
  readonly sender: Target | undefined;
  /** Milliseconds left until the asker's deadline; Infinity for a tell. */
  readonly remainingMs: number;
}

/** How a turn ended. `threw` carries what the definition's supervision decided. */
export type TurnEnd = { readonly threw?: undefined } | { readonly threw: ErrorValue; readonly decision: Decision };

/** What an instance does to the world; calls made in one segment leave together when the instance calls `flush`. */
export interface InstanceHost {
  /** Tells (ask 0), asks or opens a stream. `ask` is chosen by the instance, ascending from 1 over the actor's whole life. */
  send(kind: 'tell' | 'ask' | 'stream', to: Target, message: string, payload: Payload, ask: number, timeoutMs: number): void;
  /** Gives up an ask or stream of this instance; nothing more is settled for it. */
  cancel(ask: number): void;
  /** Lets the far side of a stream send items up to the absolute number `upTo` (from 1). */
  more(ask: number, upTo: number): void;
  /** Answers an open inbound ask; `fail` and `end` also end a stream. */
  reply(ask: number, payload: Payload): void;
  fail(ask: number, error: ErrorValue): void;
  item(ask: number, payload: Payload): void;
  end(ask: number): void;
  /** Sends `message` to the actor itself after `delayMs`. `timer` is chosen by the instance. */
  after(timer: number, delayMs: number, message: string, payload: Payload): void;
  cancelTimer(timer: number): void;
  /** Spawns a child at `<own address>/<name>`; a guest has no definition to give, its child runs from the same program. */
  child(protocol: Protocol, definition: AnyDefinition | undefined, name: string): void;
  /** Calls a host function; answered by `settle(call, …)`. `call` shares the numbering of asks. */
  call(call: number, hostFunction: string, method: string, args: Payload): void;
  /** Where an actor is as far as the node knows; undefined in guests and for actors not heard of. */
  where(address: string): Where | undefined;
  progress(ask: number, fraction: number): void;
  log(level: LogLevel, event: string, fields: Readonly<Record<string, unknown>>): void;
  /** Releases what the segment sent. */
  flush(): void;
  /** Drops what the segment sent. */
  discard(): void;
  /** Exactly once per turn, in turn order, after the flush of its last segment. */
  turnEnded(end: TurnEnd): void;
  /** The instance died (its worker was lost, it ran out of memory or fuel): its open turns never end. */
  failed(error: ErrorValue): void;
}

/** A living actor inside a runtime. Handles turns strictly one after the other, in the order given. */
export interface Instance {
  readonly tier: Tier;
  /** Where it runs, for people and for tests that assert that it really moved: 'native (process 4711)', 'script (QuickJS in Wasm, thread 3 of process 4712)'. */
  readonly place: string;
  /** The messages of the code that runs it: of the version it was captured by, or a later one. Undefined for an application. */
  readonly protocol: Protocol | undefined;
  /** How many turns the host may hand over before the first has ended; ≥ 1. */
  readonly pipelining: number;
  turn(turn: Turn): void;
  /** Settles an ask or host call of this instance. `asked`: the frames of the call that failed on another node. */
  settle(ask: number, outcome: { readonly payload: Payload } | { readonly error: ErrorValue; readonly asked?: string | undefined }): void;
  /** One item of a stream that this instance reads, and its end. */
  item(ask: number, payload: Payload): void;
  end(ask: number): void;
  /** The asker of an open inbound ask gave up: aborts its signal. */
  abort(ask: number): void;
  /** The reader of an open inbound stream accepts items up to `upTo`. */
  more(ask: number, upTo: number): void;
  /**
   * The actor's state as bytes of the codec, the same on every tier for the same state. Only between turns.
   * @param cut called when what the instance gave out before it took the capture has reached the host, and nothing of what came after
   */
  capture(cut?: () => void): InstanceCapture | Promise<InstanceCapture>;
  /** Ends the instance; idempotent. Open turns never end. */
  close(): void;
}

/** What an instance knows of itself that must survive a move. */
export interface InstanceCapture {
  readonly state: Uint8Array;
  /** Of the code whose state it is. */
  readonly version: number;
  /** Next number for asks, host calls and timers. */
  readonly nextAsk: number;
  /** Open inbound streams whose handler called `ctx.resume`. */
  readonly streams: ReadonlyArray<{
    readonly ask: number;
    readonly message: string;
    readonly payload: Uint8Array;
    readonly sent: number;
    readonly upTo: number;
  }>;
}

/** What a runtime needs to make an instance. */
export interface InstanceSpec {
  readonly address: string;
  /** Given for the native tier. */
  readonly definition: AnyDefinition | undefined;
  /** Given for shipped tiers, with the program's bytes. */
  readonly module: { readonly manifest: Manifest; readonly program: Uint8Array } | undefined;
  /** What to continue from; undefined begins with the definition's first state. */
  readonly capture: InstanceCapture | undefined;
  readonly hostFunctions: HostFunctions;
  /** Name of the node, for errors. */
  readonly node: string;
}

/** Runs turns of a tier. */
export interface Runtime {
  readonly tier: Tier;
  /** What it is, for people: 'QuickJS in Wasm on V8, 1 worker'. */
  readonly description: string;
  /** Gets everything ready that instances of this module share, so that `create` is quick: a move does it while the source still runs. */
  warm(module: NonNullable<InstanceSpec['module']>): Promise<void>;
  /**
   * Makes an instance, ready for its first turn.
   * @throws {GodwitError} INVALID_ARGUMENT the program or capture is malformed · FAILED_PRECONDITION the capture is of a later version, or of one that the code
   * has no way from · NOT_FOUND a host function is missing · RESOURCE_EXHAUSTED no room
   */
  create(spec: InstanceSpec, host: InstanceHost): Promise<Instance>;
  /** Ends every instance. */
  close(): Promise<void>;
}
