import test from 'ava';
import type { Clock } from '../ports/clock.js';
import { Machine } from './machine.js';
import { longestDelayMs } from './timer-wheel.js';

type Effect = { type: 'note'; text: string } | { type: 'startTimer'; timer: string; delayMs: number };

/** A machine that counts the events it handled; an event is its effects, or throws. */
function counting(carry: (text: string) => void = () => {}) {
  const delays: number[] = [];
  const clock: Clock = {
    now: () => 0,
    after(delayMs) {
      delays.push(delayMs);
      return () => {};
    },
    soon: () => {},
  };
  const machine = new Machine<number, Effect[] | 'garbage', Effect>(
    0,
    (state, event) => {
      if (event === 'garbage') throw new TypeError('garbage');
      return { state: state + 1, effects: event };
    },
    (effect) => carry(effect.text),
    () => [],
    clock,
  );
  return { machine, delays };
}

test('machine: a step that throws is the caller’s to know, and the next event is handled', (t) => {
  const { machine } = counting();

  t.throws(() => machine.feed('garbage'), { message: 'garbage' });
  machine.feed([]);

  t.is(machine.state, 1);
});

test('machine: events that wait behind one that throws are handled all the same', (t) => {
  const { machine } = counting(() => {
    machine.feed('garbage');
    machine.feed([]);
  });

  t.throws(() => machine.feed([{ type: 'note', text: '' }]), { message: 'garbage' });

  t.is(machine.state, 2);
});

test('machine: a timer that fired while an effect took its time is not heard behind the event that stops it', async (t) => {
  type Timed =
    | { type: 'note'; text: string }
    | { type: 'write' }
    | { type: 'startTimer'; timer: string; delayMs: number }
    | { type: 'stopTimer'; timer: string };
  const notes: string[] = [];
  let written = () => {};
  let fire = () => {};
  const clock: Clock = {
    now: () => 0,
    after(_delayMs, task) {
      fire = task;
      return () => {};
    },
    soon: () => {},
  };
  const machine = new Machine<undefined, readonly Timed[], Timed>(
    undefined,
    (state, effects) => ({ state, effects }),
    (effect) => {
      if (effect.type === 'write') {
        return new Promise((resolve) => {
          written = resolve;
        });
      }
      if (effect.type === 'note') notes.push(effect.text);
      return undefined;
    },
    (timer) => [{ type: 'note', text: `${timer} is over` }],
    clock,
  );
  machine.feed([{ type: 'startTimer', timer: 'lease', delayMs: 5 }, { type: 'write' }]);
  machine.feed([
    { type: 'stopTimer', timer: 'lease' },
    { type: 'note', text: 'renewed' },
  ]);
  fire();
  written();
  await machine.idle();

  t.deepEqual(notes, ['renewed']);
});

test('machine: once closed it handles no event and starts no timer, also when an effect of a step closed it', (t) => {
  const { machine, delays } = counting(() => machine.close());

  machine.feed([
    { type: 'note', text: '' },
    { type: 'startTimer', timer: 'renew', delayMs: 5 },
  ]);
  machine.feed([]);

  t.is(machine.state, 1);
  t.deepEqual(delays, []);
});

test('machine: asks no platform timer for more than it can count', (t) => {
  const { machine, delays } = counting();

  machine.feed([{ type: 'startTimer', timer: 'renew', delayMs: 1e12 }]);

  t.deepEqual(delays, [longestDelayMs]);
});
