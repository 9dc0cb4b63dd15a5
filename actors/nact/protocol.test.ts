// Functions written for nact, moved from node to node in a seeded world, natively: what depends on time is exact here.
import test from 'ava';
import { actor, spawn as spawnGodwit } from '#core';
import { world } from '#core/testing';
import { dispatch, query, type Ref, spawn, start, stateful, stop } from './index.js';

const shutdownAfter = 2000;
const Offer = stateful('offer', (count: number, _message: null) => count + 1, { initialState: 0, shutdownAfter, source: import.meta.url });

interface Get {
  readonly sender: Ref<unknown>;
}

/** Answers with its state, and counts. */
function count(state: number, { sender }: Get): number {
  dispatch(sender, state);
  return state + 1;
}

const First = stateful('tally', count, { initialState: 3, source: import.meta.url });
const Second = stateful(
  'tally',
  (state: { readonly total: number; readonly from: number }, { sender }: Get) => {
    dispatch(sender, state);
    return state;
  },
  {
    version: 2,
    initialState: { total: 0, from: 2 },
    upgrade: (state, from) => ({ total: Number(state), from }),
    source: import.meta.url,
  },
);

/** A robot and an edge, linked. */
async function scene() {
  const w = world({ encodeAlways: true });
  const robot = w.device('robot', { definitions: [Offer, First] });
  const edge = w.edge('edge', { definitions: [Offer, Second] });
  w.link(robot, edge);
  await w.advance(20);
  return { w, robot, edge, system: start(robot) };
}

test('protocol, nact: the clock of shutdownAfter moves along, and begins anew with each message', async (t) => {
  const { w, robot, edge, system } = await scene();
  const offer = spawn(system, Offer, 'offer');
  await w.settle(offer.message(null));
  const here = () => edge.actors().some(({ address }) => address === 'robot/offer');

  await w.advance(shutdownAfter / 2);
  const { from, to } = await w.settle(robot.move('robot/offer', { to: 'edge' }));
  t.deepEqual([from.node, to.node], ['robot', 'edge']);
  await w.advance(shutdownAfter / 4);
  t.true(here());
  await w.settle(offer.message(null));
  await w.advance(shutdownAfter - 100);
  t.true(here());
  await w.advance(200);

  t.false(here());
  t.like(await t.throwsAsync(w.settle(offer.message(null))), { code: 'NOT_FOUND' });
});

test('protocol, nact: later code upgrades what the function had returned, not what keeps it', async (t) => {
  const { w, robot, system } = await scene();
  const tally = spawn(system, First, 'tally');
  const get = () => w.settle(query(tally, (sender: Ref<unknown>) => ({ sender }), 1000));
  t.is(await get(), 3);

  const { from, to } = await w.settle(robot.move('robot/tally', { to: 'edge' }));
  t.deepEqual([from.node, to.node], ['robot', 'edge']);

  t.deepEqual(await get(), { total: 4, from: 1 });
});

test('protocol, nact: a bare function is moved by nobody, even where such functions run', async (t) => {
  const { w, robot, edge, system } = await scene();
  const bare = spawn(system, count, 'bare', { initialState: 1 });
  const other = spawn(start(edge), (_state: unknown, { sender }: Get) => dispatch(sender, 'another function'), 'other');
  const get = (ref: Ref<Get>) => w.settle(query(ref, (sender: Ref<unknown>) => ({ sender }), 1000));
  t.deepEqual([await get(bare), await get(other)], [1, 'another function']);

  await t.throwsAsync(w.settle(robot.move('robot/bare', { to: 'edge' })), { message: /instance of class BareFunction at / });

  t.is(await get(bare), 2);
  t.is(robot.where('robot/bare')?.node, 'robot');
});

test('protocol, nact: an actor under one that is not of nact kind stops, and fails, as any child of it does', async (t) => {
  const { w, robot } = await scene();
  const failures: string[] = [];
  const Failing = stateful('failing', (_state: unknown, message: string): never => {
    throw new Error(message);
  });
  const Parent = actor('plain-parent', {
    state: () => ({}),
    supervise: {
      decide(error) {
        failures.push(error.message);
        return 'resume';
      },
    },
    on: { raise: (_state, name: string, ctx) => void ctx.child(Failing, name) },
  });
  const Escalating = stateful(
    'escalating',
    (_state: unknown, message: string): never => {
      throw new Error(message);
    },
    { onCrash: (_message, _error, ctx) => ctx.escalate },
  );
  const Mother = actor('mother', {
    state: () => ({}),
    supervise: Parent.supervise,
    on: { raise: (_state, name: string, ctx) => void ctx.child(Escalating, name) },
  });
  await w.settle(spawnGodwit(robot, Parent, 'p').raise('child'));
  await w.settle(spawnGodwit(robot, Mother, 'm').raise('child'));
  const children = [robot.refTo(Failing, 'robot/p/child'), robot.refTo(Escalating, 'robot/m/child')] as const;

  for (const child of children) t.like(await t.throwsAsync(w.settle(child.message('one'))), { message: 'one' });
  await w.advance(10);

  t.deepEqual(failures, ['one']);
  for (const child of children) {
    stop(child);
    t.like(await t.throwsAsync(w.settle(child.message('two'))), { code: 'NOT_FOUND' });
  }
});
