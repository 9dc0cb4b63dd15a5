// Who receives from a channel, comes and goes: each value reaches one of them (one-to-one), or each of them (one-to-many), and nobody is left waiting.
import test from 'ava';
import { actor } from '../actors/definition.js';
import { stop } from '../actors/ref.js';
import { spawn } from '../actors/spawn.js';
import { channel } from './channel.js';
import { collect, numbers, threeNodes, Viewer } from './channel.test-support.js';
import type { Endpoint } from './endpoint.js';

/** A viewer whose first value keeps it until the gate is opened. */
function slowViewer() {
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const Slow = actor('slow', {
    state: () => ({ seen: [] as number[], ended: undefined as string | undefined }),
    on: {
      watch: (_state, frames: Endpoint<never, number>) => frames.subscribe('frame', { ended: 'over' }),
      async frame(state, value: number) {
        state.seen.push(value);
        if (state.seen.length === 1) await gate;
      },
      over(state, error: Error | undefined) {
        state.ended = error?.message ?? 'orderly';
      },
      summary: (state) => ({ seen: [...state.seen], ended: state.ended }),
    },
  });
  return { Slow, open: () => open() };
}

test('channel: closed, it stays until its slow receivers have handled what was sent', async (t) => {
  const { Slow, open } = slowViewer();
  const { w, robot } = await threeNodes(1, false, [Slow]);
  const { near, far } = channel<number>(robot.node, 'frames');
  const viewer = spawn(robot.node, Slow, 'viewer');
  await w.settle(viewer.watch(far));
  for (const value of numbers(1, 32)) await w.settle(near.send(value));
  await w.settle(near.close());

  await w.advance(200_000);
  open();
  await w.advance(1000);
  t.deepEqual(await w.settle(viewer.summary()), { seen: numbers(1, 32), ended: 'orderly' });
  await w.advance(61_000);
  t.deepEqual(
    robot.actors().map(({ address }) => address),
    ['robot/viewer'],
  );
});

test('channel: closed, its reader takes its time; what it has handled nobody gets again', async (t) => {
  const { w, robot } = await threeNodes();
  const { near, far } = channel<number>(robot.node, 'frames', { capacity: 256 });
  for (const value of numbers(1, 100)) await w.settle(near.send(value));
  await w.settle(near.close());
  const reader = far.values();
  const got: number[] = [];

  for (;;) {
    const next = await w.settle(reader.next());
    if (next.done === true) break;
    got.push(next.value);
    await w.advance(1000);
  }
  t.deepEqual(got, numbers(1, 100));
  t.deepEqual(await w.settle(collect(far)), []);
});

test('channel: closed, it keeps what nobody received for an hour', async (t) => {
  const { w, robot } = await threeNodes();
  const kept = channel<number>(robot.node, 'kept');
  const left = channel<number>(robot.node, 'left');
  for (const { near } of [kept, left]) {
    for (const value of numbers(1, 5)) await w.settle(near.send(value));
    await w.settle(near.close());
  }

  await w.advance(50 * 60_000);
  t.deepEqual(await w.settle(collect(kept.far)), numbers(1, 5));
  await w.advance(11 * 60_000);
  t.deepEqual(robot.actors(), []);
});

test('channel: after it unsubscribed an actor gets what was on its way, and the next receiver the rest', async (t) => {
  for (const at of [5, 9, 12]) {
    const { w, robot } = await threeNodes();
    const { near, far } = channel<number>(robot.node, 'frames', { capacity: 8 });
    const viewer = spawn(robot.node, Viewer, 'viewer');
    await w.settle(viewer.watch(far));
    await w.settle(robot.move('robot/viewer', { to: 'east' }));
    const sent = (async () => {
      for (const value of numbers(1, 60)) await near.send(value);
      await near.close();
    })();

    await w.advance(at);
    await w.settle(viewer.leave(far));
    const rest = await w.settle(collect(far));
    await w.settle(sent);
    const seen = await w.settle(viewer.seen());
    t.deepEqual([...seen, ...rest], numbers(1, 60), `after ${at} ms`);
    t.true(seen.length > 0 && rest.length > 0);
  }
});

test('channel: an iteration that its signal ends has had the latest value, and the next receiver gets those after it', async (t) => {
  const { w, robot } = await threeNodes();
  const { near, far } = channel<number>(robot.node, 'frames');
  for (const value of numbers(1, 10)) await w.settle(near.send(value));
  const enough = new AbortController();
  const first = (async () => {
    const got: number[] = [];
    for await (const value of far.values({ signal: enough.signal })) if (got.push(value) === 3) enough.abort();
    return got;
  })();

  t.deepEqual(await w.settle(first), [1, 2, 3]);
  t.deepEqual(await w.settle(collect(far, 7)), numbers(4, 10));
});

