// Asks, streams and failures inside a node that once crossed, hung or took a node down.
import test, { type ExecutionContext } from 'ava';
import { actor } from '../actors/definition.js';
import { NativeInstance } from '../actors/native-instance.js';
import type { Ref } from '../actors/ref.js';
import { spawn } from '../actors/spawn.js';
import { GodwitError, valueFromError } from '../errors.js';
import type { Clock } from '../ports/clock.js';
import type { InstanceHost, Runtime } from '../ports/runtime.js';
import { world } from '../testing/world.js';
import type { Node } from './node.js';
import { createGate, outcome } from './regressions.test-support.js';
import type { NodeOptions } from './types.js';
import { linkNodes, nextEvent, sharedBlobs, testNode } from './wiring.test-support.js';

/** Gates that open one after the other: `next` resolves when `ring` is called again. */
function createBell() {
  let gate = createGate();
  return {
    next: () => gate.opened,
    ring() {
      gate.open();
      gate = createGate();
    },
  };
}

function makeNode(t: ExecutionContext, name: string, more: Partial<NodeOptions> = {}): Node {
  const node = testNode(name, sharedBlobs(), more);
  t.teardown(() => node.close());
  return node;
}

/** A node whose actor `name` dies when told to; `die` resolves when it has a new instance. */
function mortal(t: ExecutionContext, address: string) {
  let host: InstanceHost;
  const made = createBell();
  const runtime: Runtime = {
    tier: 'native',
    description: 'native, of mortal instances',
    async warm() {},
    async create(spec, itsHost) {
      const instance = new NativeInstance(spec.address, spec.definition, itsHost, 'here');
      instance.begin(spec.capture);
      if (spec.address === address) {
        host = itsHost;
        made.ring();
      }
      return instance;
    },
    async close() {},
  };
  const die = () => {
    const again = made.next();
    host.failed(valueFromError(new GodwitError('INTERNAL', 'died')));
    return again;
  };
  return { node: makeNode(t, 'n', { runtimes: [runtime] }), die };
}

test('restart: streams of an instance that died fail, and nobody who waits for the actor wedges it', async (t) => {
  const held = createBell();
  const gate = createGate();
  const Counting = actor('counting', {
    state: () => ({}),
    on: {
      async *count() {
        for (let count = 0; ; count++) {
          yield count;
          await gate.opened;
        }
      },
      async hold() {
        held.ring();
        await gate.opened;
      },
      ok: () => 1,
    },
  });
  const { node, die } = mortal(t, 'n/c');
  const ref = spawn(node, Counting, 'c');
  const items = ref.count();
  t.is((await items.next()).value, 0);
  const next = outcome(items.next(), 2000);
  const holding = held.next();
  const hold = outcome(ref.hold());
  await holding;
  const state = outcome(node.stateOf('n/c'), 2000);
  await die();

  t.true(['ABORTED', 'INTERNAL', 'UNAVAILABLE'].includes(await next), await next);
  gate.open();
  t.not(await state, 'PENDING');
  t.not(await hold, 'PENDING');
  t.is(await outcome(ref.ok(undefined, { timeoutMs: 1500 })), 'OK');
});

test('restart: an ask of a restarted instance is never settled by the answer to another', async (t) => {
  const asked = createBell();
  const gate = createGate();
  const Server = actor('server', {
    state: () => ({}),
    on: {
      async first() {
        await gate.opened;
        return 'first';
      },
      async second() {
        await gate.opened;
        return 'second';
      },
    },
  });
  type ServerRef = Ref<typeof Server.on>;
  const Client = actor('client', {
    state: () => ({}),
    on: {
      first(_state, server: unknown) {
        const answer = (server as ServerRef).first();
        asked.ring();
        return answer;
      },
      second: (_state, server: unknown) => (server as ServerRef).second(),
    },
  });
  const { node, die } = mortal(t, 'n/client');
  const server = spawn(node, Server, 'server');
  const client = spawn(node, Client, 'client');
  let asking = asked.next();
  const first = outcome(client.first(server));
  await asking;
  for (let death = 0; death < 2; death++) {
    asking = asked.next();
    await die();
    await asking;
  }
  // The third time its turn is given up.
  await die();
  t.is(await first, 'INTERNAL');
  const second = client.second(server, { timeoutMs: 2000 });
  gate.open();

  t.is(await second, 'second');
});

test('close: asks that wait for their answers are told', async (t) => {
  const entered = createGate();
  const Holding = actor('holding', {
    state: () => ({}),
    on: {
      hold() {
        entered.open();
        return new Promise<never>(() => {});
      },
    },
  });
  const node = makeNode(t, 'n');
  const hold = outcome(spawn(node, Holding, 'h').hold(), 2000);
  await entered.opened;
  await node.close();

  t.is(await hold, 'CANCELLED');
});

