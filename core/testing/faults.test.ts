import test from 'ava';
import { actor } from '../actors/definition.js';
import { dispatch } from '../actors/ref.js';
import { spawn } from '../actors/spawn.js';
import { GodwitError } from '../errors.js';
import { defaultLeaseMs } from '../migration/index.js';
import { world } from './world.js';
import { eventsOf, Ledger, twoNodes } from './world.test-support.js';

/** What a takeover may take beyond the lease (issue 3). */
const takeoverMs = 200;

test('cut: both ends learn at once; what was asked meanwhile is answered after the link heals', async (t) => {
  const { w, robot, edge } = twoNodes();
  await w.advance(100);
  const ledger = spawn(robot, Ledger, 'l');
  await w.settle(robot.move('robot/l', { to: 'edge' }));

  w.cut(robot, edge);
  const answer = ledger.put(1);
  await w.advance(500);
  t.deepEqual(
    eventsOf(w, 'link-down').map(({ node, event, atMs }) => [node, event.peer, atMs]),
    [
      ['robot', 'edge', w.nowMs - 500],
      ['edge', 'robot', w.nowMs - 500],
    ],
  );
  t.deepEqual(robot.node.peers(), []);
  w.heal(robot, edge);

  t.is(await w.settle(answer), 1);
  t.is(eventsOf(w, 'link-up').length, 4);
});

test('silent cut: each end finds out by itself, after detectMs and not before', async (t) => {
  const { w, robot, edge } = twoNodes({ link: { detectMs: 800 } });
  await w.advance(100);

  w.cut(robot, edge, { silent: true });
  await w.advance(799);
  t.deepEqual(eventsOf(w, 'link-down'), []);
  await w.advance(402);

  t.deepEqual(
    eventsOf(w, 'link-down')
      .map(({ node }) => node)
      .sort(),
    ['edge', 'robot'],
  );
});

test('silent cut: healed in time, frames come late and in order, and nobody noticed', async (t) => {
  const { w, robot, edge } = twoNodes({ link: { detectMs: 800 } });
  await w.advance(100);
  const ledger = spawn(robot, Ledger, 'l');
  await w.settle(robot.move('robot/l', { to: 'edge' }));

  w.cut(robot, edge, { silent: true });
  for (const entry of [1, 2, 3]) dispatch(ledger, 'put', entry);
  await w.advance(700);
  t.deepEqual(await w.settle(edge.stateOf('robot/l')), { entries: [] });
  w.heal(robot, edge);
  await w.advance(50);

  t.deepEqual(await w.settle(edge.stateOf('robot/l')), { entries: [1, 2, 3] });
  t.deepEqual(eventsOf(w, 'link-down'), []);
});

test('partition: cuts between the groups and not within them', async (t) => {
  const w = world();
  const robot = w.device('robot');
  const [north, south] = [w.edge('north'), w.edge('south')];
  w.link(robot, north);
  w.link(robot, south);
  w.link(north, south);
  await w.advance(100);

  w.partition([robot], [north, south]);
  await w.advance(10);
  t.deepEqual(
    [robot, north, south].map((node) => node.node.peers().map(({ name }) => name)),
    [[], ['south'], ['north']],
  );
  w.heal();
  await w.advance(1000);

  t.deepEqual(
    robot.node
      .peers()
      .map(({ name }) => name)
      .sort(),
    ['north', 'south'],
  );
});

test('crash: an actor comes back at home within its lease, and a restarted edge is another node', async (t) => {
  const { w, robot, edge } = twoNodes();
  await w.advance(100);
  const ledger = spawn(robot, Ledger, 'l');
  await w.settle(robot.move('robot/l', { to: 'edge' }));
  await w.settle(ledger.put(1));
  await w.advance(100);
  const { boot } = edge.node;

  w.crash(edge);
  const crashedAtMs = w.nowMs;
  t.is(await w.settle(ledger.put(2)), 2);

  t.true(w.nowMs - crashedAtMs <= defaultLeaseMs + takeoverMs, `took over after ${w.nowMs - crashedAtMs} ms`);
  t.deepEqual(await w.settle(robot.stateOf('robot/l')), { entries: [1, 2] });
  w.restart(edge);
  await w.advance(6000);
  t.deepEqual(
    robot.node.peers().map((peer) => peer.boot),
    [edge.node.boot],
  );
  t.not(edge.node.boot, boot);
  t.is(edge.lifeNumber, 2);
});

