import type { LogLevel } from '../ports/logger.js';
import type { AnyDefinition, Definition, Handlers } from './definition.js';
import type { AnyRef, MessageOf, PayloadArguments, Ref } from './ref.js';

/** Ends a timer before it fires; idempotent. @public */
export type CancelTimer = () => void;

/** What a handler can do beside changing its state. Valid as long as its turn. @public */
export interface Context {
  /** The actor itself: lets it hand out its own ref. */
  readonly self: AnyRef;
  /** Who sent the message that this turn handles; the actor itself for a timer. */
  readonly sender: AnyRef | undefined;
  /** Aborted when the asker gave up, its deadline passed, or the actor is stopping. */
  readonly signal: AbortSignal;
  /** Milliseconds until the asker's deadline; Infinity for a tell. */
  readonly remainingMs: number;
  /** Tells, as this actor. The record leaves when the running segment ends; a throw in that segment discards it. */
  send<H extends Handlers<never>, M extends MessageOf<H>>(to: Ref<H>, message: M, ...payload: PayloadArguments<H[M]>): void;
  /** Sends `message` to the actor itself after `delayMs` milliseconds. The timer moves with the actor. */
  after(delayMs: number, message: string, payload?: unknown): CancelTimer;
  /** Spawns a child of this actor, supervised by it and stopped with it. */
  child<S, H extends Handlers<S>>(definition: Definition<S, H>, name: string): Ref<H>;
  /**
   * In a stream handler, before each `yield`: the payload to call the handler with again if the actor moves after the item yielded next.
   * Called once before the first item it lets the stream move as it was opened; without it a move ends the stream ABORTED.
   */
  resume(payload: unknown): void;
  /** Reports progress of a long turn, from 0 to 1. */
  progress(fraction: number): void;
  log(level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Calls a host function; use a facade of `godwit/host` rather than this. */
  call(hostFunction: string, method: string, ...args: unknown[]): Promise<unknown>;
}

/** Named so that the facades and the codec need not know definitions. */
export type { AnyDefinition };