for (const how of ['synchronous', 'asynchronous'] as const) {
  test(`supervision: a decide that throws, after ${how} turn, stops its actor and wedges nothing`, async (t) => {
    const Fragile = actor('fragile', {
      state: () => ({}),
      supervise: {
        decide() {
          throw new Error('decide broke');
        },
      },
      on: {
        fail(): number {
          throw new Error('turn broke');
        },
        async failLater(): Promise<number> {
          await Promise.resolve();
          throw new Error('turn broke');
        },
        ok: () => 1,
      },
    });
    const node = makeNode(t, 'n');
    const [one, other] = [spawn(node, Fragile, 'one'), spawn(node, Fragile, 'other')];
    const stopped = nextEvent(node, 'stopped');
    const failing = outcome(how === 'synchronous' ? one.fail(undefined, { timeoutMs: 2000 }) : one.failLater(undefined, { timeoutMs: 2000 }), 3000);

    t.false(['OK', 'PENDING', 'DEADLINE_EXCEEDED'].includes(await failing), await failing);
    t.is(await outcome(stopped, 1000), 'OK');
    t.is((await stopped).actor, 'n/one');
    t.is(await outcome(one.ok()), 'NOT_FOUND');
    t.is(await outcome(other.ok(undefined, { timeoutMs: 1500 })), 'OK');
  });
}

test('turns: what a turn sends after leaving a stream of its own actor arrives, in order', async (t) => {
  const Sink = actor('sink', {
    state: () => [] as string[],
    on: { note: (state, word: string) => void state.push(word), all: (state) => state },
  });
  type Inner = { inner(): AsyncIterableIterator<number> };
  const Nested = actor('nested', {
    state: () => ({}),
    on: {
      async *inner() {
        for (let count = 0; ; count++) {
          yield count;
          await new Promise((resolve) => setTimeout(resolve, 0));
        }
      },
      async *outer(_state, sink: unknown, ctx) {
        for await (const count of (ctx.self as unknown as Inner).inner()) if (count > 1) break;
        ctx.send(sink as Ref<typeof Sink.on>, 'note', 'one');
        ctx.send(sink as Ref<typeof Sink.on>, 'note', 'two');
        yield 'done';
      },
    },
  });
  const node = makeNode(t, 'n');
  const sink = spawn(node, Sink, 'sink');
  const items: string[] = [];
  for await (const item of spawn(node, Nested, 'nested').outer(sink)) items.push(item);

  t.deepEqual(items, ['done']);
  t.deepEqual(await sink.all(), ['one', 'two']);
});

test('deadline: one beyond what a platform timer counts neither passes early nor spins', async (t) => {
  const delaysMs: number[] = [];
  const clock: Clock = {
    now: () => performance.now(),
    after(delayMs, task) {
      delaysMs.push(delayMs);
      const timer = setTimeout(task, delayMs);
      return () => clearTimeout(timer);
    },
    soon: (task) => void setTimeout(task, 0),
  };
  const gate = createGate();
  const Holding = actor('holding', { state: () => ({}), on: { hold: () => gate.opened } });
  const hold = outcome(spawn(makeNode(t, 'n', { clock }), Holding, 'h').hold(undefined, { timeoutMs: 40 * 24 * 3600 * 1000 }));
  // A platform timer of more than 2^31 - 1 ms fires at once: a few tasks later it would have been set again.
  for (let task = 0; task < 20; task++) await new Promise((resolve) => setTimeout(resolve, 2));

  t.true(delaysMs.length > 0);
  t.true(delaysMs.length < 5, `${delaysMs.length} platform timers`);
  t.true(
    delaysMs.every((delayMs) => delayMs < 2 ** 31),
    `delays of ${delaysMs} ms`,
  );
  gate.open();
  t.is(await hold, 'OK');
});

test('stream: a finally block that throws when its reader leaves costs no link', async (t) => {
  const Counting = actor('counting', {
    state: () => ({}),
    on: {
      *count() {
        try {
          for (let count = 0; ; count++) yield count;
        } finally {
          // biome-ignore lint/correctness/noUnsafeFinally: what this test is about
          throw new Error('from finally');
        }
      },
      ok: () => 1,
    },
  });
  const [device, edge] = [makeNode(t, 'device'), makeNode(t, 'edge')];
  const up = Promise.all([nextEvent(device, 'link-up'), nextEvent(edge, 'link-up')]);
  linkNodes(device, edge);
  await up;
  spawn(edge, Counting, 'c');
  const ref = device.refTo(Counting, 'edge/c');
  const downs: string[] = [];
  for (const node of [device, edge]) node.observe((event) => void (event.type === 'link-down' && downs.push(event.reason)));
  for await (const count of ref.count()) if (count > 2) break;

  t.is(await outcome(ref.ok(undefined, { timeoutMs: 1000 })), 'OK');
  t.deepEqual(downs, []);
});

test('ask: one that failed elsewhere ends even if its stack cannot be mapped', async (t) => {
  const Breaking = actor('breaking', {
    state: () => ({}),
    on: {
      breakDown(): void {
        throw new Error('as told');
      },
    },
  });
  const mapStack = () => {
    throw new SyntaxError('no source map');
  };
  const w = world();
  const robot = w.device('robot', { definitions: [Breaking], nodeOptions: { mapStack } });
  const edge = w.edge('edge', { definitions: [Breaking] });
  w.link(robot, edge);
  await w.advance(50);
  const breaking = spawn(robot.node, Breaking, 'breaking');
  await w.settle(robot.move('robot/breaking', { to: 'edge' }));

  await t.throwsAsync(w.settle(breaking.breakDown()), { message: 'as told' });
});
