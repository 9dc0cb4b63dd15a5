// What a sender is told of its values: `send` resolves for what the channel has taken, and for nothing else.
import test from 'ava';
import { actor } from '../actors/definition.js';
import { stop } from '../actors/ref.js';
import { spawn } from '../actors/spawn.js';
import { GodwitError } from '../errors.js';
import { channel } from './channel.js';
import { collect, numbers, threeNodes, Viewer } from './channel.test-support.js';
import type { Endpoint } from './endpoint.js';

/** Sends what it is told to. */
const Source = actor('source', {
  state: () => ({ to: undefined as Endpoint<number, unknown> | undefined }),
  on: {
    have(state, to: Endpoint<number, unknown>) {
      state.to = to;
    },
    // Awaited by nobody: a move ends the promise, not the value.
    emit(state, value: number) {
      state.to?.send(value).catch(() => undefined);
    },
    send: (state, value: number) => state.to?.send(value),
    async burst(state, { from, to }: { readonly from: number; readonly to: number }) {
      for (const value of numbers(from, to)) await state.to?.send(value);
    },
  },
});

/** How sending ended: OK, or the code of the error. */
const outcomeOf = (sending: Promise<void>) =>
  sending.then(
    () => 'OK',
    (thrown: unknown) => GodwitError.from(thrown).code as string,
  );

test('channel: no value is lost whose send resolved, however many waits for room were in vain before', async (t) => {
  const { w, robot } = await threeNodes();
  const { near, far } = channel<number>(robot.node, 'frames', { capacity: 1 });
  const refused = async (value: number) => GodwitError.from(await w.settle(t.throwsAsync(near.send(value))));
  await w.settle(near.send(1));

  const left = await refused(2);
  const stayed = await refused(3);
  const sent = near.send(4);
  const got = collect(far, 3);
  await w.settle(sent);

  t.deepEqual(await w.settle(got), [1, 2, 4]);
  t.deepEqual([left.code, left.retryable, left.message], ['DEADLINE_EXCEEDED', false, 'no room in channel robot/frames for 30 s: the value may still arrive']);
  t.deepEqual([stayed.code, stayed.retryable, stayed.message], ['DEADLINE_EXCEEDED', true, 'no room in channel robot/frames for 30 s: the value was not sent']);
});

test('channel: a send that its signal gives up takes its value back, unless it has left', async (t) => {
  const { w, robot } = await threeNodes();
  const { near, far } = channel<number>(robot.node, 'frames', { capacity: 1 });
  await w.settle(near.send(1));
  const gaveUp = new AbortController();
  const { signal } = gaveUp;
  const sending = [near.send(2, { signal }), near.send(3, { signal })].map(outcomeOf);

  await w.advance(10);
  gaveUp.abort();
  const next = near.send(4);
  const got = collect(far, 3);

  await w.settle(next);
  t.deepEqual(await w.settle(Promise.all(sending)), ['CANCELLED', 'CANCELLED']);
  t.deepEqual(await w.settle(got), [1, 2, 4]);
});

test('channel: a signal that is aborted already ends sending and receiving CANCELLED', async (t) => {
  const { w, robot } = await threeNodes();
  const { near, far } = channel<number>(robot.node, 'frames');
  const gaveUp = new AbortController();
  gaveUp.abort();
  const { signal } = gaveUp;

  await t.throwsAsync(w.settle(near.send(1, { signal })), { name: 'GodwitError', code: 'CANCELLED' } as never);
  await t.throwsAsync(w.settle(collect(far.values({ signal }))), { name: 'GodwitError', code: 'CANCELLED' } as never);
});

test('channel: a sender that moves while its sends are under way loses none of them', async (t) => {
  const { w, robot, east, west } = await threeNodes(1, false, [Source]);
  const { near, far } = channel<number, number>(robot.node, 'frames', { capacity: 1 });
  const source = spawn(robot.node, Source, 'source');
  await w.settle(source.have(far));
  await w.settle(source.send(1));
  const nodes = { robot, east, west };

  let value = 2;
  for (const [from, to] of [
    ['robot', 'east'],
    ['east', 'west'],
    ['west', 'east'],
  ] as const) {
    await w.settle(source.emit(value++));
    await w.settle(nodes[from].move('robot/source', { to }));
  }
  const sent = source.send(value);
  await w.advance(100);
  const got = collect(near, 5);

  await w.settle(sent);
  t.deepEqual(await w.settle(got), numbers(1, 5));
});

test('channel: made again under its name after it ended, it takes what is sent', async (t) => {
  const { w, robot } = await threeNodes();
  const first = channel<number>(robot.node, 'frames');
  await w.settle(first.near.send(1));
  t.deepEqual(await w.settle(collect(first.far, 1)), [1]);
  await w.settle(first.near.close());
  await w.advance(61_000);

  const second = channel<number>(robot.node, 'frames');
  for (const value of numbers(2, 5)) await w.settle(second.near.send(value));
  stop(second.near);
  await w.advance(100);
  const third = channel<number>(robot.node, 'frames');
  for (const value of numbers(6, 15)) await w.settle(third.near.send(value));
  t.deepEqual(await w.settle(collect(third.far, 10)), numbers(6, 15));
});

test('channel: a sender whose values are refused is told', async (t) => {
  const { w, robot } = await threeNodes();
  const { far, near } = channel<number, number>(robot.node, 'frames', { capacity: 64 });
  const source = spawn(robot.node, Source, 'source');
  await w.settle(source.have(far));
  await w.settle(source.send(1));
  stop(near);
  await w.advance(100);

  // What it was granted by the former channel is more than this one takes.
  channel<number, number>(robot.node, 'frames', { capacity: 1 });
  await t.throwsAsync(w.settle(source.burst({ from: 2, to: 100 }, { timeoutMs: 20_000 })), {
    code: 'DATA_LOSS',
    message: /robot\/frames refused the latest \d+ values/,
  } as never);
});

test('channel: a value that cannot travel is refused where it is sent, and others are not harmed', async (t) => {
  for (const to of ['one', 'many'] as const) {
    const { w, robot } = await threeNodes();
    const { near, far } = channel<unknown>(robot.node, 'frames', { to });
    const viewer = spawn(robot.node, Viewer, 'viewer');
    await w.settle(viewer.watch(far as never));
    await w.settle(robot.move('robot/viewer', { to: 'east' }));

    await w.settle(near.send(1));
    await t.throwsAsync(w.settle(near.send({ draw() {} })), { code: 'INVALID_ARGUMENT', message: /function at \$\.draw/ } as never);
    for (const value of [2, 3]) await w.settle(near.send(value));
    await w.advance(100);
    t.deepEqual(await w.settle(viewer.seen()), [1, 2, 3]);
    await t.throwsAsync(w.settle(near.close(new GodwitError('ABORTED', 'over', { details: { why() {} } }))), { code: 'INVALID_ARGUMENT' } as never);
    await w.settle(near.send(4));
  }
});

test('channel: closing it waits for what was sent before, awaited or not', async (t) => {
  const { w, robot } = await threeNodes();
  const { near, far } = channel<number>(robot.node, 'frames', { capacity: 3 });
  const sending = numbers(1, 10).map((value) => outcomeOf(near.send(value)));
  const closed = near.close();
  const late = outcomeOf(near.send(11));
  const got = collect(far);

  await w.settle(closed);
  t.deepEqual(await w.settle(got), numbers(1, 10));
  t.deepEqual(
    await w.settle(Promise.all(sending)),
    numbers(1, 10).map(() => 'OK'),
  );
  t.is(await w.settle(late), 'FAILED_PRECONDITION');
});
