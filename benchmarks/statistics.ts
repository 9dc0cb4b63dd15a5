/** The middle of some numbers; NaN of none. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which the share `q` of the values lies (nearest rank); NaN of none. @param q 0 to 1 */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))];
}

/** Median and tail of some times. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly samples: number;
}

/** @param timesMs milliseconds */
export function latencyOf(timesMs: readonly number[]): Latency {
  return { p50: quantile(timesMs, 0.5), p99: quantile(timesMs, 0.99), samples: timesMs.length };
}
