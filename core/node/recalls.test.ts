// Getting actors back and sending them on, between nodes of this process. Across processes: cli/migration-edges.test.ts.
import test, { type ExecutionContext } from 'ava';
import { actor } from '../actors/definition.js';
import type { Ref } from '../actors/ref.js';
import { spawn } from '../actors/spawn.js';
import { GodwitError } from '../errors.js';
import type { Node } from './node.js';
import type { NodeOptions } from './types.js';
import { assertHandedOver, assertKept, createPipes, linkNodes, nextEvent, sharedBlobs, testNode } from './wiring.test-support.js';

const Ledger = actor('ledger', {
  state: () => ({ entries: [] as number[] }),
  on: {
    put: (state, entry: number) => state.entries.push(entry),
    all: (state) => state.entries,
  },
});

const Reporter = actor('reporter', {
  state: () => ({}),
  on: {
    report: async (_state, { ledger, entry }: { readonly ledger: Ref<typeof Ledger.on>; readonly entry: number }) => ledger.put(entry, { timeoutMs: 10_000 }),
  },
});

const address = 'home/l';

/** A home, linked to two owners that are not linked to each other; `two` may be dialled at 'two.example' by whoever is told so. */
async function trio(t: ExecutionContext) {
  const shared = sharedBlobs();
  const definitions = [Ledger, Reporter];
  const dialled: string[] = [];
  const reaching = (self: () => Node): Pick<NodeOptions, 'reach'> => ({
    reach: {
      addressOf: (node) => (node === 'two' ? 'two.example' : undefined),
      async to(node, at) {
        dialled.push(`${self().name} dials ${node} at ${at}`);
        if (at !== 'two.example') throw new GodwitError('UNAVAILABLE', `nobody is at ${at}`);
        if (
          self()
            .peers()
            .some(({ name }) => name === node)
        )
          return;
        const up = nextEvent(self(), 'link-up');
        linkNodes(self(), two);
        await up;
      },
    },
  });
  const home: Node = testNode('home', shared, { definitions, reach: { addressOf: (node) => (node === 'two' ? 'two.example' : undefined), async to() {} } });
  const one: Node = testNode('one', shared, { definitions, ...reaching(() => one) });
  const two: Node = testNode('two', shared, { definitions });
  t.teardown(() => Promise.all([home, one, two].map((node) => node.close())));
  for (const node of [one, two]) {
    const up = nextEvent(home, 'link-up');
    linkNodes(home, node);
    await up;
  }
  const ledger = spawn(home, Ledger, 'l');
  assertHandedOver(t, await home.move(address, { to: 'one' }), 'home', 'one');
  return { home, one, two, ledger, dialled };
}

const failureOf = (work: Promise<unknown>): Promise<GodwitError> =>
  work.then(
    () => new GodwitError('INTERNAL', 'it did not fail'),
    (thrown: unknown) => GodwitError.from(thrown),
  );

test('move, of an actor that is away: its owner dials the target that it is told of, and hands the actor over itself', async (t) => {
  const { home, one, two, ledger, dialled } = await trio(t);
  t.is(await ledger.put(1), 1);
  const told = nextEvent(home, 'moved');
  const report = await home.move(address, { to: 'two', address: 'two.example', token: 't', trigger: 'battery' });

  assertHandedOver(t, report, 'one', 'two');
  t.deepEqual([report.trigger, report.epoch, dialled], ['battery', 3, ['one dials two at two.example']]);
  t.is((await told).report.move, report.move);
  t.like(home.where(address), { node: 'two', epoch: 3 });
  t.is(await ledger.put(2), 2);
  assertKept(t, two, address);
  t.deepEqual(one.actors(), []);
  assertHandedOver(t, await home.recall(address), 'two', 'home');
  t.deepEqual(await ledger.all(), [1, 2]);
});

test('move, of an actor that is away: what cannot be is refused, and it runs on where it is', async (t) => {
  const { home, one, ledger } = await trio(t);
  const there = await failureOf(home.move(address, { to: 'one' }));
  const unlinked = await failureOf(home.move(address, { to: 'two' }));
  const unreachable = await failureOf(home.move(address, { to: 'two', address: 'nowhere.example' }));
  const strange = await failureOf(home.move('one/l', { to: 'two' }));

  t.is(there.code, 'FAILED_PRECONDITION');
  t.deepEqual([unlinked.code, unlinked.node], ['UNAVAILABLE', 'one']);
  t.deepEqual([unreachable.code, unreachable.node, unreachable.message], ['UNAVAILABLE', 'one', 'nobody is at nowhere.example']);
  t.is(strange.code, 'NOT_FOUND');
  assertKept(t, one, address);
  t.is(await ledger.put(1), 1);
});

