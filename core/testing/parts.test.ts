import { createHash } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { GodwitError } from '../errors.js';
import { Agenda, Due } from './agenda.js';
import { Life } from './life.js';
import { Sfc32 } from './sfc32.js';
import { sha256 } from './sha256.js';
import { createSimulatedClock } from './simulated-clock.js';
import { SimulatedDisk } from './simulated-disk.js';
import { Simulation } from './simulation.js';

const bytes = (text: string) => new TextEncoder().encode(text);

test('agenda: gives out what is due by time, and what is due at one time in the order in which it came', (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined })), (steps) => {
        const agenda = new Agenda();
        const expected: Due[] = [];
        for (const step of steps) {
          if (step === undefined) {
            const due = agenda.shift();
            if (due !== expected.shift()) return false;
          } else {
            const due = new Due(step, 0, undefined, 'timer', () => {});
            agenda.add(due);
            expected.push(due);
            expected.sort((a, b) => a.atUs - b.atUs);
          }
        }
        return agenda.length === expected.length && agenda.peek() === expected[0];
      }),
    ),
  );
});

test('sha256: agrees with the platform at every length around its blocks', (t) => {
  for (let length = 0; length < 200; length++) {
    const content = new Sfc32(length, 'content').bytes(length);
    t.is(sha256(content), createHash('sha256').update(content).digest('hex') as ReturnType<typeof sha256>, `${length} bytes`);
  }
});

test('random: a seed and a label are a stream of their own, evenly spread', (t) => {
  const draw = (seed: number, label: string) => {
    const random = new Sfc32(seed, label);
    return Array.from({ length: 4000 }, () => random.fraction());
  };

  t.deepEqual(draw(1, 'a'), draw(1, 'a'));
  t.notDeepEqual(draw(1, 'a'), draw(1, 'b'));
  t.notDeepEqual(draw(1, 'a'), draw(1 + 2 ** 32, 'a'), 'the upper half of a seed counts');
  const tenths = Array.from({ length: 10 }, (_, tenth) => draw(1, 'a').filter((drawn) => Math.floor(drawn * 10) === tenth).length);
  t.true(
    tenths.every((count) => count > 320 && count < 480),
    String(tenths),
  );
});

test('clock: a timer never fires before its time, whatever the drift', async (t) => {
  await t.notThrowsAsync(
    fc.assert(
      fc.asyncProperty(
        fc.double({ min: 0, max: 10_000, noNaN: true }),
        fc.integer({ min: -100_000, max: 100_000 }),
        fc.double({ min: 0, max: 1e8, noNaN: true }),
        async (delayMs, ppm, startMs) => {
          const simulation = new Simulation(1, false);
          const clock = createSimulatedClock(simulation, new Life('robot', 1), ppm, startMs);
          const untilMs = clock.now() + delayMs;
          let firedAtMs = Number.NaN;
          clock.after(delayMs, () => {
            firedAtMs = clock.now();
          });
          await simulation.run(Number.MAX_SAFE_INTEGER, () => false);
          return firedAtMs >= untilMs && firedAtMs < untilMs + 0.01;
        },
      ),
    ),
  );
});

test('simulation: whatever follows from one due in microtasks is done before the next', async (t) => {
  const simulation = new Simulation(1, false);
  const log: string[] = [];
  // More dues than run between two macrotasks of the platform.
  const work = async (due: number) => {
    log.push(`${due} begins`);
    for (let hop = 0; hop < 20; hop++) await Promise.resolve();
    await new Promise<void>((resolve) => queueMicrotask(() => queueMicrotask(resolve)));
    log.push(`${due} ends`);
  };
  for (let due = 0; due < 3000; due++) simulation.at(0, undefined, 'timer', () => void work(due));

  await simulation.run(1000, () => false);

  t.deepEqual(
    log,
    Array.from({ length: 6000 }, (_, line) => `${line >> 1} ${line % 2 === 0 ? 'begins' : 'ends'}`),
  );
});

