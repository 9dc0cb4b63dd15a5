// What else goes on while a register is handed over: crashes between two writes, nodes that stand still, answers that come late, registers that meet.
import test from 'ava';
import { actor } from '../actors/definition.js';
import { NativeInstance } from '../actors/native-instance.js';
import type { Ref } from '../actors/ref.js';
import { spawn } from '../actors/spawn.js';
import { GodwitError } from '../errors.js';
import type { ModuleSource } from '../ports/module-source.js';
import type { InstanceHost, Runtime } from '../ports/runtime.js';
import type { SimulatedDisk } from '../testing/simulated-disk.js';
import { simulatedModules } from '../testing/simulated-native.js';
import { address, attempt, homesOf, shared, sharing } from './rehoming.test-support.js';
import { numbered, outcome, placesOf, positions, registerOf, type ScribeRef, Stage } from './schedules.test-support.js';

test('rehoming: a home that stands still right after it gave its own actor’s register away runs no turn beside the next owner', async (t) => {
  for (const seed of positions(10)) {
    const cast = await shared('checkpointed', seed);
    const { s, one, edge, own, joined, disk } = cast;
    await s.w.settle(one.node.rehome(address, 'edge'));
    await s.w.advance(3000);
    disk.fsyncMs = 40;
    attempt(one.node.rehome(address, 'robot-1'));
    await s.w.advance(9);

    s.w.pause(edge);
    const late = outcome(joined.put('late', { timeoutMs: 60_000 }));
    await s.w.advance(4000);
    await s.w.settle(own.put('at robot-1', { timeoutMs: 3000 }));
    s.w.resume(edge);
    await s.w.advance(5000);

    t.deepEqual(s.diary.overlaps(), [], `seed ${seed}`);
    t.is(typeof (await s.w.settle(late)), 'number', `seed ${seed}`);
  }
});

test('rehoming: an actor that is back on its device when the edge loses its disk goes on for longer than the lease it had', async (t) => {
  const { s, one, edge, own } = await shared('volatile', 1);
  await s.w.settle(one.node.rehome(address, 'edge'));
  s.frames.atMessage('running', edge, () => s.w.crash(edge));
  attempt(one.recall(address));
  await s.w.advance(100);
  edge.disk?.content.clear();
  s.w.restart(edge);
  await s.w.advance(300);
  t.is(one.node.homeOf(address), 'robot-1');

  await s.w.advance(5000);

  t.is(await s.w.settle(own.put('later', { timeoutMs: 3000 })), 3);
});

test('rehoming: the late answer to a hand-over does not delete the register that came since', async (t) => {
  const cast = await shared('durable', 1);
  const { s, one, edge, joined, all } = cast;
  await s.w.settle(one.node.rehome(address, 'edge'));
  // The edge does not hear that the device has the register again.
  s.frames.atMessage('rehomed', edge, () => s.w.cut(one, edge));
  await s.w.settle(one.recall(address));
  await s.w.advance(2000);
  await s.w.settle(one.move(address, { to: 'edge-2' }));
  await s.w.settle(one.node.rehome(address, 'edge-2'));
  await s.w.advance(500);
  await s.w.settle(all[3].node.move(address, { to: 'edge' }));
  await s.w.settle(one.node.rehome(address, 'edge'));
  await s.w.settle(joined.put('kept'));
  s.w.heal();
  await s.w.advance(3000);

  s.w.crash(edge);
  await s.w.advance(1000);
  s.w.restart(edge);
  await s.w.advance(10_000);

  t.deepEqual((await s.scroll(joined)).entries, ['before', 'joined', 'kept']);
  t.deepEqual(homesOf(cast), ['edge']);
});

test('rehoming: a crash of the giver, which has its register back already, before it wrote that it had arrived leaves one home with its disk', async (t) => {
  for (let ms = 5; ms <= 38; ms += 6) {
    const cast = await shared('durable', ms);
    const { s, one, edge, joined, disk } = cast;
    attempt(one.node.rehome(address, 'edge').then(() => one.node.rehome(address, 'robot-1')));
    let isSlow = false;
    s.frames.atMessage('rehomed', one, () => {
      isSlow = true;
      disk.fsyncMs = 40;
    });
    await s.until(() => isSlow, 'the answer', 0.5);
    await s.w.advance(ms);
    s.w.crash(one);
    await s.w.advance(1000);
    disk.fsyncMs = 1;
    s.w.restart(one);
    await s.w.advance(20_000);

    s.w.crash(edge);
    await s.w.advance(1000);
    s.w.restart(edge);
    await s.w.advance(20_000);

    t.deepEqual((await s.scroll(joined)).entries, ['before', 'joined'], `${ms} ms after`);
    t.is(homesOf(cast).length, 1, `${ms} ms after`);
  }
});

