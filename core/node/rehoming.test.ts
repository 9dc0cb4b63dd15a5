// A register that is handed over: the home of a shared actor is where its name is kept, and not on the device that brought it.
import test from 'ava';
import { GodwitError } from '../errors.js';
import { address, assertWhole, homesOf, type SharedKind, shared, sharing } from './rehoming.test-support.js';
import { outcome, registerOf } from './schedules.test-support.js';

const kinds: readonly SharedKind[] = ['volatile', 'checkpointed', 'durable'];

for (const kind of kinds) {
  test(`rehoming: a ${kind} shared actor is answered for ever after the device that brought it went away for good`, async (t) => {
    const cast = await shared(kind, 1);
    const { s, one, edge, joined } = cast;
    await s.w.settle(one.node.rehome(address, 'edge'));
    t.deepEqual(homesOf(cast), ['edge']);
    t.is(one.node.homeOf(address), 'edge');

    s.w.crash(one);
    for (let second = 1; second <= 60; second++) {
      await s.w.advance(1000);
      t.is(await s.w.settle(joined.put(`second ${second}`, { timeoutMs: 500 })), second + 2);
    }

    t.is(registerOf(edge, address)?.epoch, 2);
    t.deepEqual(s.events('restored'), []);
    t.deepEqual(s.events('gap'), []);
  });

  test(`rehoming: an edge that restarts restores a ${kind} shared actor from its own register, without the device`, async (t) => {
    const cast = await shared(kind, 2);
    const { s, one, edge, joined } = cast;
    await s.w.settle(one.node.rehome(address, 'edge'));
    await s.w.settle(joined.put('kept'));
    await s.w.advance(100);
    s.w.crash(one);

    s.w.crash(edge);
    await s.w.advance(5000);
    s.w.restart(edge);
    const { entries } = await s.scroll(joined);

    // A volatile one without checkpoints is what its move left.
    t.deepEqual(entries, kind === 'volatile' ? ['before'] : ['before', 'joined', 'kept']);
    t.is(s.events('restored').length, 1);
    await assertWhole(t, cast, kind, entries, 'restarted');
    t.deepEqual(homesOf(cast), ['edge']);
  });

  test(`rehoming: a ${kind} shared actor that is recalled brings its register back, and needs the edge no more`, async (t) => {
    const cast = await shared(kind, 3);
    const { s, one, edge, own } = cast;
    await s.w.settle(one.node.rehome(address, 'edge'));

    await s.w.settle(one.recall(address));
    await s.w.advance(100);

    t.deepEqual(homesOf(cast), ['robot-1']);
    s.w.crash(edge);
    for (let second = 1; second <= 10; second++) {
      await s.w.advance(1000);
      t.is(await s.w.settle(own.put(`alone ${second}`)), second + 2);
    }
    s.w.restart(edge);
    await s.w.advance(20_000);
    await s.w.settle(one.move(address, { to: 'edge' }));
    await s.w.settle(one.node.rehome(address, 'edge'));
    t.is(await s.w.settle(own.put('again')), 13);
    t.deepEqual(homesOf(cast), ['edge']);
    t.is(edge.node.homeOf(address), 'edge');
  });
}

test('rehoming: a device that restarts knows to whom it gave the register, attaches to the actor and recalls it', async (t) => {
  const cast = await shared('durable', 4);
  const { s, one, joined } = cast;
  await s.w.settle(one.node.rehome(address, 'edge'));
  s.w.crash(one);
  await s.w.advance(3000);
  await s.w.settle(joined.put('meanwhile'));

  s.w.restart(one);
  await s.w.advance(100);
  const attached = one.refTo(s.durable, address);

  t.deepEqual((await s.scroll(attached)).entries, ['before', 'joined', 'meanwhile']);
  await s.w.settle(one.recall(address));
  await s.w.advance(100);
  t.deepEqual(homesOf(cast), ['robot-1']);
  await assertWhole(t, cast, 'durable', ['before', 'joined', 'meanwhile'], 'recalled');
});

