import test, { type ExecutionContext } from 'ava';
import { actor } from '../actors/definition.js';
import { dispatch } from '../actors/ref.js';
import { spawn } from '../actors/spawn.js';
import { world } from '../testing/world.js';

const First = actor('counter', {
  version: 1,
  state: () => ({ count: 0 }),
  on: {
    add(state, amount: number) {
      state.count += amount;
      return state.count;
    },
    old: () => 'old',
  },
});

const Second = actor('counter', {
  version: 2,
  state: () => ({ total: 0n, since: 2 }),
  upgrade(state, version) {
    const { count } = state as { readonly count: number };
    if (count < 0) throw new Error('a count below 0 means nothing here');
    return { total: BigInt(count), since: version };
  },
  on: {
    add(state, amount: number) {
      state.total += BigInt(amount);
      return Number(state.total);
    },
    since: (state) => state.since,
  },
});

const Careless = actor('counter', { version: 3, state: () => ({}), on: { add: (_state, amount: number) => amount } });

async function scene(there = Second, here = First) {
  const w = world({ encodeAlways: true });
  const robot = w.device('robot', { definitions: [here] });
  const edge = w.edge('edge', { definitions: [there] });
  w.link(robot, edge);
  await w.advance(20);
  const counter = spawn(robot.node, here, 'counter');
  await w.settle(counter.add(3));
  return { w, robot, edge, counter };
}

const versionOn = (node: Awaited<ReturnType<typeof scene>>['edge']) => node.actors().find(({ address }) => address === 'robot/counter')?.version;

/** A move that is refused, after which the actor goes on where it was. */
async function refuses(t: ExecutionContext, { w, robot, counter }: Awaited<ReturnType<typeof scene>>, message: RegExp): Promise<void> {
  await t.throwsAsync(w.settle(robot.move('robot/counter', { to: 'edge' })), { code: 'FAILED_PRECONDITION', message } as never);
  const count = await w.settle(counter.add(1));
  t.true(count > 0 || count === -6);
  t.is(robot.where('robot/counter')?.node, 'robot');
}

test('upgrade: a move to a node with later code makes the state that code wants; refs, mailbox and senders go on', async (t) => {
  const { w, robot, edge, counter } = await scene();
  const moving = robot.move('robot/counter', { to: 'edge' });
  for (let i = 0; i < 10; i++) dispatch(counter, 'add', 1);
  const report = await w.settle(moving);

  t.is(await w.settle(counter.add(1)), 14);
  t.is(versionOn(edge), 2);
  t.not(report.stateHash.after, report.stateHash.before);
  const upgraded = robot.refTo(Second, 'robot/counter');
  t.is(await w.settle(upgraded.since()), 1);
  await t.throwsAsync(w.settle(counter.old()), { code: 'INVALID_ARGUMENT', message: /\(counter v2\) has no message 'old'; it has add, since/ } as never);
});

test('upgrade: an older node refuses, says so, and the actor goes on where it was', async (t) => {
  const all = await scene(First as never, Second as never);
  await refuses(t, all, /robot\/counter is of version 2 of counter, and here is version 1: update it here first/);
});

test('upgrade: code that does not say how to read the state, or cannot read this one, is refused', async (t) => {
  await refuses(t, await scene(Careless as never), /version 3 does not say how to read its state: give its definition `upgrade\(state, version\)`/);
  const negative = await scene();
  await negative.w.settle(negative.counter.add(-10));
  await refuses(t, negative, /cannot be upgraded from version 1 of counter to 2: a count below 0 means nothing here/);
});

test('upgrade: an actor that was upgraded away does not come back to older code, and goes on there', async (t) => {
  const { w, robot, edge, counter } = await scene();
  await w.settle(robot.move('robot/counter', { to: 'edge' }));

  await t.throwsAsync(w.settle(robot.recall('robot/counter')), {
    code: 'FAILED_PRECONDITION',
    message: /version 2 of counter, and here is version 1/,
  } as never);
  t.is(await w.settle(counter.add(1)), 4);
  t.is(versionOn(edge), 2);
});

test('upgrade: a device that restarts with later code gets its actor back upgraded, from the edge or from its disk', async (t) => {
  for (const survives of [true, false]) {
    const w = world({});
    let definition: typeof First = { ...First, checkpointTurns: 1 };
    const robot = w.device('robot', { onStart: (node) => void spawn(node.node, definition, 'counter') });
    const edge = w.edge('edge', { definitions: [{ ...First, checkpointTurns: 1 }] });
    w.link(robot, edge);
    await w.advance(20);
    await w.settle(spawn(robot.node, definition, 'counter').add(3));
    await w.settle(robot.move('robot/counter', { to: 'edge' }));
    t.is(await w.settle(robot.refTo(First, 'robot/counter').add(4)), 7);
    await w.advance(100);

    w.crash(robot);
    if (!survives) w.crash(edge);
    definition = Second as never;
    w.restart(robot);
    await w.advance(10_000);
    if (survives) await w.settle(robot.recall('robot/counter'));

    t.is(await w.settle(robot.refTo(Second, 'robot/counter').add(1)), 8);
    t.is(versionOn(robot), 2);
  }
});
