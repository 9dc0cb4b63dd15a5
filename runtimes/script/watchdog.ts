import type { Cancel, Clock } from '#core';
import { heartbeat } from './control.js';

/** What the watchdog knows of one worker. */
export interface Watched {
  readonly beat: Int32Array<SharedArrayBuffer>;
  /** Batches and control calls posted to it so far that it has not answered: while there are none, nothing can be stuck. */
  busy(): boolean;
  /** Milliseconds a guest may be inside at one go. */
  allowedMs(instance: number): number;
  stuck(instance: number): void;
}

/**
 * Watches one worker from outside: the interrupt handler is not polled inside the engine's builtins, so a guest can be stuck where only
 * terminating the thread helps. Looks only while the worker is busy.
 */
export class Watchdog {
  private cancel: Cancel | undefined;
  private seen = 0;
  private sinceMs = 0;

  /** @param everyMs how often to look: the error of its measurement */
  constructor(
    private readonly watched: Watched,
    private readonly clock: Clock,
    private readonly everyMs: number,
  ) {}

  /** The worker was given something to do. */
  wake(): void {
    if (this.cancel !== undefined) return;
    this.look();
  }

  close(): void {
    this.cancel?.();
    this.cancel = undefined;
  }

  private look(): void {
    this.cancel = undefined;
    const { beat } = this.watched;
    const entries = Atomics.load(beat, heartbeat.entries);
    const nowMs = this.clock.now();
    if (entries !== this.seen) {
      this.seen = entries;
      this.sinceMs = nowMs;
    }
    const inside = (entries & 1) === 1;
    const instance = Atomics.load(beat, heartbeat.instance);
    if (inside && nowMs - this.sinceMs > this.watched.allowedMs(instance)) {
      this.watched.stuck(instance);
      return;
    }
    if (inside || this.watched.busy()) this.cancel = this.clock.after(this.everyMs, () => this.look());
  }
}
