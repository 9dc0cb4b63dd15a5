// Streams whose actors move, in virtual time.
import test from 'ava';
import { actor } from '../actors/definition.js';
import { spawn } from '../actors/spawn.js';
import { world } from '../testing/world.js';

const items = 300;

const Counter = actor('counter', {
  state: () => ({}),
  on: {
    async *count(_state: object, { from }: { readonly from: number }, ctx): AsyncGenerator<number> {
      ctx.resume({ from });
      for (let number = from; number < items; number++) {
        ctx.resume({ from: number + 1 });
        yield number;
      }
    },
  },
});

test('stream: one whose window is full goes on after two moves, though its handler has not run in between', async (t) => {
  const w = world({ seed: 1 });
  const robot = w.device('robot');
  const [first, second] = ['edge-1', 'edge-2'].map((name) => w.edge(name, { definitions: [Counter] }));
  w.link(robot, first, { rttMs: 10 });
  w.link(robot, second, { rttMs: 10 });
  w.link(first, second, { rttMs: 10 });
  await w.advance(100);
  const reader = spawn(robot, Counter, 'c').count({ from: 0 }, { timeoutMs: 60_000 });
  const read = [(await w.settle(reader.next())).value];
  // The window fills up, and nobody reads.
  await w.advance(100);
  await w.settle(robot.move('robot/c', { to: 'edge-1' }));
  await w.settle(first.move('robot/c', { to: 'edge-2' }));

  for (let next = await w.settle(reader.next()); next.done !== true; next = await w.settle(reader.next())) read.push(next.value);

  t.deepEqual(
    read,
    Array.from({ length: items }, (_, number) => number),
  );
});
