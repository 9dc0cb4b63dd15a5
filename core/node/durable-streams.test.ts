// Streams of durable actors: each item once and in order, whenever their host dies.
import test from 'ava';
import { actor } from '../actors/definition.js';
import type { Ref } from '../actors/ref.js';
import { spawn } from '../actors/spawn.js';
import { world } from '../testing/index.js';

/** Answers when the test says so. */
const Gate = actor('gate', {
  state: () => ({}),
  on: { pass: () => passage },
});
let passage: Promise<number> = Promise.resolve(0);

interface Feed {
  readonly from: number;
  readonly items: number;
}
const Source = actor('source', {
  durability: 'durable',
  state: () => ({ waited: 0 }),
  on: {
    async *count(_state, { from, items }: Feed, ctx) {
      for (let item = from; item < items; item++) {
        ctx.resume({ from: item + 1, items });
        yield item;
      }
    },
    async wait(state, gate: Ref<(typeof Gate)['on']>): Promise<number> {
      await gate.pass(undefined, { timeoutMs: 60_000 });
      state.waited += 1;
      return state.waited;
    },
  },
});

const items = 100;
const readerPaceMs = 5;

/** The robot reads a stream of an actor on the edge, which is killed after so many milliseconds; `waits`: while a turn of the actor waits for an answer. */
async function read(crashMs: number, waits: boolean): Promise<number[]> {
  const w = world({ seed: crashMs });
  const [robot, edge] = [w.device('robot', { definitions: [Source, Gate] }), w.edge('edge', { definitions: [Source, Gate] })];
  w.link(robot, edge, { rttMs: 4 });
  const [source, gate] = [spawn(robot, Source, 'source'), spawn(robot, Gate, 'gate')];
  await w.advance(100);
  await w.settle(robot.move('robot/source', { to: 'edge' }));
  const seen: number[] = [];
  let go = () => {};
  const reading = (async () => {
    for await (const item of source.count({ from: 0, items }, { timeoutMs: 60_000 })) {
      seen.push(item);
      await new Promise<void>((resolve) => {
        go = resolve;
      });
    }
  })();
  let open = (_answer: number) => {};
  passage = new Promise((resolve) => {
    open = resolve;
  });
  const waited = waits ? source.wait(gate, { timeoutMs: 60_000 }) : undefined;
  for (let ms = 0; ms < crashMs; ms += readerPaceMs) {
    await w.advance(readerPaceMs);
    go();
  }
  w.crash(edge);
  open(1);
  let done = false;
  const finished = reading.finally(() => {
    done = true;
  });
  for (let step = 0; !done && step < 2000; step++) {
    await w.advance(readerPaceMs);
    go();
  }
  await w.settle(finished);
  if (waited !== undefined) await w.settle(waited);
  return seen;
}

const expected = Array.from({ length: items }, (_, index) => index);

for (const waits of [false, true]) {
  test.serial(`durable stream: each item comes once, whenever the host dies${waits ? ', also beside a turn that waits' : ''}`, async (t) => {
    for (let crashMs = 0; crashMs < items * readerPaceMs; crashMs += readerPaceMs)
      t.deepEqual(await read(crashMs, waits), expected, `killed after ${crashMs} ms`);
  });
}
