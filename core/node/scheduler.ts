import { Ring } from '../delivery/ring.js';
import type { Clock } from '../ports/clock.js';
import type { Cell } from './cell.js';

/** Turns one actor may take before the next actor has its chance. */
const turnsPerCell = 256;
/** Turns taken in one go before pending I/O has its chance: about half a millisecond of small turns, or I/O would starve (FACTS §2). */
const turnsPerDrain = 4096;

/** Lets actors with something in their mailbox take turns: first in a microtask, and after its budget in a macrotask. */
export class Scheduler {
  private readonly ready = new Ring<Cell>();
  private draining = false;
  private time: number | undefined;
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
    let budget = turnsPerDrain;
    for (let cell = this.ready.shift(); cell !== undefined; cell = this.ready.shift()) {
      budget -= cell.takeTurns(Math.min(turnsPerCell, budget));
      // Turns take time, and deadlines are counted from now on.
      this.time = undefined;
      cell.scheduled = false;
      if (cell.hasWork()) {
        cell.scheduled = true;
        this.ready.push(cell);
      }
      if (budget <= 0) {
        this.time = undefined;
        this.clock.soon(this.drainTask);
        return;
      }
    }
    this.time = undefined;
    this.draining = false;
  }
}
