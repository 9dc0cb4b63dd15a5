import type { Clock } from '#core';

declare const setImmediate: ((task: () => void) => unknown) | undefined;

/** The time of this process or page: monotonic, in milliseconds. The default of every transport; tests may give another. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
  soon(task) {
    if (typeof setImmediate === 'function') setImmediate(task);
    else setTimeout(task, 0);
  },
};