test('crash: peers learn when the news has travelled; after a power cut, only by the silence', async (t) => {
  for (const { silent, fromMs, toMs } of [
    { silent: false, fromMs: 10, toMs: 10 },
    { silent: true, fromMs: 800, toMs: 1200 },
  ]) {
    const { w, edge } = twoNodes({ link: { rttMs: 20, detectMs: 800 } });
    await w.advance(100);

    w.crash(edge, { silent });
    await w.advance(2000);

    const [{ atMs }] = eventsOf(w, 'link-down');
    t.true(atMs - 100 >= fromMs && atMs - 100 <= toMs, `learned after ${atMs - 100} ms`);
  }
});

test('crash: the application runs again in each life', async (t) => {
  const lives: number[] = [];
  const { w, robot } = twoNodes({
    device: {
      onStart(node) {
        lives.push(node.lifeNumber);
        spawn(node, Ledger, 'l');
      },
    },
  });

  t.is(await w.settle(robot.refTo(Ledger, 'robot/l').put(1)), 1);
  w.crash(robot);
  w.restart(robot);

  t.deepEqual(lives, [1, 2]);
  t.true(Array.isArray(await w.settle(robot.refTo(Ledger, 'robot/l').all())));
});

test('crash: a dead life reaches nobody, and what its application waited for ends', async (t) => {
  const turns: string[] = [];
  const Echo = actor('echo', { version: 1, state: () => ({}), on: { say: (_state, word: string) => void turns.push(word) } });
  const { w, robot, edge } = twoNodes();
  const [here, there] = [spawn(robot, Echo, 'here'), spawn(edge, Echo, 'there')];
  const remote = robot.refTo(Echo, 'edge/there');
  await w.advance(100);
  await w.settle(remote.say('alive'));
  const before = w.events.length;

  const waiting = remote.say('on its way');
  dispatch(here, 'say', 'in the same moment');
  w.crash(robot);
  const error = await t.throwsAsync<GodwitError>(w.settle(waiting));
  for (const ref of [here, remote]) t.is(t.throws<GodwitError>(() => dispatch(ref, 'say', 'after death'))?.code, 'CANCELLED');
  await w.advance(10_000);

  t.is(error?.code, 'CANCELLED');
  t.deepEqual(turns, ['alive']);
  t.deepEqual(
    w.events.slice(before).filter(({ node }) => node === 'robot'),
    [],
  );
  t.is(await w.settle(there.say('still here')), undefined);
});

test('crash: a target that dies between the commit and its word; the source says that its copy is over, once', async (t) => {
  const committedMs = [35, 40, 45];
  for (const ms of committedMs) {
    const { w, robot, edge } = twoNodes({ link: { rttMs: 20 } });
    await w.advance(200);
    spawn(robot, Ledger, 'l');
    const moved = robot.move('robot/l', { to: 'edge' }).then(
      () => 'OK',
      (thrown: unknown) => GodwitError.from(thrown).code,
    );
    await w.advance(ms);
    w.crash(edge);

    t.is(await w.settle(moved), 'UNAVAILABLE');
    const ends = eventsOf(w, 'stopped').filter(({ node }) => node === 'robot');
    t.is(ends.length, 1);
    t.regex(ends[0].event.reason, /handed to edge, which was not heard of/);
  }
});

test('cut: an owner that its home missed goes on, though the only other copy was lost meanwhile', async (t) => {
  const w = world({ seed: 2 });
  const options = { definitions: [Ledger] };
  const [robot, one, two] = [w.device('robot', options), w.edge('edge-1', options), w.edge('edge-2', options)];
  for (const [a, b] of [
    [robot, one],
    [robot, two],
    [one, two],
  ])
    w.link(a, b, { rttMs: 10 });
  await w.advance(100);
  const ledger = spawn(robot, Ledger, 'l');
  await w.settle(robot.move('robot/l', { to: 'edge-1' }));
  t.is(await w.settle(ledger.put(1)), 1);
  await w.settle(one.move('robot/l', { to: 'edge-2' }));

  // The copy that the register names is on the first edge, until there is a checkpoint.
  w.cut(robot, two);
  w.crash(one);
  await w.advance(2 * defaultLeaseMs);
  w.heal(robot, two);

  t.is(await w.settle(ledger.put(2)), 2);
  t.is(robot.where('robot/l')?.node, 'edge-2');
  t.deepEqual(eventsOf(w, 'restored'), []);
});