for (const disk of [true, false]) {
  test(`rehoming: a device ${disk ? 'with' : 'without'} a disk that restarts hands the register of its actor’s next life over as before`, async (t) => {
    const s = new Stage({ seed: 1 });
    const { definitions, w } = s;
    const kind = disk ? s.durable : s.volatile;
    const one = w.device('robot-1', { definitions, disk, onStart: (node) => void spawn(node, kind, 'map') });
    const two = w.device('robot-2', { definitions, disk });
    const edge = w.edge('edge', { definitions, disk: true, ...sharing });
    for (const [a, b] of [
      [one, edge],
      [one, two],
      [two, edge],
    ] as const)
      w.link(a, b, { rttMs: 4 });
    await w.advance(50);
    await w.settle(one.move(address, { to: 'edge' }));
    await w.settle(one.node.rehome(address, 'edge'));
    // It learns the first terms.
    const third = two.refTo(kind, address) as ScribeRef;
    await w.settle(third.put('a'));
    await w.settle(one.recall(address));
    await w.advance(200);
    one.stop(address);
    await w.advance(200);
    w.crash(one);
    await w.advance(500);
    w.restart(one);
    await w.advance(200);
    const ref = one.refTo(kind, address) as ScribeRef;
    await w.settle(ref.put('new'));
    await w.settle(one.move(address, { to: 'edge' }));

    await w.settle(one.node.rehome(address, 'edge'));

    t.is(edge.node.homeOf(address), 'edge');
    t.is(await w.settle(third.put('found')), 2);
    w.crash(one);
    await w.advance(10_000);
    t.is(await w.settle(third.put('without the device', { timeoutMs: 5000 })), 3);
  });
}

test('rehoming: a giver whose disk is slow to take a refused register back does not hand it over meanwhile', async (t) => {
  let keeps = false;
  const cast = await shared('durable', 1, { nodeOptions: { keepsNameOf: (name) => keeps && name === address } });
  const { s, one, edge, own, joined } = cast;
  s.frames.atMessage('rehome-refused', one, () => {
    (one.disk as SimulatedDisk).failure = new GodwitError('RESOURCE_EXHAUSTED', 'full');
    keeps = true;
  });
  const done = outcome(one.node.rehome(address, 'edge'));
  await s.w.advance(20);
  s.w.cut(one, edge);
  await s.w.advance(5);
  s.w.heal();
  await s.w.advance(600);
  (one.disk as SimulatedDisk).failure = undefined;
  await s.w.advance(10_000);

  t.is(await s.w.settle(done), 'UNAVAILABLE');
  t.deepEqual(homesOf(cast), ['robot-1']);
  t.is(await s.w.settle(joined.put('joined again', { timeoutMs: 5000 })), 3);
  t.is(await s.w.settle(own.put('own', { timeoutMs: 5000 })), 4);
});

test('rehoming: an actor whose instance was lost is not taken for one that was stopped, whoever refuses its register', async (t) => {
  for (let tenths = 0; tenths <= 60; tenths += 5) {
    const { runtime, die } = mortal();
    const { s, one, own } = await shared('durable', 1, { nodeOptions: { ...sharing.nodeOptions, runtimes: [runtime] }, disk: false });
    attempt(one.node.rehome(address, 'edge'));
    await s.w.advance(tenths / 10);
    die();
    await s.w.advance(20_000);

    t.deepEqual((await s.scroll(own)).entries, ['before', 'joined'], `after ${tenths / 10} ms`);
  }
});

test('rehoming: the register of an actor that is being decided home stays there, whenever somebody hands it over', async (t) => {
  for (let ms = 0; ms <= 60; ms += 4) {
    const { s, one, edge, own, joined, disk } = await shared('durable', 1);
    disk.fsyncMs = 25;
    s.frames.atMessage('rehome', edge, ({ message }) => {
      if ((message as { readonly register?: { readonly owner: { readonly name: string } } }).register?.owner.name === 'robot-1') s.w.crash(edge);
    });
    attempt(one.recall(address));
    for (const entry of numbered('told', 3)) attempt(joined.put(entry, { timeoutMs: 60_000 }));
    await s.w.advance(ms);
    attempt(one.node.rehome(address, 'edge'));
    await s.w.advance(10_000);

    t.is(edge.status, 'running', `after ${ms} ms`);
    t.is(typeof (await s.w.settle(outcome(own.put('alone', { timeoutMs: 3000 })))), 'number', `after ${ms} ms`);
  }
});

test('rehoming: a next home whose former life held the base takes over from nothing: the owner, which lives, goes on', async (t) => {
  const { s, one, edge, own, all } = await shared('volatile', 1);
  await s.w.settle(one.move(address, { to: 'edge-2' }));
  await s.w.advance(100);
  s.w.crash(edge);
  await s.w.advance(500);
  s.w.restart(edge);
  await s.w.advance(500);
  await s.w.settle(own.put('lives'));
  await s.w.settle(one.node.rehome(address, 'edge'));

  s.w.cut(edge, all[3]);
  await s.w.advance(4000);
  s.w.heal();
  await s.w.advance(10_000);

  t.deepEqual(placesOf(address, all), ['edge-2']);
  t.deepEqual((await s.scroll(own)).entries, ['before', 'joined', 'lives']);
});

