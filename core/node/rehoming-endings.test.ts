// Actors that end, and devices that come back, while their register is elsewhere or on its way; and what the others believe of it.
import test from 'ava';
import { stop } from '../actors/ref.js';
import { spawn } from '../actors/spawn.js';
import { GodwitError } from '../errors.js';
import type { SimulatedNode } from '../testing/index.js';
import { address, attempt, type Cast, homesOf, shared } from './rehoming.test-support.js';
import { outcome, placesOf, registerOf, type ScribeRef, Stage } from './schedules.test-support.js';

const stops: ReadonlyArray<{ readonly name: string; stop(cast: Cast, tenths: number): Promise<void> }> = [
  {
    name: 'at its device right after it came back',
    async stop({ s, one }, tenths) {
      await s.w.settle(one.node.rehome(address, 'edge'));
      await s.w.settle(one.recall(address));
      await s.w.advance(tenths / 10);
      one.stop(address);
    },
  },
  {
    name: 'while its register goes to where it is',
    async stop({ s, one, edge }, tenths) {
      attempt(one.node.rehome(address, 'edge'));
      await s.w.advance(tenths / 10);
      edge.stop(address);
    },
  },
  {
    name: 'while its register goes back to its device',
    async stop({ s, one, edge }, tenths) {
      await s.w.settle(one.node.rehome(address, 'edge'));
      attempt(one.node.rehome(address, 'robot-1'));
      await s.w.advance(tenths / 10);
      edge.stop(address);
    },
  },
  {
    name: 'on a third node while its register goes to the edge',
    async stop({ s, one, all }, tenths) {
      await s.w.settle(one.move(address, { to: 'edge-2' }));
      attempt(one.node.rehome(address, 'edge'));
      await s.w.advance(tenths / 10);
      all[3].stop(address);
    },
  },
];

for (const { name, stop: strike } of stops) {
  test(`rehoming: an actor that is stopped ${name} stays stopped, and its name is free`, async (t) => {
    for (let tenths = 0; tenths <= 120; tenths += 3) {
      const cast = await shared('durable', 1);
      const { s, one } = cast;
      await strike(cast, tenths);
      await s.w.advance(15_000);

      t.deepEqual([placesOf(address, cast.all), homesOf(cast)], [[], []], `after ${tenths / 10} ms`);
      t.is(await s.w.settle((one.child(s.durable, 'map') as ScribeRef).put('new')), 1, `after ${tenths / 10} ms`);
    }
  });
}

test('rehoming: an actor that is stopped while its register comes stays stopped, if its edge gives its name away at once and is slow to write', async (t) => {
  for (let tenths = 0; tenths <= 120; tenths += 2) {
    let isFree = false;
    const cast = await shared('durable', tenths, { disk: { fsyncMs: 3 }, nodeOptions: { keepsNameOf: (name) => !isFree && name === address } });
    const { s, one, edge } = cast;
    edge.node.observe((event) => {
      if (event.type === 'stopped' && event.actor === address) isFree = true;
    });
    attempt(one.node.rehome(address, 'edge'));
    await s.w.advance(tenths / 10);
    edge.stop(address);
    await s.w.advance(15_000);

    t.deepEqual([placesOf(address, cast.all), homesOf(cast)], [[], []], `after ${tenths / 10} ms`);
  }
});

test('rehoming: an actor that is stopped while nobody can be told stays stopped, if its home hears of it within the lease', async (t) => {
  for (const hands of [true, false]) {
    const cast = await shared('durable', 1);
    const { s, one, edge, all } = cast;
    const second = all[3];
    await s.w.settle(one.move(address, { to: 'edge-2' }));
    if (hands) await s.w.settle(one.node.rehome(address, 'edge'));
    const home = hands ? edge : one;
    s.w.cut(second, home);
    await s.w.advance(100);
    second.stop(address);
    await s.w.advance(500);
    s.w.heal();
    await s.w.advance(15_000);

    t.deepEqual([placesOf(address, all), homesOf(cast)], [[], []], home.name);
  }
});

