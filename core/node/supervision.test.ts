import test from 'ava';
import { actor, type Decision } from '../actors/definition.js';
import { dispatch, stop } from '../actors/ref.js';
import { spawn } from '../actors/spawn.js';
import { GodwitError } from '../errors.js';
import type { NodeEvent } from './types.js';
import { assertHandedOver, linkNodes, nextEvent, sharedBlobs, testNode } from './wiring.test-support.js';

const fragile = (decision: Decision, more: { maxResets?: number; scope?: 'one' | 'all' } = {}) =>
  actor('fragile', {
    state: () => ({ value: 0 }),
    supervise: { decide: () => decision, ...more },
    on: {
      set(state, value: number) {
        state.value = value;
        return state.value;
      },
      setAndThrow(state, value: number): never {
        state.value = value;
        throw new GodwitError('OUT_OF_RANGE', 'too far');
      },
      get: (state) => state.value,
    },
  });

const codeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return 'OK';
  } catch (thrown) {
    return GodwitError.from(thrown).code;
  }
};

test('supervision: resume keeps the state as the failed turn left it', async (t) => {
  const node = testNode('n', sharedBlobs());
  const ref = spawn(node, fragile('resume'), 'f');
  t.is(await codeOf(ref.setAndThrow(7)), 'OUT_OF_RANGE');
  t.is(await ref.get(), 7);
  await node.close();
});

test('supervision: reset goes on with a first state, until its intensity is used up', async (t) => {
  const node = testNode('n', sharedBlobs());
  const ref = spawn(node, fragile('reset', { maxResets: 2 }), 'f');
  await ref.set(5);
  for (let reset = 0; reset < 2; reset++) {
    t.is(await codeOf(ref.setAndThrow(7)), 'OUT_OF_RANGE');
    t.is(await ref.get(), 0);
  }
  const stopped = nextEvent(node, 'stopped');
  t.is(await codeOf(ref.setAndThrow(7)), 'OUT_OF_RANGE');
  t.is((await stopped).actor, 'n/f');
  t.is(await codeOf(ref.get()), 'NOT_FOUND');
  await node.close();
});

test('supervision: stop ends the actor; what waits is refused or becomes an observable dead letter', async (t) => {
  const node = testNode('n', sharedBlobs());
  const events: NodeEvent[] = [];
  node.observe((event) => events.push(event));
  const ref = spawn(node, fragile('stop'), 'f');
  const failing = codeOf(ref.setAndThrow(1));
  const waiting = codeOf(ref.get());
  dispatch(ref, 'set', 3);
  t.is(await failing, 'OUT_OF_RANGE');
  t.is(await waiting, 'NOT_FOUND');
  t.is(await codeOf(ref.get()), 'NOT_FOUND');
  t.true(events.some((event) => event.type === 'dead-letter' && event.message === 'set'));
  await node.close();
});

test('supervision: a throw discards what its segment sent, and what earlier segments sent has left', async (t) => {
  const node = testNode('n', sharedBlobs());
  const Sink = actor('sink', {
    state: () => [] as string[],
    on: {
      note(state, word: string) {
        state.push(word);
      },
      all: (state) => state,
    },
  });
  const Source = actor('source', {
    state: () => ({}),
    on: {
      async run(_state, sink: unknown, ctx) {
        const to = sink as ReturnType<typeof spawn<string[], typeof Sink.on>>;
        ctx.send(to, 'note', 'first segment');
        await Promise.resolve();
        ctx.send(to, 'note', 'second segment');
        throw new Error('in the second segment');
      },
    },
  });
  const sink = spawn(node, Sink, 'sink');
  const source = spawn(node, Source, 'source');
  t.is(await codeOf(source.run(sink)), 'UNKNOWN');
  t.deepEqual(await sink.all(), ['first segment']);
  await node.close();
});

test('supervision: children stop with their parent, and an escalated failure is decided there', async (t) => {
  const node = testNode('n', sharedBlobs());
  const Child = fragile('escalate');
  const Parent = actor('parent', {
    state: () => ({}),
    supervise: { decide: () => 'stop' },
    on: {
      raise(_state, _nothing: undefined, ctx) {
        ctx.child(Child, 'one');
        ctx.child(Child, 'two');
      },
    },
  });
  const parent = spawn(node, Parent, 'p');
  await parent.raise();
  const one = node.refTo(Child, 'n/p/one');
  t.is(await one.set(1), 1);
  t.is(await codeOf(one.setAndThrow(2)), 'OUT_OF_RANGE');
  t.is(await codeOf(node.refTo(Child, 'n/p/two').get()), 'NOT_FOUND');
  t.is(await codeOf(parent.raise()), 'NOT_FOUND');
  t.deepEqual(node.actors(), []);
  await node.close();
});

test('protocol, stop: comes after what was sent before it, wherever the actor is, and its home forgets it', async (t) => {
  const shared = sharedBlobs();
  const Counter = fragile('resume');
  const device = testNode('device', shared, { definitions: [Counter] });
  const edge = testNode('edge', shared, { definitions: [Counter] });
  const up = nextEvent(device, 'link-up');
  linkNodes(device, edge);
  await up;
  const ref = spawn(device, Counter, 'c');
  assertHandedOver(t, await device.move('device/c', { to: 'edge' }), 'device', 'edge');
  const before = ref.set(9);
  stop(ref);
  const after = codeOf(ref.get());
  t.is(await before, 9);
  t.is(await after, 'NOT_FOUND');
  t.deepEqual(edge.actors(), []);
  t.is(await spawn(device, Counter, 'c').get(), 0);
  await Promise.all([device.close(), edge.close()]);
});

test('flow: a sender to an actor out of reach is told when its outbox is full, and nothing it was told about is lost', async (t) => {
  const shared = sharedBlobs();
  const Counter = actor('counter', {
    state: () => ({ count: 0 }),
    on: {
      add(state, amount: number) {
        state.count += amount;
        return state.count;
      },
      total: (state) => state.count,
    },
  });
  const device = testNode('device', shared);
  const edge = testNode('edge', shared);
  spawn(edge, Counter, 'c');
  const ref = device.refTo(Counter, 'edge/c');
  let accepted = 0;
  const full = GodwitError.from(
    t.throws(() => {
      for (;;) {
        dispatch(ref, 'add', 1);
        accepted += 1;
      }
    }),
  );
  t.is(full.code, 'RESOURCE_EXHAUSTED');
  t.regex(full.message, /outbox of device to edge\/c is full/);
  const up = nextEvent(device, 'link-up');
  linkNodes(device, edge);
  await up;
  const deadline = Date.now() + 10_000;
  let total = 0;
  while (total < accepted && Date.now() < deadline) {
    try {
      total = await ref.total(undefined, { timeoutMs: 10_000 });
    } catch (thrown) {
      if (GodwitError.from(thrown).code !== 'RESOURCE_EXHAUSTED') throw thrown;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  t.is(total, accepted);
  await Promise.all([device.close(), edge.close()]);
});
