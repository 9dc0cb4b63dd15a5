import test from 'ava';
import { actor } from '../actors/definition.js';
import { spawn } from '../actors/spawn.js';
import { GodwitError } from '../errors.js';
import { forEachSeed } from './seeds.js';
import { type World, world } from './world.js';
import { eventsOf, Ledger, twoNodes } from './world.test-support.js';

test('world: time passes only when it is told to, and then as long as a link takes', async (t) => {
  const { w, robot, edge } = twoNodes({ link: { rttMs: 20 } });
  t.is(w.nowMs, 0);

  await w.advance(1000);
  t.is(w.nowMs, 1000);
  const ledger = spawn(robot, Ledger, 'l');
  t.is(await w.settle(ledger.put(1)), 1);
  t.is(w.nowMs, 1000, 'a turn on the own node takes no time');

  await w.settle(robot.move('robot/l', { to: 'edge' }));
  const asked = w.nowMs;
  t.is(await w.settle(ledger.put(2)), 2);
  t.true(w.nowMs - asked >= 20, `an ask to the edge took ${w.nowMs - asked} ms`);
  t.deepEqual(
    edge.actors().map(({ address }) => address),
    ['robot/l'],
  );
});

test('world: an actor that moved really runs on the other node, and says that both are simulated', async (t) => {
  const { w, robot, edge } = twoNodes();
  await w.advance(100);
  const ledger = spawn(robot, Ledger, 'l');
  await w.settle(ledger.put(1));

  const report = await w.settle(robot.move('robot/l', { to: 'edge' }));

  t.is(report.from.place, 'simulated native on robot');
  t.is(report.to.place, 'simulated native on edge');
  t.is(report.stateHash.before, report.stateHash.after);
  t.deepEqual(await w.settle(edge.stateOf('robot/l')), { entries: [1] });
  const back = await w.settle(robot.recall('robot/l'));
  t.is(back.to.node, 'robot');
});

/** Jitter, a move, a crash, a pause and a cut: all that chance has a say in. */
async function eventful(seed: number): Promise<World> {
  const { w, robot, edge } = twoNodes({ seed, trace: true, link: { rttMs: 20, jitterMs: 15 } });
  await w.advance(200);
  const ledger = spawn(robot, Ledger, 'l');
  await w.settle(ledger.put(1));
  await w.settle(robot.move('robot/l', { to: 'edge' }));
  const asks = Promise.allSettled([ledger.put(2), ledger.put(3), ledger.put(4)]);
  await w.advance(15);
  w.cut(robot, edge, { silent: true });
  await w.advance(1600);
  w.heal();
  w.pause(robot);
  await w.advance(500);
  w.resume(robot);
  w.crash(edge);
  await w.settle(asks);
  w.restart(edge);
  await w.advance(8000);
  return w;
}

test('world: one seed is one run, to the byte; another seed is another', async (t) => {
  const first = await eventful(7);
  const second = await eventful(7);
  const other = await eventful(8);

  t.true(first.trace.length > 50);
  t.deepEqual(second.trace, first.trace);
  t.is(second.digest(), first.digest());
  t.deepEqual(second.events, first.events);
  t.not(other.digest(), first.digest());
});

test('world: a failing seed prints itself', async (t) => {
  const ran: number[] = [];

  const error = await t.throwsAsync<GodwitError>(
    forEachSeed({ first: 3, count: 10 }, async (w) => {
      ran.push(w.seed);
      await w.advance(5);
      if (w.seed === 5) throw new Error('the sum is wrong');
    }),
  );

  t.deepEqual(ran, [3, 4, 5]);
  t.regex(error?.message ?? '', /seed 5 failed, at 5 virtual ms: the sum is wrong; world\(\{ seed: 5 \}\) does it again/);
  t.deepEqual(error?.details, { seed: 5, atMs: 5 });
});

test('world: a promise that nothing can settle is an error that tells the seed', async (t) => {
  const w = world({ seed: 41 });

  const error = await t.throwsAsync<GodwitError>(w.settle(new Promise(() => {})));

  t.is(error?.code, 'FAILED_PRECONDITION');
  t.regex(error?.message ?? '', /will never settle: nothing is due any more[\s\S]*seed 41/);
});

test('world: a promise that takes too long is an error that tells what the world looks like', async (t) => {
  const { w, robot, edge } = twoNodes({ seed: 42 });
  await w.advance(1000);
  spawn(robot, Ledger, 'l');
  w.cut(robot, edge);

  const error = await t.throwsAsync<GodwitError>(w.settle(new Promise(() => {}), { limitMs: 3000 }));

  t.is(error?.code, 'DEADLINE_EXCEEDED');
  t.deepEqual(error?.details, { seed: 42, atMs: w.nowMs });
  t.regex(error?.message ?? '', /robot: running, life 1, robot\/l[\s\S]*robot – edge: cut \(reset\)[\s\S]*link-down[\s\S]*seed 42/);
});

