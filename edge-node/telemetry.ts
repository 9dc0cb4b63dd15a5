import type { Clock } from '#core';
import { type MetricSource, type Reading, readMetrics } from '#runtimes/telemetry';

/** Readings younger than this are given again: rates over shorter spans are noise (the kernel counts CPU time in ticks of 10 ms). */
const minAgeMs = 100;

/** What a host measures of itself, on demand. Rates and loads are since the reading before, whoever asked for it. */
export class HostTelemetry {
  private newest: { readonly atMs: number; readonly readings: Promise<readonly Reading[]> } | undefined;

  constructor(
    private readonly sources: readonly MetricSource[],
    readonly clock: Clock,
  ) {}

  read(): Promise<readonly Reading[]> {
    const now = this.clock.now();
    if (this.newest === undefined || now - this.newest.atMs >= minAgeMs) {
      this.newest = { atMs: now, readings: readMetrics(this.sources, now).then((readings) => [...readings.values()]) };
    }
    return this.newest.readings;
  }

  /** A reading per interval until `signal` aborts. @param intervalMs ≥ {@link minAgeMs}; shorter ones are taken as that */
  async *watch(intervalMs: number, signal: AbortSignal): AsyncGenerator<readonly Reading[]> {
    while (!signal.aborted) {
      yield await this.read();
      await this.pause(Math.max(minAgeMs, intervalMs), signal);
    }
  }

  private pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const cancel = this.clock.after(ms, done);
      if (signal.aborted) done();
      else signal.addEventListener('abort', done, { once: true });
    });
  }
}