/** Runs actors natively until they die. */
function mortal(): { readonly runtime: Runtime; die(): void } {
  let dying: InstanceHost | undefined;
  const create: Runtime['create'] = async ({ address: name, definition, capture }, host) => {
    const instance = new NativeInstance(name, definition, host, 'mortal');
    instance.begin(capture);
    dying = host;
    return instance;
  };
  return {
    runtime: { tier: 'native', description: 'mortal', warm: async () => {}, close: async () => {}, create },
    die: () => dying?.failed({ code: 'RESOURCE_EXHAUSTED', message: 'out of memory', retryable: false }),
  };
}

/** Sends 20 MiB four times in one turn, which does not end then. */
const sink = actor('sink', {
  state: () => ({ count: 0 }),
  on: { take: (state, _bytes: Uint8Array) => ++state.count, never: () => new Promise<void>(() => {}) },
});
const big = actor('big', {
  durability: 'durable',
  state: () => ({ count: 0 }),
  on: {
    async begin(state, to: Ref<{ take: (state: unknown, bytes: Uint8Array) => number; never: () => Promise<void> }>) {
      for (let time = 1; time <= 4; time++) state.count = await to.take(new Uint8Array(20 * 1024 * 1024), { timeoutMs: 60_000 });
      await to.never(undefined, { timeoutMs: 600_000 });
    },
    async await(state) {
      await Promise.resolve();
      return state.count;
    },
  },
});

test('rehoming: a register that does not fit a message with its turn’s journal stays where it is, and the caller hears why', async (t) => {
  const { w } = new Stage({ seed: 1 });
  const definitions = [sink, big];
  const one = w.device('robot-1', { definitions });
  const edge = w.edge('edge', { definitions, disk: true, ...sharing });
  w.link(one, edge, { rttMs: 4 });
  await w.advance(50);
  const map = one.child(big, 'map');
  await w.settle(map.await());
  await w.settle(one.move(address, { to: 'edge' }));
  await w.settle(map.await());
  attempt(map.begin(one.child(sink, 'sink') as never, { timeoutMs: 600_000 }));
  await w.advance(3000);

  const error = await t.throwsAsync(w.settle(one.node.rehome(address, 'edge')));

  t.regex(String(error?.message), /limit 67108864: hand it over when that turn has ended/);
  await w.advance(10_000);
  t.is(registerOf(one, address)?.owner.name, 'edge');
  t.true(edge.actors().some((info) => info.address === address));
});

/** The modules of definitions that the edges do not have, and their runtime. */
const shipped: ModuleSource = {
  async module(definition, version) {
    const { manifest, blobs } = await simulatedModules.module(definition, version);
    return { manifest: { ...manifest, tier: 'script' }, blobs };
  },
};

function scripts(stage: Stage): Runtime {
  const create: Runtime['create'] = async ({ address: name, module, capture }, host) => {
    const definition = stage.definitions.find(({ name: known }) => known === module?.manifest.definition);
    const instance = new NativeInstance(name, definition, host, 'script');
    instance.begin(capture);
    return instance;
  };
  return { tier: 'script', description: 'script', warm: async () => {}, close: async () => {}, create };
}

test('rehoming: a home that restarts while it hands on, and is refused, restores the actor with the module it kept', async (t) => {
  const s = new Stage({ seed: 1 });
  const { definitions, durable, frames, w } = s;
  const one = w.device('robot-1', { definitions, nodeOptions: { modules: shipped }, onStart: (node) => void spawn(node, durable, 'map') });
  const edgeOptions = (keepsNameOf: (name: string) => boolean) => ({
    disk: true,
    nodeOptions: { keepsNameOf, admit: () => ({ tier: 'script' as const }), runtimes: [scripts(s)] },
  });
  const edge = w.edge('edge', edgeOptions(sharing.nodeOptions.keepsNameOf));
  const second = w.edge(
    'edge-2',
    edgeOptions(() => false),
  );
  for (const [a, b] of [
    [one, edge],
    [one, second],
    [edge, second],
  ] as const)
    w.link(a, b, { rttMs: 4 });
  await w.advance(50);
  const ref = one.refTo(durable, address) as ScribeRef;
  await w.settle(ref.put('before'));
  await w.settle(one.move(address, { to: 'edge' }));
  await w.settle(one.node.rehome(address, 'edge'));
  await w.settle(ref.put('there'));

  attempt(one.node.rehome(address, 'edge-2'));
  frames.atMessage('rehome', second, () => {
    w.cut(edge, second);
    w.crash(edge);
  });
  await w.advance(3000);
  t.is(edge.status, 'down');
  w.restart(edge);
  w.heal();
  await w.advance(10_000);

  t.deepEqual((await s.scroll(ref)).entries, ['before', 'there']);
});
