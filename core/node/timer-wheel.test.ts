import test from 'ava';
import type { Clock } from '../ports/clock.js';
import { longestDelayMs, Timer, TimerWheel } from './timer-wheel.js';

class Probe extends Timer {
  constructor(
    readonly name: string,
    private readonly fired: string[],
    private readonly then: () => void = () => {},
  ) {
    super();
  }

  override fire(): void {
    this.fired.push(this.name);
    this.then();
  }
}

/** Time that moves when told to. */
function manualClock() {
  let time = 1000;
  let armed: Array<{ at: number; task: () => void }> = [];
  const clock: Clock = {
    now: () => time,
    after(delayMs, task) {
      const entry = { at: time + delayMs, task };
      armed.push(entry);
      return () => {
        armed = armed.filter((other) => other !== entry);
      };
    },
    soon: (task) => task(),
  };
  const advance = (byMs: number) => {
    const until = time + byMs;
    for (;;) {
      const next = armed.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      time = Math.max(time, next.at);
      armed = armed.filter((other) => other !== next);
      next.task();
    }
    time = until;
  };
  return { clock, advance, armed: () => armed.length };
}

test('timer wheel: fires each timer once, not early, within a tick, in order', (t) => {
  const { clock, advance, armed } = manualClock();
  const wheel = new TimerWheel(clock);
  const fired: string[] = [];
  wheel.add(new Probe('late', fired), 500);
  wheel.add(new Probe('soon', fired), 10);
  wheel.add(new Probe('same', fired), 10);
  t.is(armed(), 1);
  advance(9);
  t.deepEqual(fired, []);
  advance(5);
  t.deepEqual(fired, ['soon', 'same']);
  advance(480);
  t.deepEqual(fired, ['soon', 'same']);
  advance(10);
  t.deepEqual(fired, ['soon', 'same', 'late']);
  t.is(armed(), 0);
});

test('timer wheel: a removed timer never fires, also when another one of its tick removes it; one that fires may add others', (t) => {
  const { clock, advance, armed } = manualClock();
  const wheel = new TimerWheel(clock);
  const fired: string[] = [];
  const victim = new Probe('victim', fired);
  wheel.add(new Probe('first', fired, () => wheel.remove(victim)), 10);
  wheel.add(victim, 10);
  const gone = new Probe('gone', fired);
  wheel.add(gone, 5);
  wheel.remove(gone);
  wheel.remove(gone);
  wheel.add(new Probe('chain', fired, () => wheel.add(new Probe('link', fired), 20)), 12);
  advance(100);
  t.deepEqual(fired, ['first', 'chain', 'link']);
  t.is(armed(), 0);
});

test('timer wheel: a delay beyond what a platform timer counts neither fires early nor keeps the wheel turning', (t) => {
  const { clock, advance } = manualClock();
  const asked: number[] = [];
  const wheel = new TimerWheel({
    ...clock,
    after(delayMs, task) {
      asked.push(delayMs);
      return clock.after(delayMs, task);
    },
  });
  const fired: string[] = [];
  const delayMs = longestDelayMs * 2 + 5000;
  wheel.add(new Probe('far', fired), delayMs);
  wheel.add(new Probe('never', fired), Number.POSITIVE_INFINITY);

  advance(delayMs - 1);
  t.deepEqual(fired, []);
  advance(5);

  t.deepEqual(fired, ['far']);
  t.is(asked.length, 3);
  t.true(asked.every((asked) => asked <= longestDelayMs));
});
