import type { Cursor } from '../delivery/cursor.js';
import type { Payload } from '../ports/runtime.js';
import type { Outlet } from './outlet.js';
import { Timer } from './timer-wheel.js';

/** An ask or stream of an actor that waits for its answer; the timer is its deadline. */
export class PendingAsk extends Timer {
  /** By what the receiver answers it: the id, unless a lost owner may have given that to another ask. */
  correlation: number;
  /** Of one that went to another node: where it was asked. */
  asked: Error | undefined;
  /** A stream: who brought its first item. */
  source: Cursor | undefined = undefined;

  constructor(
    private readonly outlet: Outlet,
    readonly id: number,
    /** Address of the actor that was asked: nobody else may answer. */
    public to: string,
    readonly message: string,
  ) {
    super();
    this.correlation = id;
  }

  override fire(): void {
    this.outlet.due(this);
  }

  fireNow(): void {
    this.outlet.expire(this);
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
