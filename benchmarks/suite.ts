/** How thorough a run is. */
export interface Effort {
  /** Times each contestant is measured, in turns with the others. */
  readonly rounds: number;
  /** Milliseconds one measurement of one contestant should take. */
  readonly roundMs: number;
  /** Bound of the single times taken for p50 and p99. */
  readonly latencySamples: number;
  /** Moves measured per size and kind. */
  readonly moves: number;
}

/** What was measured on. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly platform: string;
  readonly loadAverage: number;
}

/** A bound of DESIGN §10 on one row. `ratio` bounds are met from above, `ms` bounds from below. */
export interface Verdict {
  /** What the bound is on: 'ratio to ring', 'stall p50', … */
  readonly of: string;
  readonly bound: number;
  readonly measured: number;
  readonly met: boolean;
}

/** What a suite found; `rows` are the suite's own. */
export interface Report<Row> {
  readonly suite: string;
  readonly quick: boolean;
  readonly startedAt: string;
  readonly machine: Machine;
  readonly rows: readonly Row[];
}

/** A set of benchmarks that runs by name. */
export interface Suite<Row> {
  readonly name: string;
  readonly summary: string;
  /** @param progress gets one line for each step */
  run(effort: Effort, progress: (line: string) => void): Promise<Row[]>;
  /** Lines of a table for people. */
  format(rows: readonly Row[]): string[];
}
