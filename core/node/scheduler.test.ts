import test from 'ava';
import type { Clock } from '../ports/clock.js';
import type { Cell } from './cell.js';
import { Scheduler } from './scheduler.js';

/** Time moves only by turns; `soon` keeps its tasks until they are run. */
function turnClock() {
  const soon: Array<() => void> = [];
  const clock = { time: 0, readings: 0 };
  const port: Clock = {
    now: () => {
      clock.readings += 1;
      return clock.time;
    },
    after: () => () => {},
    soon: (task) => void soon.push(task),
  };
  return { clock, port, soon };
}

/** A cell with `turns` turns in its mailbox, each of `turnMs`. */
function busyCell(turns: number, turn: () => void) {
  const cell = {
    scheduled: false,
    taken: 0,
    hasWork: () => cell.taken < turns,
    takeTurns(budget: number) {
      const count = Math.min(budget, turns - cell.taken);
      for (let index = 0; index < count; index++) turn();
      cell.taken += count;
      return count;
    },
  };
  return cell;
}

test('scheduler: long turns leave room for timers and I/O after a few milliseconds', async (t) => {
  const { clock, port, soon } = turnClock();
  const scheduler = new Scheduler(port);
  const cell = busyCell(300, () => {
    clock.time += 10;
  });

  scheduler.schedule(cell as unknown as Cell);
  await Promise.resolve();

  t.is(cell.taken, 1);
  t.is(soon.length, 1);
  soon.shift()?.();
  t.is(cell.taken, 2);
});

test('scheduler: turns that become long are noticed within one reading, and taken one by one from then on', async (t) => {
  const { clock, port, soon } = turnClock();
  const scheduler = new Scheduler(port);
  const cell = busyCell(10_000, () => {
    if (cell.taken >= 1000) clock.time += 10;
  });

  scheduler.schedule(cell as unknown as Cell);
  await Promise.resolve();
  t.true(cell.taken >= 1000 && cell.taken < 1000 + 64);
  const before = cell.taken;
  soon.shift()?.();

  t.is(cell.taken, before + 1);
});

test('scheduler: short turns cost a reading of the clock per 32 of them, and I/O has its chance after 4096', async (t) => {
  const { clock, port, soon } = turnClock();
  const scheduler = new Scheduler(port);
  const cells = Array.from({ length: 100 }, () => busyCell(100, () => {}));

  for (const cell of cells) scheduler.schedule(cell as unknown as Cell);
  await Promise.resolve();

  t.is(
    cells.reduce((sum, cell) => sum + cell.taken, 0),
    4096,
  );
  t.is(soon.length, 1);
  t.true(clock.readings <= 4096 / 32 + 8, `${clock.readings} readings`);
});