test('rehoming: a device that restarted and found its actor again does not spawn it when the application stops it', async (t) => {
  const { s, one, all } = await shared('durable', 1);
  await s.w.settle(one.node.rehome(address, 'edge'));
  s.w.crash(one);
  await s.w.advance(1000);
  s.w.restart(one);
  await s.w.advance(5000);
  const ref = one.refTo(s.durable, address) as ScribeRef;
  await s.w.settle(ref.all());

  stop(ref);
  await s.w.advance(5000);

  t.deepEqual(placesOf(address, all), []);
  t.is(await s.w.settle(outcome(ref.all(undefined, { timeoutMs: 3000 }))), 'NOT_FOUND');
});

test('rehoming: a device that restarts spawns its actor anew if that ended under a home which it learns of last', async (t) => {
  const { s, one, edge, all } = await shared('durable', 1);
  await s.w.settle(one.node.rehome(address, 'edge'));
  await s.w.settle(one.move(address, { to: 'edge-2' }));
  await s.w.advance(100);
  attempt(one.node.rehome(address, 'edge-2'));
  await s.w.advance(2.5);
  s.w.crash(one);
  await s.w.advance(1000);
  all[3].stop(address);
  await s.w.advance(500);
  s.w.cut(one, edge);
  s.w.restart(one);
  await s.w.advance(1000);
  s.w.heal();
  await s.w.advance(5000);

  t.deepEqual(placesOf(address, all), ['robot-1']);
  t.is(await s.w.settle((one.refTo(s.durable, address) as ScribeRef).put('new', { timeoutMs: 5000 })), 1);
});

test('rehoming: a node that took the edge for the home finds the next life of the name where it was spawned', async (t) => {
  for (const learns of ['by asking', 'by joining']) {
    const { s, one, two, edge, joined } = await shared('durable', 1);
    await s.w.settle(one.node.rehome(address, 'edge'));
    if (learns === 'by asking') {
      s.w.cut(two, edge);
      s.w.crash(edge);
      await s.w.advance(1000);
      attempt(joined.put('lost', { timeoutMs: 1500 }));
      s.w.restart(edge);
      await s.w.advance(3000);
      s.w.heal();
      await s.w.advance(5000);
    } else {
      const draft = spawn(two, s.volatile, 'draft-2');
      await s.w.settle(draft.all());
      await s.w.settle(two.node.repoint('robot-2/draft-2', address, { node: 'edge', tier: 'native', epoch: 2, home: edge.node.homeOf(address) }));
    }
    t.is(two.node.homeOf(address), 'edge', learns);
    edge.stop(address);
    await s.w.advance(200);
    await s.w.settle((one.child(s.durable, 'map') as ScribeRef).put('new'));

    t.is(await s.w.settle(joined.put('found', { timeoutMs: 5000 })), 2, learns);
  }
});

test('rehoming: a cut-off owner whose home forgot the actor is told so, and frees its copy', async (t) => {
  const { s, one, edge, all } = await shared('durable', 1);
  const second = all[3];
  await s.w.settle(one.node.rehome(address, 'edge'));
  await s.w.settle(one.move(address, { to: 'edge-2' }));
  await s.w.advance(100);
  s.w.cut(second, edge);
  await s.w.advance(6000);
  t.deepEqual(placesOf(address, [edge]), ['edge'], 'the home took over');
  edge.stop(address);
  await s.w.advance(500);
  s.w.heal();
  await s.w.advance(5000);

  t.deepEqual(second.actors(), []);
});

/** What a node remembers of actors that are not here, by kind. */
function remembered(node: SimulatedNode): Readonly<Record<string, number>> {
  const { directory, migrations } = (
    node.node as unknown as {
      readonly inside: {
        readonly directory: { readonly homes: ReadonlyMap<string, unknown>; readonly locations: ReadonlyMap<string, unknown> };
        readonly migrations: {
          readonly endings: { readonly epochs: ReadonlyMap<string, unknown> };
          readonly checkpoints: { readonly backups: ReadonlyMap<string, unknown> };
        };
      };
    }
  ).inside;
  return {
    homes: directory.homes.size,
    hints: directory.locations.size,
    endings: migrations.endings.epochs.size,
    backups: migrations.checkpoints.backups.size,
    disk: node.disk?.content.size ?? 0,
  };
}

