// What senders, targets and devices that join believe of an actor's home while its register is on its way.
import test from 'ava';
import { dispatch } from '../actors/ref.js';
import { spawn } from '../actors/spawn.js';
import type { SimulatedNode, SimulatedNodeOptions } from '../testing/index.js';
import { address, attempt, shared, sharing } from './rehoming.test-support.js';
import { outcome, type ScribeHandlers, type ScribeRef, Stage } from './schedules.test-support.js';

/** robot-1 with its actor, already on edge, a second edge, and robot-2: all linked. */
async function fleet(
  second: SimulatedNodeOptions = sharing,
): Promise<{ s: Stage; one: SimulatedNode; two: SimulatedNode; edge: SimulatedNode; next: SimulatedNode; own: ScribeRef }> {
  const s = new Stage({ seed: 1 });
  const { definitions, w } = s;
  const one = w.device('robot-1', { definitions, onStart: (node) => void spawn(node, s.durable, 'map') });
  const two = w.device('robot-2', { definitions });
  const edge = w.edge('edge', { definitions, disk: true, ...sharing });
  const next = w.edge('edge-2', { definitions, disk: true, ...second });
  await s.link(4, one, two, edge, next);
  const own = one.refTo(s.durable, address) as ScribeRef;
  await w.settle(own.put('before'));
  await w.settle(one.move(address, { to: 'edge' }));
  await w.advance(100);
  return { s, one, two, edge, next, own };
}

test('rehoming: records that wait at the giver wait until the next home has the register, and then for the owner', async (t) => {
  const { s, one, edge, own } = await fleet({ ...sharing, disk: { fsyncMs: 900 } });
  s.w.cut(one, edge);
  await s.w.advance(10);
  dispatch<ScribeHandlers, 'put'>(own, 'put', 'a tell');
  const ask = outcome(own.put('an ask', { timeoutMs: 30_000 }));
  await s.w.advance(200);

  attempt(one.node.rehome(address, 'edge-2'));
  await s.w.advance(3000);
  s.w.heal();

  t.is(await s.w.settle(ask), 3);
  t.deepEqual((await s.scroll(own)).entries, ['before', 'a tell', 'an ask']);
  t.deepEqual(s.events('dead-letter'), []);
});

test('rehoming: nobody is told of a next home that refuses', async (t) => {
  const { s, one, two, edge } = await fleet({ nodeOptions: { keepsNameOf: () => false } });
  await s.w.settle(one.node.rehome(address, 'edge'));
  await s.w.advance(100);
  attempt(one.node.rehome(address, 'edge-2'));
  const told = new Set<string>();
  for (let step = 0; step < 40; step++) {
    await s.w.advance(0.5);
    told.add(edge.node.homeOf(address));
  }
  t.deepEqual([...told], ['edge']);

  const draft = spawn(two, s.volatile, 'draft');
  await s.w.settle(draft.all());
  await s.w.settle(two.node.repoint('robot-2/draft', address, { node: 'edge', tier: 'native', epoch: 2, home: edge.node.homeOf(address) }));
  const joined = two.refTo(s.durable, address) as ScribeRef;
  s.w.cut(two, edge);
  const ask = outcome(joined.put('over a link that was down', { timeoutMs: 30_000 }));
  await s.w.advance(2000);
  s.w.heal();

  t.is(await s.w.settle(ask), 2);
});

test('rehoming: a target that learns of the new home from a sender’s answer believes its grant', async (t) => {
  for (let hand = 0; hand <= 16; hand += 2) {
    for (let probe = 0; probe <= 16; probe += 2) {
      const { s, one, next } = await fleet();
      const move = outcome(one.move(address, { to: 'edge-2' }));
      const todo = [
        { atMs: hand, begin: () => attempt(one.node.rehome(address, 'edge')) },
        { atMs: probe, begin: () => attempt((next.refTo(s.durable, address) as ScribeRef).put('probe', { timeoutMs: 30_000 })) },
      ].sort((a, b) => a.atMs - b.atMs);
      let nowMs = 0;
      for (const { atMs, begin } of todo) {
        await s.w.advance(atMs - nowMs);
        nowMs = atMs;
        begin();
      }
      await s.w.advance(10_000);

      t.is(typeof (await s.w.settle(move)), 'object', `handed over after ${hand} ms, asked after ${probe} ms`);
      t.deepEqual(s.events('restored'), [], `handed over after ${hand} ms, asked after ${probe} ms`);
    }
  }
});

test('rehoming: who takes a node for the home that gave the register back does not go round in circles with what that last heard', async (t) => {
  const { s, one, two, edge } = await fleet();
  await s.w.settle(one.node.rehome(address, 'edge-2'));
  const draft = spawn(two, s.volatile, 'draft');
  await s.w.settle(draft.all());
  await s.w.settle(two.node.repoint('robot-2/draft', address, { node: 'edge', tier: 'native', epoch: 2, home: 'edge-2' }));
  const third = two.refTo(s.durable, address) as ScribeRef;
  await s.w.settle(one.node.rehome(address, 'robot-1'));

  s.w.crash(edge);
  await s.w.advance(5000);
  s.w.restart(edge);
  await s.w.advance(1000);

  t.is(await s.w.settle(third.put('found', { timeoutMs: 5000 })), 2);
});

test('rehoming: the next life of a name is heard, though another home took the former one over', async (t) => {
  for (const kind of ['volatile', 'checkpointed', 'durable'] as const) {
    const { s, one, edge, own, joined } = await shared(kind, 1);
    await s.w.settle(one.node.rehome(address, 'edge'));
    for (let life = 1; life <= 2; life++) {
      s.w.crash(edge);
      await s.w.advance(3000);
      s.w.restart(edge);
      await s.w.advance(5000);
      await s.w.settle(joined.put(`life ${life}`));
    }
    edge.stop(address);
    await s.w.advance(1000);
    await s.w.settle((one.child(s[kind], 'map') as ScribeRef).put('new', { timeoutMs: 5000 }));

    t.is(await s.w.settle(own.put('own', { timeoutMs: 5000 })), 2, kind);
    t.is(await s.w.settle(joined.put('joined', { timeoutMs: 5000 })), 3, kind);
  }
});