test('rehoming: a shared actor that moves on to another edge takes its register there at the word of its device', async (t) => {
  const cast = await shared('durable', 5);
  const { s, one, edge, own } = cast;
  await s.w.settle(one.node.rehome(address, 'edge'));

  await s.w.settle(one.move(address, { to: 'edge-2' }));
  await s.w.settle(one.node.rehome(address, 'edge-2'));
  await s.w.advance(100);

  t.deepEqual(homesOf(cast), ['edge-2']);
  t.is(one.node.homeOf(address), 'edge-2');
  s.w.crash(edge);
  await s.w.advance(5000);
  t.is(await s.w.settle(own.put('there')), 3);
  await s.w.settle(one.recall(address));
  await s.w.advance(100);
  t.deepEqual(homesOf(cast), ['robot-1']);
});

test('rehoming: the device gets the register back on demand, while the actor stays where it is', async (t) => {
  const cast = await shared('durable', 6);
  const { s, one, edge, own } = cast;
  await s.w.settle(one.node.rehome(address, 'edge'));

  await s.w.settle(one.node.rehome(address, 'robot-1'));

  t.deepEqual(homesOf(cast), ['robot-1']);
  await s.w.advance(5000);
  t.is(await s.w.settle(own.put('leased')), 3);
  s.w.crash(edge);
  t.is(await s.w.settle(own.put('taken over', { timeoutMs: 20_000 })), 4);
  t.is(s.events('restored')[0]?.node, 'robot-1');
});

for (const [why, options] of [
  ['keeps no name of it', {}],
  ['has no disk', { ...sharing, disk: false }],
] as const) {
  test(`rehoming: an edge that ${why} refuses the register, and the device stays the home`, async (t) => {
    const cast = await shared('durable', 7, options);
    const { s, one, edge, own } = cast;

    const refused = await t.throwsAsync(s.w.settle(one.node.rehome(address, 'edge')), { instanceOf: GodwitError });

    t.is(refused?.code, 'FAILED_PRECONDITION');
    t.deepEqual(homesOf(cast), ['robot-1']);
    await s.w.advance(10_000);
    t.is(await s.w.settle(own.put('leased')), 3);
    s.w.crash(edge);
    t.is(await s.w.settle(own.put('taken over', { timeoutMs: 20_000 })), 4);
  });
}

test('rehoming: a shared actor that is stopped leaves its name free where it was spawned', async (t) => {
  const cast = await shared('durable', 8);
  const { s, one, edge } = cast;
  await s.w.settle(one.node.rehome(address, 'edge'));

  edge.stop(address);
  await s.w.advance(100);

  t.deepEqual(homesOf(cast), []);
  t.is(one.node.homeOf(address), 'robot-1');
  const fresh = one.child(s.durable, 'map');
  t.is(await s.w.settle(fresh.put('new')), 1);
});

test('rehoming: a device whose shared actor was stopped while it was down begins anew', async (t) => {
  const cast = await shared('durable', 9);
  const { s, one, edge } = cast;
  await s.w.settle(one.node.rehome(address, 'edge'));
  await s.w.advance(50);
  s.w.crash(one);
  edge.stop(address);
  await s.w.advance(100);

  s.w.restart(one);
  await s.w.advance(200);

  t.is(one.node.homeOf(address), 'robot-1');
  t.is(await s.w.settle(one.refTo(s.durable, address).put('new')), 1);
});

test('rehoming: only an actor that left has a register, and only its own device or its home hands it over', async (t) => {
  const cast = await shared('durable', 10);
  const { s, one, two } = cast;
  one.child(s.durable, 'other');

  t.is(await s.w.settle(outcome(one.node.rehome('robot-1/nobody', 'edge'))), 'FAILED_PRECONDITION');
  t.is(await s.w.settle(outcome(two.node.rehome(address, 'robot-2'))), 'NOT_FOUND');
  t.is(await s.w.settle(outcome(one.node.rehome(address, 'robot-2'))), 'FAILED_PRECONDITION');
  t.is(await s.w.settle(outcome(one.node.rehome(address, 'nobody'))), 'UNAVAILABLE');
});