test('rehoming: an edge keeps nothing of shared actors that went home, and nothing of those that were stopped there', async (t) => {
  const { definitions, durable, w } = new Stage({ seed: 1 });
  const one = w.device('robot-1', { definitions });
  const edge = w.edge('edge', { definitions, disk: true, nodeOptions: { keepsNameOf: () => true } });
  w.link(one, edge, { rttMs: 4 });
  await w.advance(50);
  for (let index = 1; index <= 6; index++) {
    const actor = `robot-1/${index}`;
    const ref = spawn(one, durable, String(index)) as ScribeRef;
    await w.settle(ref.put('x'));
    await w.settle(one.move(actor, { to: 'edge' }));
    await w.settle(one.node.rehome(actor, 'edge'));
    await w.settle(ref.put('y'));
    if (index % 2 === 0) {
      await w.settle(one.recall(actor));
      await w.advance(100);
      one.stop(actor);
    } else edge.stop(actor);
    await w.advance(100);
  }

  t.deepEqual(remembered(edge), { homes: 0, hints: 0, endings: 0, backups: 0, disk: 0 });
  // It counts the terms of what it spawned.
  t.deepEqual(remembered(one), { homes: 6, hints: 0, endings: 0, backups: 0, disk: 6 });
});

test('rehoming: a register that could not go back to its device goes when it can', async (t) => {
  const cast = await shared('volatile', 1);
  const { s, one, edge, all } = cast;
  const second = all[3];
  await s.w.settle(one.node.rehome(address, 'edge'));
  await s.w.settle(one.move(address, { to: 'edge-2' }));
  await s.w.advance(100);
  // The edge hears the proposal of edge-2, and nothing of the device: it misses the new owner, and looks for the base.
  s.w.cut(one, edge);
  await s.w.advance(5);
  attempt(one.recall(address));
  await s.w.advance(30);
  t.is(registerOf(edge, address)?.owner.name, 'robot-1');
  s.w.cut(edge, second);
  await s.w.advance(5000);
  s.w.heal(one, edge);
  await s.w.advance(10_000);

  t.deepEqual(homesOf(cast), ['robot-1']);
});

test('rehoming: who joins a hand-over that then cannot be hears so', async (t) => {
  const { s, one, edge, own } = await shared('durable', 1, { nodeOptions: { keepsNameOf: (name) => name === address }, disk: true });
  await s.w.settle(one.node.rehome(address, 'edge'));
  // The register is about to go back, and waits for a checkpoint that cannot be written.
  if (edge.disk !== undefined) edge.disk.failure = new GodwitError('RESOURCE_EXHAUSTED', 'full');
  attempt(own.put('unwritten'));
  await s.w.advance(10);
  attempt(one.node.rehome(address, 'robot-1'));
  await s.w.advance(10);
  const joined = outcome(edge.node.rehome(address, 'robot-1'));

  edge.stop(address);
  if (edge.disk !== undefined) edge.disk.failure = undefined;

  t.is(await s.w.settle(joined), 'FAILED_PRECONDITION');
});

test('rehoming: an edge that stops an actor while it cannot write that its register goes tells the device when it can', async (t) => {
  const cast = await shared('durable', 1);
  const { s, one, edge } = cast;
  await s.w.settle(one.node.rehome(address, 'edge'));
  if (edge.disk !== undefined) edge.disk.failure = new GodwitError('RESOURCE_EXHAUSTED', 'full');
  await s.w.settle(cast.joined.put('not written', { timeoutMs: 500 }).catch(() => undefined));
  attempt(one.node.rehome(address, 'robot-1'));
  await s.w.advance(100);

  edge.stop(address);
  await s.w.advance(500);
  if (edge.disk !== undefined) edge.disk.failure = undefined;
  await s.w.advance(1000);

  t.is(one.node.homeOf(address), 'robot-1');
  t.deepEqual(remembered(edge), { homes: 0, hints: 0, endings: 0, backups: 0, disk: 0 });
});
