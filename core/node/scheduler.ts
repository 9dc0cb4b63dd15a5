import { Ring } from '../delivery/ring.js';
import type { Clock } from '../ports/clock.js';
import type { Cell } from './cell.js';

/** Turns taken in one go before pending I/O has its chance: about half a millisecond of small turns, or I/O would starve (FACTS §2). */
const turnsPerDrain = 4096;
/** Milliseconds of turns in one go: long turns leave room for timers, lease renewals and I/O as well. Half a frame, far below any lease. */
const drainMs = 8;
/** Turns between two readings of the clock, while turns are short: a reading costs about as much as one. Also what one actor takes before the next. */
const turnsPerReading = 32;
/** Milliseconds between two readings above which turns count as long, and the clock is read after each. */
const longReadingMs = 1;

/** Lets actors with something in their mailbox take turns: first in a microtask, and after its budget in a macrotask. */
export class Scheduler {
  private readonly ready = new Ring<Cell>();
  private draining = false;
  private time: number | undefined;
  /** Turns until the next reading: 1 for long turns, doubled up to `turnsPerReading` as long as they are short. */
  private stride = 1;
  private readonly drainTask = () => this.drain();

  constructor(private readonly clock: Clock) {}

  /** Milliseconds, read once per actor and drain: reading the platform's clock costs more than a turn. */
  now(): number {
    if (this.time === undefined) {
      this.time = this.clock.now();
      if (!this.draining) this.wake();
    }
    return this.time;
  }

  schedule(cell: Cell): void {
    if (cell.scheduled) return;
    cell.scheduled = true;
    this.ready.push(cell);
    if (!this.draining) this.wake();
  }

  private wake(): void {
    this.draining = true;
    queueMicrotask(this.drainTask);
  }

  private drain(): void {
    this.time = undefined;
    // While turns are short the first reading can wait: many drains are one turn, and a reading costs as much.
    let startMs = this.stride === 1 ? this.now() : undefined;
    let readMs = startMs ?? 0;
    let unread = 0;
    let budget = turnsPerDrain;
    for (let cell = this.ready.shift(); cell !== undefined; cell = this.ready.shift()) {
      const taken = cell.takeTurns(Math.min(this.stride, budget));
      budget -= taken;
      unread += taken;
      // Turns take time, and deadlines are counted from now on.
      this.time = undefined;
      cell.scheduled = false;
      if (cell.hasWork()) {
        cell.scheduled = true;
        this.ready.push(cell);
      }
      if (unread >= this.stride && this.ready.length > 0) {
        const nowMs = this.now();
        if (startMs === undefined) startMs = readMs = nowMs;
        this.stride = nowMs - readMs > longReadingMs ? 1 : Math.min(this.stride * 2, turnsPerReading);
        readMs = nowMs;
        unread = 0;
        if (nowMs - startMs >= drainMs) budget = 0;
      }
      if (budget <= 0) {
        this.time = undefined;
        this.clock.soon(this.drainTask);
        return;
      }
    }
    // Nobody waits any more, so its turns were short enough; if they are not, the next longer drain finds out at its first reading.
    this.stride = Math.min(this.stride * 2, turnsPerReading);
    this.time = undefined;
    this.draining = false;
  }
}
