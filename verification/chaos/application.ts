// The application of a tormented device: sends numbered entries to every courier, mostly tells and some asks, knows what it sent, and
// reads streams of every courier.
import { setTimeout as pause } from 'node:timers/promises';
import { dispatch, GodwitError } from '#core';
import type { Sending } from './check.js';
import { askMs, type CourierMessages, type CourierRef } from './courier.js';
import { valueFor } from './entry.js';
import { machineMs } from './orders.js';
import { createRead, type Read, readStreams } from './reader.js';

/** Every so many entries, one is asked instead of told. */
const askEvery = 4;
interface Line {
  readonly ref: CourierRef;
  upTo: number;
  answered: number;
  answeredAtMs: number;
  readonly uncertain: number[];
  expired: number;
  readonly pending: Set<Promise<void>>;
  readonly read: Read;
}

export class Application {
  private readonly lines: ReadonlyMap<string, Line>;
  private readonly ended = new AbortController();
  private readonly running: Promise<unknown>;

  /** @param name by which it sends: each life of a device has its own */
  constructor(
    private readonly name: string,
    couriers: ReadonlyMap<string, CourierRef>,
    tickMs: number,
  ) {
    this.lines = new Map(
      [...couriers].map(([courier, ref]) => [
        courier,
        { ref, upTo: 0, answered: 0, answeredAtMs: 0, uncertain: [], expired: 0, pending: new Set(), read: createRead(courier) },
      ]),
    );
    const readings = [...this.lines.values()].map(({ ref, read }) => readStreams(ref, read, this.ended.signal));
    this.running = Promise.all([this.run(tickMs), ...readings]);
  }

  /** What it sent so far. */
  sendings(): Sending[] {
    return [...this.lines].map(([to, { upTo, answered, answeredAtMs, uncertain, expired }]) => ({
      from: this.name,
      to,
      upTo,
      atLeast: answered,
      answeredAtMs,
      uncertain,
      expired,
    }));
  }

  /** What came of the streams it read so far. */
  reads(): Read[] {
    return [...this.lines.values()].map(({ read }) => read);
  }

  /** Sends no more, and waits for every answer. */
  async end(): Promise<Sending[]> {
    this.ended.abort();
    await this.running;
    for (const { pending } of this.lines.values()) await Promise.all(pending);
    return this.sendings();
  }

  private async run(tickMs: number): Promise<void> {
    while (!this.ended.signal.aborted) {
      for (const [courier, line] of this.lines) this.send(courier, line);
      await pause(tickMs);
    }
  }

  private send(courier: string, line: Line): void {
    const number = line.upTo + 1;
    const entry = { from: this.name, number, value: valueFor(this.name, courier, number) };
    try {
      if (number % askEvery !== 0) dispatch<CourierMessages, 'put'>(line.ref, 'put', entry);
      else this.ask(line, entry);
    } catch (thrown) {
      // A full outbox takes no number: it is tried again at the next tick.
      if (GodwitError.from(thrown).code !== 'RESOURCE_EXHAUSTED') throw thrown;
      return;
    }
    line.upTo = number;
  }

  private ask(line: Line, entry: { readonly from: string; readonly number: number; readonly value: number }): void {
    const answer: Promise<void> = line.ref
      .put(entry, { timeoutMs: askMs })
      .then(
        (last) => {
          line.answered = Math.max(line.answered, last);
          line.answeredAtMs = machineMs();
        },
        (thrown: unknown) => {
          process.stderr.write(`${this.name}: ask ${entry.number} of ${line.ref.$address}: ${GodwitError.from(thrown).message}\n`);
          line.uncertain.push(entry.number);
          if (GodwitError.from(thrown).code === 'DEADLINE_EXCEEDED') line.expired += 1;
        },
      )
      .finally(() => line.pending.delete(answer));
    line.pending.add(answer);
  }
}
