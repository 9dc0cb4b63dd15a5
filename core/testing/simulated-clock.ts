import type { Clock } from '../ports/clock.js';
import type { Life } from './life.js';
import type { Simulation } from './simulation.js';

const usPerMs = 1000;
const million = 1_000_000;

/**
 * The clock of one life of a node: virtual time, seen through a quartz that is `ppm` millionths too fast, from a start of its own.
 * It stands still while the node computes. For a dead life nothing comes due any more.
 */
export function createSimulatedClock(simulation: Simulation, life: Life, ppm: number, startMs: number): Clock {
  const msPerUs = (1 + ppm / million) / usPerMs;
  const msAt = (us: number) => startMs + us * msPerUs;
  const now = () => msAt(simulation.nowUs);
  const add = (atUs: number, task: () => void) =>
    simulation.at(atUs, life, 'timer', () => {
      simulation.trace.add(simulation.nowUs, life.node, 'timer');
      task();
    });
  return {
    now,
    after(delayMs, task) {
      if (delayMs === Number.POSITIVE_INFINITY) return () => {};
      const untilMs = now() + Math.max(0, delayMs || 0);
      let atUs = Math.max(simulation.nowUs, Math.ceil((untilMs - startMs) / msPerUs));
      // Rounding must not let a timer fire before its time: whoever looks at the clock then would wait for nothing.
      while (msAt(atUs) < untilMs) atUs += 1;
      const due = add(atUs, task);
      return () => {
        due.task = undefined;
      };
    },
    soon: (task) => void add(simulation.nowUs, task),
  };
}