test('channel: a subscriber that was stopped makes way, and what it did not handle the next one gets', async (t) => {
  const { w, robot } = await threeNodes();
  for (const name of ['viewer', 'another']) {
    const { near, far } = channel<number>(robot.node, `for-${name}`, { capacity: 4 });
    const viewer = spawn(robot.node, Viewer, 'viewer');
    await w.settle(viewer.watch(far));
    await w.settle(near.send(1));
    stop(viewer);
    await w.advance(100);

    // The first has nobody to send to when the next one comes, the second has found out before.
    if (name === 'another') for (const value of [2, 3]) await w.settle(near.send(value));
    const next = spawn(robot.node, Viewer, name);
    await w.settle(next.watch(far));
    for (const value of numbers(4, 10)) await w.settle(near.send(value));
    await w.advance(100);
    t.deepEqual(await w.settle(next.seen()), [...(name === 'another' ? [2, 3] : []), ...numbers(4, 10)]);
    stop(next);
    await w.advance(100);
  }
});

test('channel: another may receive as soon as an idle subscriber was stopped; a living one is not displaced', async (t) => {
  const { w, robot, east } = await threeNodes();
  const { near, far } = channel<number>(robot.node, 'frames');
  const viewer = spawn(robot.node, Viewer, 'viewer');
  await w.settle(viewer.watch(far));
  await w.settle(robot.move('robot/viewer', { to: 'east' }));

  await t.throwsAsync(w.settle(collect(far, 1)), { code: 'FAILED_PRECONDITION', message: /robot\/viewer receives from it already/ } as never);
  stop(viewer);
  await w.advance(100);
  t.deepEqual(east.actors(), []);
  const got = collect(far, 1);
  await w.settle(near.send(1));
  t.deepEqual(await w.settle(got), [1]);
});

for (const overflow of ['wait', 'drop-oldest'] as const) {
  test(`channel: one-to-many forgets subscribers that were stopped (${overflow})`, async (t) => {
    const { w, robot } = await threeNodes();
    const { near, far } = channel<number>(robot.node, 'frames', { to: 'many', capacity: 4, overflow });
    for (const name of numbers(1, 20)) {
      const viewer = spawn(robot.node, Viewer, `viewer-${name}`);
      await w.settle(viewer.watch(far));
      stop(viewer);
    }
    await w.advance(100);
    for (const value of numbers(1, 50)) await w.settle(near.send(value));

    t.true(w.nowMs < 1000, 'nobody waited for them');
    const state = (await w.settle(robot.stateOf('robot/frames'))) as { readonly flows: { readonly near: { readonly queues: ReadonlyMap<number, unknown> } } };
    t.is(state.flows.near.queues.size, 0);
  });
}

test('channel: a subscriber that was dropped is told, after the last value it gets, and may subscribe again', async (t) => {
  const { Slow, open } = slowViewer();
  const { w, robot } = await threeNodes(1, false, [Slow]);
  const { near, far } = channel<number>(robot.node, 'frames', { to: 'many', capacity: 4 });
  const viewer = spawn(robot.node, Slow, 'viewer');
  await w.settle(viewer.watch(far));
  await w.settle(
    (async () => {
      for (const value of numbers(1, 20)) await near.send(value);
    })(),
  );

  open();
  await w.advance(100);
  const told = await w.settle(viewer.summary());
  t.deepEqual(told.seen, [1, 2]);
  t.regex(told.ended ?? '', /robot\/frames dropped this receiver: it handled nothing for 10000 ms/);
  await w.settle(viewer.watch(far));
  for (const value of [21, 22]) await w.settle(near.send(value));
  await w.settle(near.close());
  await w.advance(100);
  t.deepEqual(await w.settle(viewer.summary()), { seen: [1, 2, 21, 22], ended: 'orderly' });
});

test('channel: an actor that subscribes twice gets each value once, and in order', async (t) => {
  for (const to of ['one', 'many'] as const) {
    const { Slow, open } = slowViewer();
    const { w, robot } = await threeNodes(1, false, [Slow]);
    const { near, far } = channel<number>(robot.node, 'frames', { to, capacity: 8 });
    const viewer = spawn(robot.node, Slow, 'viewer');
    await w.settle(viewer.watch(far));
    await w.settle(near.send(1));
    const again = viewer.watch(far, { timeoutMs: 60_000 });
    const sent = (async () => {
      for (const value of numbers(2, 30)) await near.send(value);
    })();

    await w.advance(50);
    open();
    await w.settle(again);
    await w.settle(sent);
    await w.advance(100);
    t.deepEqual((await w.settle(viewer.summary())).seen, numbers(1, 30), to);
  }
});

test('channel: an actor spawned again under its name takes its subscription over', async (t) => {
  for (const to of ['one', 'many'] as const) {
    const { w, robot } = await threeNodes();
    const { near, far } = channel<number>(robot.node, 'frames', { to });
    for (const value of [1, 2]) {
      const viewer = spawn(robot.node, Viewer, 'viewer');
      await w.settle(viewer.watch(far));
      await w.settle(near.send(value));
      await w.advance(10);
      t.deepEqual(await w.settle(viewer.seen()), [value], to);
      stop(viewer);
      await w.advance(100);
    }
  }
});
