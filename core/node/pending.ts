import type { Cursor } from '../delivery/cursor.js';
import { type ErrorValue, GodwitError, valueFromError } from '../errors.js';
import type { Payload } from '../ports/runtime.js';
import type { Span } from '../ports/tracer.js';
import type { Outlet } from './outlet.js';
import { Timer } from './timer-wheel.js';

/** More asks than an actor sends under one owner; up to 2^21 epochs stay exact. */
export const numbersPerEpoch = 2 ** 32;

/** Asks under way of which an actor remembers where it made them. */
export const askPlaces = 4;

/** An ask or stream of an actor that waits for its answer; the timer is its deadline. */
export class PendingAsk extends Timer {
  /** By what the receiver answers it: the id, unless a lost owner may have given that to another ask. */
  correlation: number;
  /** Where it was asked, if that is remembered: it costs 20 µs, little for one that waits for a round trip, much for one of many under way. */
  readonly asked: Error | undefined;
  /** A stream: who brought its first item. */
  source: Cursor | undefined = undefined;
  /** Where somebody traces: ends with it. */
  span: Span | undefined = undefined;

  constructor(
    private readonly outlet: Outlet,
    readonly id: number,
    /** Address of the actor that was asked: nobody else may answer. */
    public to: string,
    readonly message: string,
    remembers = false,
  ) {
    super();
    this.correlation = id;
    this.asked = remembers ? new Error() : undefined;
  }

  override fire(): void {
    this.outlet.due(this);
  }

  fireNow(): void {
    this.outlet.expire(this);
  }

  // ── Why it ends without an answer ─────────────────────────────────────────────────────────────────────────────────────────────

  late(node: string): ErrorValue {
    const reason = `ask '${this.message}' of ${this.to} had no answer before its deadline; it may have been handled`;
    return valueFromError(new GodwitError('DEADLINE_EXCEEDED', reason, { node }));
  }

  discarded(asker: string): ErrorValue {
    return valueFromError(new GodwitError('ABORTED', `ask '${this.message}' of ${asker} was discarded: the segment that sent it threw`));
  }

  givenUp(asker: string): ErrorValue {
    return valueFromError(new GodwitError('CANCELLED', `ask '${this.message}' of ${this.to} was given up by ${asker}`));
  }
}

/** A timer that an actor set on itself. */
export class CellTimer extends Timer {
  /** @param dueAt milliseconds on the local clock */
  constructor(
    private readonly outlet: Outlet,
    readonly id: number,
    readonly message: string,
    readonly payload: Payload,
    readonly dueAt: number,
  ) {
    super();
  }

  override fire(): void {
    this.outlet.due(this);
  }

  fireNow(): void {
    this.outlet.wake(this);
  }
}
