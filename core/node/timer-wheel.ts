import type { Cancel, Clock } from '../ports/clock.js';

/** Something that fires at a time. The wheel links it into a list of its own, so that adding and removing cost no allocation. */
export abstract class Timer {
  /** @internal */ previous: Timer | undefined = undefined;
  /** @internal */ next: Timer | undefined = undefined;
  /** @internal */ tick = -1;
  /** True while a wheel holds it. */
  get running(): boolean {
    return this.tick >= 0;
  }

  abstract fire(): void;
}

/** Milliseconds per tick: deadlines are seconds, so a few milliseconds late is exact enough, and a million timers share one list per tick. */
const tickMs = 4;

/** Milliseconds, about 25 days: what a platform's timer counts; beyond it setTimeout fires at once. Whoever waits longer looks again then. */
export const longestDelayMs = 2 ** 31 - 1;

class Head extends Timer {
  override fire(): void {}
}

/**
 * All deadlines of a node behind one platform timer: a `setTimeout` per ask would cut asks to a third (FACTS §2).
 * Timers of one tick fire in the order they were added. Idle, it holds no platform timer.
 */
export class TimerWheel {
  private readonly ticks = new Map<number, Head>();
  /** Where the last timer went: deadlines of one moment mostly share a tick. */
  private latest = new Head();
  private armedFor = Number.POSITIVE_INFINITY;
  private disarm: Cancel = () => {};

  constructor(private readonly clock: Clock) {}

  /** Fires `timer` not before `delayMs` from now. A timer is in one wheel at most once. */
  add(timer: Timer, delayMs: number): void {
    const tick = Math.ceil((this.clock.now() + delayMs) / tickMs);
    if (this.latest.tick !== tick) this.latest = this.headOf(tick);
    const head = this.latest;
    const last = head.previous as Timer;
    timer.tick = tick;
    timer.previous = last;
    timer.next = head;
    last.next = timer;
    head.previous = timer;
  }

  remove(timer: Timer): void {
    if (timer.tick < 0) return;
    timer.tick = -1;
    (timer.previous as Timer).next = timer.next;
    (timer.next as Timer).previous = timer.previous;
    timer.previous = timer.next = undefined;
  }

  close(): void {
    this.disarm();
    this.ticks.clear();
  }

  private headOf(tick: number): Head {
    let head = this.ticks.get(tick);
    if (head !== undefined) return head;
    head = new Head();
    head.tick = tick;
    head.previous = head.next = head;
    this.ticks.set(tick, head);
    if (tick < this.armedFor) this.arm(tick);
    return head;
  }

  private arm(tick: number): void {
    this.disarm();
    this.armedFor = tick;
    const delayMs = Math.max(0, tick * tickMs - this.clock.now());
    this.disarm = this.clock.after(Math.min(delayMs, longestDelayMs), () => this.turn());
  }

  private turn(): void {
    this.latest = new Head();
    const now = Math.floor(this.clock.now() / tickMs);
    const due = [...this.ticks.keys()].filter((tick) => tick <= now).sort((a, b) => a - b);
    for (const tick of due) {
      const head = this.ticks.get(tick) as Head;
      this.ticks.delete(tick);
      for (let timer = head.next as Timer; timer !== head; timer = head.next as Timer) {
        this.remove(timer);
        timer.fire();
      }
    }
    // Empty ticks (their asks were answered) are dropped here rather than by every answer.
    let first = Number.POSITIVE_INFINITY;
    for (const [tick, head] of this.ticks) {
      if (head.next === head) this.ticks.delete(tick);
      else if (tick < first) first = tick;
    }
    // It may have been dropped, and what is empty is not armed.
    this.latest = new Head();
    this.armedFor = Number.POSITIVE_INFINITY;
    if (first !== Number.POSITIVE_INFINITY) this.arm(first);
  }
}
