import test from 'ava';
import { actor } from '../actors/definition.js';
import { dispatch, type Ref } from '../actors/ref.js';
import { spawn } from '../actors/spawn.js';
import { GodwitError } from '../errors.js';
import { linkNodes, nextEvent, sharedBlobs, testNode } from './wiring.test-support.js';

const Counter = actor('counter', {
  state: () => ({ count: 0, seen: [] as number[] }),
  on: {
    add(state, amount: number) {
      state.count += amount;
      state.seen.push(amount);
      return state.count;
    },
    async slow(state, amount: number) {
      await Promise.resolve();
      state.count += amount;
      return state.count;
    },
    total: (state) => state.count,
    order: (state) => state.seen,
    fail(): never {
      throw new GodwitError('OUT_OF_RANGE', 'no such thing');
    },
    async *upTo(_state, limit: number) {
      for (let index = 1; index <= limit; index++) yield index;
    },
    async never() {
      await new Promise(() => {});
    },
    late(_state, _nothing: undefined, ctx) {
      ctx.after(1, 'add', 100);
    },
    forward(_state, to: { other: Ref<{ add(state: { count: number }, amount: number): number }>; amount: number }) {
      dispatch(to.other, 'add', to.amount);
    },
  },
});

// Local delivery must be what remote delivery is: everything here runs a second time with every payload encoded.
for (const [how, encodeAlways] of [
  ['', false],
  [', all payloads encoded', true],
] as const) {
  test(`node${how}: an actor answers asks and handles tells in order`, async (t) => {
    const node = testNode('alone', sharedBlobs(), { encodeAlways });
    const counter = spawn(node, Counter, 'c');
    dispatch(counter, 'add', 1);
    dispatch(counter, 'add', 2);

    t.is(await counter.add(3), 6);
    t.is(await counter.slow(4), 10);
    t.deepEqual(await counter.order(), [1, 2, 3]);
    await node.close();
  });

  test(`node${how}: a stream yields every item and ends, and leaving it early ends the far side`, async (t) => {
    const node = testNode('alone', sharedBlobs(), { encodeAlways });
    const counter = spawn(node, Counter, 'c');
    const items: number[] = [];
    for await (const item of counter.upTo(100)) items.push(item);
    t.deepEqual(
      items,
      Array.from({ length: 100 }, (_, index) => index + 1),
    );
    for await (const item of counter.upTo(1_000_000)) if (item === 40) break;
    t.is(await counter.total(), 0);
    await node.close();
  });

  test(`node${how}: an error in a handler reaches the asker with its code, and the actor goes on`, async (t) => {
    const node = testNode('alone', sharedBlobs(), { encodeAlways });
    const counter = spawn(node, Counter, 'c');
    const error = await t.throwsAsync(counter.fail());
    t.is(GodwitError.from(error).code, 'OUT_OF_RANGE');
    t.is(await counter.add(1), 1);
    await node.close();
  });

  test(`node${how}: an ask ends at its deadline, by its signal, and for an actor that does not exist`, async (t) => {
    const node = testNode('alone', sharedBlobs(), { encodeAlways });
    const counter = spawn(node, Counter, 'c');
    t.is(GodwitError.from(await t.throwsAsync(counter.never(undefined, { timeoutMs: 20 }))).code, 'DEADLINE_EXCEEDED');
    const controller = new AbortController();
    const given = t.throwsAsync(counter.never(undefined, { signal: controller.signal }));
    controller.abort();
    t.is(GodwitError.from(await given).code, 'CANCELLED');
    const nobody = node.refTo(Counter, 'alone/nobody');
    t.is(GodwitError.from(await t.throwsAsync(nobody.total())).code, 'NOT_FOUND');
    await node.close();
  });

  test(`node${how}: a timer comes back as a message, and a ref in a payload sends as its receiver`, async (t) => {
    const node = testNode('alone', sharedBlobs(), { encodeAlways });
    const one = spawn(node, Counter, 'one');
    const two = spawn(node, Counter, 'two');
    await one.late();
    dispatch(one, 'forward', { other: two, amount: 7 });
    await one.total();
    while ((await one.total()) === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    t.is(await one.total(), 100);
    t.is(await two.total(), 7);
    await node.close();
  });
}

test('node: asks, tells and streams cross a link', async (t) => {
  const shared = sharedBlobs();
  const device = testNode('device', shared);
  const edge = testNode('edge', shared);
  const up = nextEvent(device, 'link-up');
  linkNodes(device, edge);
  await up;
  spawn(edge, Counter, 'c');
  const counter = device.refTo(Counter, 'edge/c');
  for (let index = 0; index < 2000; index++) dispatch(counter, 'add', 1);
  t.is(await counter.total(), 2000);
  const items: number[] = [];
  for await (const item of counter.upTo(200)) items.push(item);
  t.is(items.length, 200);
  t.is(GodwitError.from(await t.throwsAsync(counter.fail())).node, 'edge');
  await device.close();
  await edge.close();
});

test('node: a link that drops and comes back loses and repeats nothing', async (t) => {
  const shared = sharedBlobs();
  const device = testNode('device', shared);
  const edge = testNode('edge', shared);
  const up = nextEvent(device, 'link-up');
  const link = linkNodes(device, edge);
  await up;
  spawn(edge, Counter, 'c');
  const counter = device.refTo(Counter, 'edge/c');
  const answers: Array<Promise<number>> = [];
  for (let round = 0; round < 10; round++) {
    for (let index = 0; index < 100; index++) answers.push(counter.add(1, { timeoutMs: 10_000 }));
    const down = nextEvent(device, 'link-down');
    link.cut();
    await down;
    const again = nextEvent(device, 'link-up');
    link.join();
    await again;
  }
  t.deepEqual(
    await Promise.all(answers),
    Array.from({ length: 1000 }, (_, index) => index + 1),
  );
  await device.close();
  await edge.close();
});

test('node: a peer that restarts empty is another node: its new streams are not taken for repetitions of the old', async (t) => {
  const shared = sharedBlobs();
  const edge = testNode('edge', shared);
  spawn(edge, Counter, 'c');
  for (const life of ['first', 'second']) {
    const device = testNode('device', shared, { boot: life });
    const up = nextEvent(device, 'link-up');
    const link = linkNodes(device, edge);
    await up;
    const counter = device.refTo(Counter, 'edge/c');
    for (let index = 0; index < 5; index++) await counter.add(1);
    t.is(await counter.total(), life === 'first' ? 5 : 10);
    const down = nextEvent(edge, 'link-down');
    link.cut();
    await down;
    await device.close();
  }
  await edge.close();
});
