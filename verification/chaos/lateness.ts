// How late a process runs its timers, and how long a write to the disk takes: nothing that a node does can be more in time than that.
import { open } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { machineMs } from './orders.js';

/** The most that a process, or the disk, was late in a stretch of time. */
export interface Lateness {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly latenessMs: number;
}

/** How often a process tells it. */
const everyMs = 200;
const resolutionMs = 10;
/** After a stop, the monitor and the timer that reads it may come in either order. */
const afterStopMs = 300;

/** Tells, from now on, how late this process is. @returns ends it */
export function watchLateness(tell: (lateness: Lateness) => void): () => void {
  const delays = monitorEventLoopDelay({ resolution: resolutionMs });
  delays.enable();
  let fromMs = machineMs();
  const timer = setInterval(() => {
    const untilMs = machineMs();
    tell({ fromMs, untilMs, latenessMs: Math.max(0, delays.max / 1e6 - resolutionMs) });
    delays.reset();
    fromMs = untilMs;
  }, everyMs);
  return () => {
    clearInterval(timer);
    delays.disable();
  };
}

/** Writes and syncs a block of a file of its own, over and over, and tells how long each took. @returns ends it */
export function watchDisk(path: string, tell: (lateness: Lateness) => void): () => Promise<void> {
  const ended = new AbortController();
  const watching = (async () => {
    const file = await open(path, 'w');
    const block = Buffer.alloc(4096, 1);
    while (!ended.signal.aborted) {
      const fromMs = machineMs();
      await file.write(block, 0, block.length, 0);
      await file.sync();
      const untilMs = machineMs();
      tell({ fromMs, untilMs, latenessMs: untilMs - fromMs });
      await pause(everyMs, undefined, { signal: ended.signal }).catch(() => undefined);
    }
    await file.close();
  })();
  return () => {
    ended.abort();
    return watching;
  };
}

/** What was told of one process, or of the disk, in a run. */
export class LatenessLog {
  worstMs = 0;
  private readonly told: Lateness[] = [];
  private readonly stops: Array<{ readonly fromMs: number; untilMs: number }> = [];

  note(lateness: Lateness): void {
    const { fromMs, untilMs, latenessMs } = lateness;
    // Late because it was stopped is no property of the machine.
    if (this.stops.some((stop) => stop.fromMs <= untilMs && fromMs <= stop.untilMs + afterStopMs)) return;
    this.told.push(lateness);
    this.worstMs = Math.max(this.worstMs, latenessMs);
  }

  /** The process is stopped. @returns says that it goes on */
  stopped(atMs: number): (atMs: number) => void {
    const stop = { fromMs: atMs, untilMs: Number.POSITIVE_INFINITY };
    this.stops.push(stop);
    return (onMs) => {
      stop.untilMs = onMs;
    };
  }

  /** The most in any stretch that touches this one, milliseconds. */
  between(fromMs: number, untilMs: number): number {
    return this.told.reduce((most, told) => (told.fromMs <= untilMs && fromMs <= told.untilMs ? Math.max(most, told.latenessMs) : most), 0);
  }
}
