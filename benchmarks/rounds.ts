// Contestants take turns (A B C A B C …), so that whatever else the machine does falls on all of them, and ratios stay true where rates do not.

import { type Latency, latencyOf, median } from './statistics.js';
import type { Effort } from './suite.js';

/** One way to do the same work. */
export interface Contestant {
  readonly name: string;
  /** Does `count` operations. @param timesMs gets the time of each in milliseconds, if it is given and operations have one */
  run(count: number, timesMs?: number[]): Promise<void>;
}

/** What a contestant did. */
export interface Measured {
  readonly name: string;
  /** Median of the rounds. */
  readonly ratePerSecond: number;
  /** Operations timed, in all rounds. */
  readonly samples: number;
  /** Median of the ratios of the first contestant's rate to this one's, round by round. */
  readonly ratio: number;
  readonly latencyMs?: Latency;
}

/** Growth of the count while the right one is sought; what a warm-up run takes. */
const growth = 4;
const maxCount = 4_000_000;

/** Warms every contestant up, then measures them in turns. @param step the count is a multiple of it */
export async function compare(contestants: readonly Contestant[], step: number, effort: Effort, withLatency: boolean): Promise<Measured[]> {
  const counts: number[] = [];
  for (const contestant of contestants) counts.push(await calibrate(contestant, step, effort.roundMs));
  const rates: number[][] = contestants.map(() => []);
  for (let round = 0; round < effort.rounds; round++) {
    for (const [index, contestant] of contestants.entries()) rates[index]?.push(await rateOf(contestant, counts[index]));
  }
  const times: number[][] = contestants.map(() => []);
  for (let round = 0; withLatency && round < effort.rounds; round++) {
    const share = Math.ceil(effort.latencySamples / effort.rounds / step) * step;
    for (const [index, contestant] of contestants.entries()) await contestant.run(Math.min(share, counts[index]), times[index]);
  }
  return contestants.map(({ name }, index) => {
    const own = rates[index];
    const ratio = median(rates[0].map((rate, round) => rate / own[round]));
    const measured = { name, ratePerSecond: median(own), samples: counts[index] * effort.rounds, ratio };
    return withLatency ? { ...measured, latencyMs: latencyOf(times[index]) } : measured;
  });
}

/** Runs until a run takes long enough to be timed; the faster of two counts, since whatever else runs can only slow one down. @returns the count for a run of `roundMs` */
async function calibrate(contestant: Contestant, step: number, roundMs: number): Promise<number> {
  let count = step;
  for (;;) {
    const rate = Math.max(await rateOf(contestant, count), await rateOf(contestant, count));
    const wanted = Math.max(step, Math.round((rate * roundMs) / 1000 / step) * step);
    if (count >= wanted / growth || count >= maxCount) return Math.min(wanted, maxCount);
    count = Math.min(wanted, count * growth);
  }
}

async function rateOf(contestant: Contestant, count: number): Promise<number> {
  const startedAt = performance.now();
  await contestant.run(count);
  return (count * 1000) / (performance.now() - startedAt);
}

/** Keeps `inFlight` operations going until `count` are done: each that ends begins the next. */
export function keepInFlight(count: number, inFlight: number, operation: () => Promise<unknown>, timesMs: number[] | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    let begun = 0;
    let ended = 0;
    const begin = () => {
      begun += 1;
      const beganAt = timesMs === undefined ? 0 : performance.now();
      operation().then(() => {
        timesMs?.push(performance.now() - beganAt);
        ended += 1;
        if (begun < count) begin();
        else if (ended === count) resolve();
      }, reject);
    };
    for (let index = Math.min(inFlight, count); index > 0; index--) begin();
  });
}
