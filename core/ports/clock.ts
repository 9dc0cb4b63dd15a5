/** Ends what it was returned for; doing so twice, or too late, does nothing. */
export type Cancel = () => void;

/** Time as a node sees it. The real one is monotonic; the seeded world has its own. */
export interface Clock {
  /** Milliseconds since an arbitrary start, never going back; fractions allowed. */
  now(): number;
  /** Runs `task` once, not before `delayMs` milliseconds have passed. */
  after(delayMs: number, task: () => void): Cancel;
  /** Runs `task` after pending I/O had its chance (a macrotask). */
  soon(task: () => void): void;
}
