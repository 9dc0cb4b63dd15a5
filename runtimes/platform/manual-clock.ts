import type { Cancel, Clock } from '#core';

/** A clock that stands still until it is advanced: time for tests. @public */
export interface ManualClock extends Clock {
  /** Lets `ms` pass: runs every task that becomes due, at its own time and in order, and lets microtasks run after each. */
  advance(ms: number): Promise<void>;
}

/** Starts at 0. @public */
export function createManualClock(): ManualClock {
  let now = 0;
  const tasks = new Set<{ readonly at: number; readonly run: () => void }>();
  const after = (delayMs: number, run: () => void): Cancel => {
    const task = { at: now + Math.max(0, delayMs), run };
    tasks.add(task);
    return () => tasks.delete(task);
  };
  return {
    now: () => now,
    after,
    soon: (task) => void after(0, task),
    async advance(ms) {
      const until = now + ms;
      // What was begun before may be about to set a timer.
      await settled();
      for (;;) {
        const [next] = [...tasks].filter((task) => task.at <= until).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        tasks.delete(next);
        now = next.at;
        next.run();
        await settled();
      }
      now = until;
      await settled();
    },
  };
}

/** What the task began in microtasks, and file reads it waits for, go first. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
