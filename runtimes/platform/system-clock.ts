import type { Clock } from '#core';

/** The time of this process: monotonic, in milliseconds since it started. Its timers keep the process alive. @public */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
  soon: (task) => void setImmediate(task),
};