test('move, of an actor that is away: a link to its owner that drops leaves the outcome open, and says so', async (t) => {
  const shared = sharedBlobs();
  const home = testNode('home', shared, { definitions: [Ledger] });
  const one = testNode('one', shared, { definitions: [Ledger], reach: { addressOf: () => undefined, to: () => new Promise(() => {}) } });
  t.teardown(() => Promise.all([home.close(), one.close()]));
  const up = nextEvent(home, 'link-up');
  const link = linkNodes(home, one);
  await up;
  spawn(home, Ledger, 'l');
  assertHandedOver(t, await home.move(address, { to: 'one' }), 'home', 'one');
  const failure = failureOf(home.move(address, { to: 'two', address: 'two.example' }));
  link.cut();

  t.is((await failure).code, 'UNAVAILABLE');
  t.deepEqual((await failure).details, { undecided: true });
});

test('senders: an actor whose receiver moved on to a node that its own is not linked to reaches it, for the home says where it is dialled', async (t) => {
  const { home, one, two, ledger } = await trio(t);
  assertHandedOver(t, await home.recall(address), 'one', 'home');
  const reporter = spawn(home, Reporter, 'r');
  assertHandedOver(t, await home.move('home/r', { to: 'one' }), 'home', 'one');
  t.is(await reporter.report({ ledger, entry: 1 }), 1);
  assertHandedOver(t, await home.move(address, { to: 'two' }), 'home', 'two');

  t.is(await reporter.report({ ledger, entry: 2 }, { timeoutMs: 10_000 }), 2);
  assertKept(t, one, 'home/r');
  assertKept(t, two, address);
});

test('link: of two pipes that cross, dialled from both ends at once, both nodes keep that of the first name', async (t) => {
  const shared = sharedBlobs();
  const [one, two] = [testNode('one', shared), testNode('two', shared)];
  t.teardown(() => Promise.all([one.close(), two.close()]));
  const downs: string[] = [];
  for (const node of [one, two]) node.observe((event) => event.type === 'link-down' && downs.push(node.name));
  const byOne = createPipes();
  const byTwo = createPipes();
  const dialledFrom = (far: Node, [near, end]: ReturnType<typeof createPipes>) => ({
    // Once: who was refused may not try again here.
    dial: async () => {
      if (near.frames > 0) return new Promise<never>(() => {});
      far.accept(end);
      return near;
    },
  });
  two.keepLink(dialledFrom(one, byTwo), 'one');
  one.keepLink(dialledFrom(two, byOne), 'two');
  await Promise.all([nextEvent(one, 'link-up'), nextEvent(two, 'link-up')]);
  while (byTwo[0].open || byTwo[1].open) await new Promise((resolve) => setTimeout(resolve, 0));

  t.deepEqual([byOne[0].open, byOne[1].open], [true, true]);
  t.deepEqual([one.peers().map(({ name }) => name), two.peers().map(({ name }) => name)], [['two'], ['one']]);
  t.true(downs.length <= 2);
});

test('senders: a node that is not linked to the home follows an actor from owner to owner', async (t) => {
  const { home, one, two, ledger } = await trio(t);
  const other: Node = testNode('other', sharedBlobs(), {
    definitions: [Ledger],
    reach: {
      addressOf: () => undefined,
      async to(node, at) {
        t.deepEqual([node, at], ['two', 'two.example']);
        linkNodes(other, two);
      },
    },
  });
  t.teardown(() => other.close());
  const up = nextEvent(other, 'link-up');
  linkNodes(other, one);
  await up;
  const mine = spawn(other, Ledger, 'mine');
  await other.repoint('other/mine', address, { node: 'one', tier: 'native', epoch: 2 });
  const shared = other.refTo(Ledger, address);
  t.is(await shared.put(1), 1);
  assertHandedOver(t, await home.move(address, { to: 'two', address: 'two.example' }), 'one', 'two');

  t.is(await shared.put(2), 2);
  t.is(await mine.put(3, { timeoutMs: 4000 }), 3, 'a ref that was never used before leads there too');
  t.deepEqual(await ledger.all(), [1, 2, 3]);
});