test('world: settling a promise that rejects rejects with its reason', async (t) => {
  const { w, robot } = twoNodes();

  const error = await t.throwsAsync<GodwitError>(w.settle(robot.move('robot/nobody', { to: 'edge' })));

  t.is(error?.code, 'NOT_FOUND');
});

test('world: two runs at once are refused, and time does not suffer', async (t) => {
  const { w } = twoNodes();
  const first = w.advance(1000);

  const error = await t.throwsAsync<GodwitError>(w.advance(1000));

  t.is(error?.code, 'FAILED_PRECONDITION');
  await first;
  t.is(w.nowMs, 1000);
});

test('world: what cannot be is refused with the seed', async (t) => {
  const { w, robot, edge } = twoNodes({ seed: 9 });
  const third = w.edge('third');
  const refused = (act: () => unknown) => {
    const error = t.throws<GodwitError>(act);
    t.true(GodwitError.is(error));
    t.regex(error?.message ?? '', /seed 9/);
    return error?.code;
  };

  t.is(
    refused(() => w.device('edge')),
    'ALREADY_EXISTS',
  );
  t.is(
    refused(() => w.cut(robot, third)),
    'NOT_FOUND',
  );
  t.is(
    refused(() => w.restart(edge)),
    'FAILED_PRECONDITION',
  );
  t.is(
    refused(() => w.resume(edge)),
    'FAILED_PRECONDITION',
  );
  w.crash(edge);
  t.is(
    refused(() => w.crash(edge)),
    'FAILED_PRECONDITION',
  );
  t.is(
    refused(() => edge.actors()),
    'UNAVAILABLE',
  );
  t.is((await t.throwsAsync<GodwitError>(w.advance(-1)))?.code, 'INVALID_ARGUMENT');
  t.is(t.throws<GodwitError>(() => world({ seed: 0.5 }))?.code, 'INVALID_ARGUMENT');
});

test('world: a device takes in no actors of others', async (t) => {
  const w = world();
  const robot = w.device('robot', { definitions: [Ledger] });
  const tablet = w.device('tablet', { definitions: [Ledger] });
  w.link(robot, tablet);
  await w.advance(100);
  await w.settle(spawn(robot, Ledger, 'l').put(1));

  const error = await t.throwsAsync<GodwitError>(w.settle(robot.move('robot/l', { to: 'tablet' })));

  t.is(error?.code, 'PERMISSION_DENIED');
});

test('world: clocks drift, and no two nodes agree on the time', async (t) => {
  const w = world();
  const ranAt: Record<string, number> = {};
  const Alarm = actor('alarm', {
    version: 1,
    state: () => ({ name: '' }),
    on: {
      set(state, name: string, ctx) {
        state.name = name;
        ctx.after(10_000, 'ring', undefined);
      },
      ring(state) {
        ranAt[state.name] = w.nowMs;
      },
    },
  });
  for (const [name, clockPpm] of Object.entries({ exact: 0, fast: 10_000, slow: -10_000 })) {
    const node = w.device(name, { clockPpm });
    await w.settle(spawn(node, Alarm, 'alarm').set(name));
  }

  await w.advance(11_000);

  const within = (name: string, ms: number) => t.true(ranAt[name] >= ms && ranAt[name] < ms + 5, `${name} rang at ${ranAt[name]} ms`);
  within('exact', 10_000);
  within('fast', 10_000 / 1.01);
  within('slow', 10_000 / 0.99);
});

test('world: host functions are the test’s own', async (t) => {
  const w = world();
  const calls: unknown[] = [];
  const Camera = actor('camera', {
    version: 1,
    state: () => ({}),
    on: {
      decode: (_state, _payload: undefined, ctx) => ctx.call('image', 'decode', [7]),
    },
  });
  const hostFunction = {
    name: 'image',
    async call(method: string, args: readonly unknown[]) {
      calls.push([method, args]);
      return 'a picture';
    },
  };
  const robot = w.device('robot', { hostFunctions: new Map([['image', hostFunction]]) });

  t.is(await w.settle(spawn(robot, Camera, 'c').decode(undefined)), 'a picture');
  t.deepEqual(calls, [['decode', [[7]]]]);
});

test('world: what nodes report is kept with its time and can be observed', async (t) => {
  const { w, edge } = twoNodes({ link: { rttMs: 20 } });
  const heard: string[] = [];
  const cancel = w.observe(({ node, event }) => heard.push(`${node} ${event.type}`));

  await w.advance(1000);
  cancel();
  w.crash(edge);
  await w.advance(1000);

  t.deepEqual(heard, ['robot link-up', 'edge link-up']);
  t.deepEqual(
    eventsOf(w, 'link-up').map(({ node, life, atMs }) => [node, life, atMs]),
    [
      ['robot', 1, 20],
      ['edge', 1, 30],
    ],
  );
});