test('simulation: what came for a paused life happens before what comes at the moment in which it goes on', async (t) => {
  const simulation = new Simulation(2, false);
  const life = new Life('edge', 1);
  const frames: number[] = [];
  life.status = 'paused';
  simulation.at(30, undefined, 'timer', () => {
    life.status = 'running';
    simulation.wake(life);
  });
  for (const [frame, atUs] of [10, 20, 30].entries()) simulation.at(atUs, life, 'link', () => frames.push(frame));

  await simulation.run(1000, () => false);

  t.deepEqual(frames, [0, 1, 2]);
});

test('simulation: a node that never lets time pass is a loop, and an error', async (t) => {
  const simulation = new Simulation(3, false);
  const again = () => void simulation.at(simulation.nowUs, undefined, 'timer', again);
  again();

  const error = await t.throwsAsync<GodwitError>(simulation.run(1000, () => false));

  t.is(error?.code, 'RESOURCE_EXHAUSTED');
  t.regex(error?.message ?? '', /a loop in which no time passes \(seed 3/);
});

test('simulation: what a node throws where nobody catches ends the run with the seed', async (t) => {
  const simulation = new Simulation(4, false);
  simulation.at(1000, undefined, 'timer', () => {
    throw new TypeError('no such thing');
  });

  const error = await t.throwsAsync<GodwitError>(simulation.run(5000, () => false));

  t.is(error?.code, 'INTERNAL');
  t.true(error?.cause instanceof TypeError);
  t.deepEqual(error?.details, { seed: 4, atMs: 1 });
});

/** A disk that has written three entries, the first of them synced, and then lost its power. */
async function crashedDisk(seed: number, unsynced: 'lost' | 'some'): Promise<string[]> {
  const simulation = new Simulation(seed, false);
  const disk = new SimulatedDisk(simulation, 'robot', { fsyncMs: 2, unsynced });
  const life = new Life('robot', 1);
  const store = disk.open(life);
  let synced = 0;
  const write = (key: string) => void store.write(new Map([[key, bytes(key)]])).then(() => (synced += 1));
  write('a');
  await simulation.run(2000, () => false);
  write('b');
  write('c');
  await simulation.run(3000, () => synced === 3);
  life.status = 'dead';
  disk.crash();
  return [...disk.open(new Life('robot', 2)).found.keys()];
}

test('disk: a crash leaves what was synced, and of the rest nothing, or the first few', async (t) => {
  t.deepEqual(await crashedDisk(1, 'lost'), ['a']);
  const seen = new Set<string>();
  for (let seed = 0; seed < 40; seed++) seen.add((await crashedDisk(seed, 'some')).join());

  t.deepEqual([...seen].sort(), ['a', 'a,b', 'a,b,c']);
});

test('disk: a write is whole, deletes too, takes its time, and keeps its own copy', async (t) => {
  const simulation = new Simulation(1, false);
  const disk = new SimulatedDisk(simulation, 'robot', { fsyncMs: 5 });
  const store = disk.open(new Life('robot', 1));
  const written = bytes('x');
  const first = store.write(
    new Map([
      ['a', written],
      ['b', bytes('y')],
    ]),
  );
  written.fill(0);
  const second = store.write(new Map([['b', undefined]]));
  let done = false;
  const both = Promise.all([first, second]).then(() => {
    done = true;
  });

  await simulation.run(4999, () => done);
  t.false(done);
  await simulation.run(5000, () => done);

  t.true(done);
  await both;
  t.deepEqual([...disk.content], [['a', bytes('x')]]);
});

test('disk: a broken one refuses and keeps nothing of the call', async (t) => {
  const simulation = new Simulation(1, false);
  const disk = new SimulatedDisk(simulation, 'robot', {});
  disk.failure = new GodwitError('RESOURCE_EXHAUSTED', 'the disk is full');

  const error = await t.throwsAsync<GodwitError>(disk.open(new Life('robot', 1)).write(new Map([['a', bytes('x')]])));

  t.is(error?.code, 'RESOURCE_EXHAUSTED');
  t.is(disk.content.size, 0);
});