test('pause: nothing of the node runs; afterwards its timers are late and its frames come in order', async (t) => {
  const { w, robot, edge } = twoNodes();
  const ranAtMs: number[] = [];
  const Alarm = actor('alarm', {
    version: 1,
    state: () => ({}),
    on: {
      set: (_state, delayMs: number, ctx) => void ctx.after(delayMs, 'ring'),
      ring: () => void ranAtMs.push(w.nowMs),
    },
  });
  const alarm = spawn(edge, Alarm, 'alarm');
  const ledger = spawn(edge, Ledger, 'l');
  const remote = robot.refTo(Ledger, 'edge/l');
  await w.advance(100);
  await w.settle(alarm.set(200));

  w.pause(edge);
  t.is(edge.status, 'paused');
  const answers = Promise.all([remote.put(1), remote.put(2)]);
  await w.advance(1000);
  t.deepEqual(ranAtMs, []);
  w.resume(edge);

  t.deepEqual(await w.settle(answers), [1, 2]);
  t.deepEqual(ranAtMs, [1100]);
  t.deepEqual(await w.settle(ledger.all()), [1, 2]);
});

test('pause: an owner paused longer than its lease fences itself; its actor lives once', async (t) => {
  const { w, robot, edge } = twoNodes();
  await w.advance(100);
  const ledger = spawn(robot, Ledger, 'l');
  await w.settle(robot.move('robot/l', { to: 'edge' }));
  await w.settle(ledger.put(1));
  await w.advance(100);

  w.pause(edge);
  await w.advance(defaultLeaseMs + takeoverMs);
  t.deepEqual(
    eventsOf(w, 'restored').map(({ node, event }) => [node, event.actor, event.lostNode]),
    [['robot', 'robot/l', 'edge']],
  );
  w.resume(edge);
  t.is(await w.settle(ledger.put(2)), 2);
  await w.advance(10_000);

  t.deepEqual(await w.settle(ledger.all()), [1, 2]);
  t.deepEqual(
    [robot, edge].map((node) => node.actors().map(({ address }) => address)),
    [['robot/l'], []],
  );
});

test('link: bandwidth makes large messages take their time', async (t) => {
  const w = world();
  const robot = w.device('robot');
  const Keeper = actor('keeper', { version: 1, state: () => ({}), on: { keep: (_state, bytes: Uint8Array) => bytes.length } });
  const far = w.edge('far', { onStart: (node) => void spawn(node, Keeper, 'k') });
  w.link(robot, far, { rttMs: 20, bytesPerSecond: 100_000 });
  await w.advance(1000);

  const asked = w.nowMs;
  t.is(await w.settle(robot.refTo(Keeper, 'far/k').keep(new Uint8Array(100_000))), 100_000);

  t.true(w.nowMs - asked >= 1000 + 20 && w.nowMs - asked < 1100, `took ${w.nowMs - asked} ms`);
});

test('bulk: a large state travels beside the link; cut half-way, the move fails and the actor runs on', async (t) => {
  const Hoard = actor('hoard', { version: 1, state: () => ({ bytes: new Uint8Array(200_000) }), on: { size: (state) => state.bytes.length } });
  const { w, robot, edge } = twoNodes({
    device: { definitions: [Hoard] },
    edge: { definitions: [Hoard] },
    link: { rttMs: 20, bytesPerSecond: 200_000 },
  });
  await w.advance(100);
  const hoard = spawn(robot, Hoard, 'h');
  await w.settle(hoard.size());

  const failing = robot.move('robot/h', { to: 'edge' });
  await w.advance(500);
  w.cut(robot, edge);
  const error = await t.throwsAsync<GodwitError>(w.settle(failing));
  t.true(GodwitError.is(error));
  w.heal();
  await w.advance(1000);
  t.is(await w.settle(hoard.size()), 200_000);
  t.deepEqual(
    robot.actors().map(({ address }) => address),
    ['robot/h'],
  );

  const report = await w.settle(robot.move('robot/h', { to: 'edge' }));
  t.true(report.stallMs >= 1000, `stalled for ${report.stallMs} ms`);
});
