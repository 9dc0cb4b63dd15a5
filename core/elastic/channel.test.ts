import test from 'ava';
import { actor } from '../actors/definition.js';
import { dispatch } from '../actors/ref.js';
import { spawn } from '../actors/spawn.js';
import { GodwitError } from '../errors.js';
import { type Channel, channel } from './channel.js';
import { Camera, collect, numbers, threeNodes, Viewer } from './channel.test-support.js';
import type { Endpoint } from './endpoint.js';

test('channel: brings every value once, in order, and ends when it is closed', async (t) => {
  for (const encodeAlways of [false, true]) {
    const { w, robot } = await threeNodes(1, encodeAlways);
    const { near, far } = channel<number>(robot.node, 'frames');
    const got = collect(far);
    const sent = (async () => {
      for (const value of numbers(1, 200)) await near.send(value);
      await near.close();
    })();

    await w.settle(sent);
    t.deepEqual(await w.settle(got), numbers(1, 200));
  }
});

test('channel: what was sent before it closed arrives, however little may be under way', async (t) => {
  const { w, robot } = await threeNodes();
  for (const capacity of [1, 2, 3]) {
    const { near, far } = channel<number>(robot.node, `frames-${capacity}`, { capacity });
    for (const value of numbers(1, capacity)) await w.settle(near.send(value));
    await w.settle(near.close());
    t.deepEqual(await w.settle(collect(far)), numbers(1, capacity));
  }
});

test('channel: values sent without waiting keep their order', async (t) => {
  const { w, robot } = await threeNodes();
  const { near, far } = channel<number>(robot.node, 'frames', { capacity: 3 });

  const sent = Promise.all(numbers(1, 100).map((value) => near.send(value)));
  t.deepEqual(await w.settle(collect(far, 100)), numbers(1, 100));
  await w.settle(sent);
});

test('channel: its ends are two-way', async (t) => {
  const { w, robot } = await threeNodes();
  const { near, far } = channel<number, string>(robot.node, 'talk');
  const answering = (async () => {
    for await (const value of far) await far.send(`got ${value}`);
  })();
  const answers = collect(near, 3);

  for (const value of [1, 2, 3]) await w.settle(near.send(value));
  t.deepEqual(await w.settle(answers), ['got 1', 'got 2', 'got 3']);
  await w.settle(near.close());
  await w.settle(answering);
});

test('channel: a sender waits while its receiver has no room, and goes on when it has', async (t) => {
  const { w, robot } = await threeNodes();
  const { near, far } = channel<number>(robot.node, 'frames', { capacity: 4 });
  let sent = 0;
  const sending = (async () => {
    for (const value of numbers(1, 50)) {
      await near.send(value);
      sent = value;
    }
  })();

  await w.advance(1000);
  t.is(sent, 4);
  t.deepEqual(await w.settle(collect(far, 50)), numbers(1, 50));
  await w.settle(sending);
});

test('channel: a value for which there is no room in time is refused, and its sender told', async (t) => {
  const { w, robot } = await threeNodes();
  const { near } = channel<number>(robot.node, 'frames', { capacity: 1 });

  const outcomes = await w.settle(Promise.allSettled([near.send(1), near.send(2), near.send(3)]));
  t.deepEqual(
    outcomes.map((outcome) => (outcome.status === 'rejected' ? GodwitError.from(outcome.reason).code : 'OK')),
    ['OK', 'DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED'],
  );
  const gaveUp = new AbortController();
  const given = near.send(4, { signal: gaveUp.signal });
  gaveUp.abort();
  await t.throwsAsync(w.settle(given), { code: 'CANCELLED' } as never);
});

for (const overflow of ['drop-oldest', 'drop-newest'] as const) {
  test(`channel: ${overflow} never makes a sender wait`, async (t) => {
    const { w, robot } = await threeNodes();
    const { near, far } = channel<number>(robot.node, 'frames', { capacity: 4, overflow });

    for (const value of numbers(1, 20)) await w.settle(near.send(value));
    await w.settle(near.close());
    t.deepEqual(await w.settle(collect(far)), overflow === 'drop-oldest' ? [17, 18, 19, 20] : [1, 2, 3, 4]);
  });
}

test('channel: a subscriber that moves, and a link that drops, miss nothing and repeat nothing', async (t) => {
  for (const seed of numbers(1, 12)) {
    const { w, robot, east, west } = await threeNodes(seed, seed % 2 === 0);
    const { near, far } = channel<number>(robot.node, 'frames', { capacity: 8 });
    const viewer = spawn(robot.node, Viewer, 'viewer');
    await w.settle(viewer.watch(far));
    const sending = (async () => {
      for (const value of numbers(1, 300)) await near.send(value);
      await near.close();
    })();
    for (const to of ['east', 'west', 'east', 'robot', 'west']) {
      await w.advance(5 + seed);
      const owner = [robot, east, west].find((node) => node.actors().some(({ address }) => address === 'robot/viewer'));
      await w.settle((owner ?? robot).move('robot/viewer', { to }));
      if (to === 'west') {
        w.cut(robot, west);
        await w.advance(100);
        w.heal(robot, west);
      }
    }
    await w.settle(sending);
    await w.advance(1000);
    t.deepEqual(await w.settle(viewer.seen()), numbers(1, 300), `seed ${seed}`);
    t.is(await w.settle(viewer.ended()), 'orderly');
  }
});

test('channel: a sender that moves loses nothing and repeats nothing', async (t) => {
  for (const seed of numbers(1, 8)) {
    const { w, robot, east, west } = await threeNodes(seed);
    const { near, far } = channel<number, number>(robot.node, 'frames', { capacity: 4 });
    const camera = spawn(robot.node, Camera, 'camera');
    const got = collect(near, 100);
    await w.settle(camera.film({ to: far, count: 100 }));
    for (const to of ['east', 'west', 'robot', 'east']) {
      await w.advance(17);
      const owner = [robot, east, west].find((node) => node.actors().some(({ address }) => address === 'robot/camera'));
      await w.settle((owner ?? robot).move('robot/camera', { to }));
    }
    t.deepEqual(await w.settle(got), numbers(1, 100), `seed ${seed}`);
  }
});

test('channel: one-to-many brings every receiver every value sent after it came, and late ones what is replayed', async (t) => {
  const { w, robot, east } = await threeNodes();
  const { near, far } = channel<number[]>(robot.node, 'frames', { to: 'many', replay: 2 });
  const Changing = actor('changing', {
    state: () => ({ seen: [] as number[] }),
    on: {
      watch: (_state, frames: Endpoint<never, number[]>) => frames.subscribe('frame'),
      // A receiver may change what it gets: it is its own.
      frame: (state, frame: number[]) => void state.seen.push(...frame.splice(0)),
      seen: (state) => [...state.seen],
    },
  });
  const viewers = ['a', 'b', 'c'].map((name) => spawn(robot.node, Changing, name));
  const [a, b, late] = viewers as [(typeof viewers)[0], (typeof viewers)[0], (typeof viewers)[0]];

  for (const viewer of [a, b]) await w.settle(viewer.watch(far));
  for (const value of numbers(1, 10)) await w.settle(near.send([value]));
  await w.settle(late.watch(far));
  for (const value of numbers(11, 20)) await w.settle(near.send([value]));
  await w.advance(100);

  t.deepEqual(await w.settle(a.seen()), numbers(1, 20));
  t.deepEqual(await w.settle(b.seen()), numbers(1, 20));
  t.deepEqual(await w.settle(late.seen()), numbers(9, 20));
  t.is(east.status, 'running');
});

test('channel: one-to-many is two-way too: what a receiver sends back comes to the near end alone', async (t) => {
  const { w, robot } = await threeNodes();
  const { near, far } = channel<number, number>(robot.node, 'room', { to: 'many' });
  const Answering = actor('answering', {
    state: () => ({ room: undefined as Endpoint<number, number> | undefined, heard: [] as number[] }),
    on: {
      async enter(state, room: Endpoint<number, number>) {
        state.room = room;
        await room.subscribe('hear');
      },
      async hear(state, value: number) {
        state.heard.push(value);
        await state.room?.send(value * 10);
      },
      heard: (state) => [...state.heard],
    },
  });
  const guests = ['a', 'b', 'c'].map((name) => spawn(robot.node, Answering, name));
  for (const guest of guests) await w.settle(guest.enter(far));
  const answers = collect(near, 6);

  for (const value of [1, 2]) await w.settle(near.send(value));
  t.deepEqual(
    (await w.settle(answers)).sort((a, b) => a - b),
    [10, 10, 10, 20, 20, 20],
  );
  for (const guest of guests) t.deepEqual(await w.settle(guest.heard()), [1, 2]);
});

test('channel: a one-to-many receiver that moves misses nothing while others receive at their own pace', async (t) => {
  const { w, robot, east } = await threeNodes(5);
  const { near, far } = channel<number>(robot.node, 'frames', { to: 'many', capacity: 4 });
  const viewers = ['a', 'b', 'c'].map((name) => spawn(robot.node, Viewer, name));
  for (const viewer of viewers) await w.settle(viewer.watch(far));
  const sending = (async () => {
    for (const value of numbers(1, 100)) await near.send(value);
  })();
  await w.settle(robot.move('robot/b', { to: 'east' }));
  await w.advance(30);
  await w.settle(east.move('robot/b', { to: 'west' }));
  await w.settle(sending);
  await w.advance(500);

  for (const viewer of viewers) t.deepEqual(await w.settle(viewer.seen()), numbers(1, 100));
});

test('channel: what a receiver left unhandled the next one gets; two at once are refused', async (t) => {
  const { w, robot } = await threeNodes();
  const { near, far } = channel<number>(robot.node, 'frames');
  for (const value of numbers(1, 10)) await w.settle(near.send(value));

  t.deepEqual(await w.settle(collect(far, 3)), [1, 2, 3]);
  await w.advance(10);
  const viewer = spawn(robot.node, Viewer, 'viewer');
  await w.settle(viewer.watch(far));
  await t.throwsAsync(w.settle(collect(far)), { code: 'FAILED_PRECONDITION', message: /one-to-one, and robot\/viewer receives/ } as never);
  await w.advance(10);
  t.deepEqual(await w.settle(viewer.seen()), numbers(4, 10));
  await w.settle(viewer.leave(far));
  await w.settle(near.send(11));
  t.deepEqual(await w.settle(collect(far, 1)), [11]);
});

test('channel: closed with an error, receivers end with it after the last value, and senders are refused', async (t) => {
  const { w, robot } = await threeNodes();
  const { near, far } = channel<number, number>(robot.node, 'frames');
  const viewer = spawn(robot.node, Viewer, 'viewer');
  await w.settle(viewer.watch(far));
  await w.settle(near.send(1));
  await w.settle(near.close(new GodwitError('UNAVAILABLE', 'the camera broke')));
  await w.advance(10);

  t.deepEqual(await w.settle(viewer.seen()), [1]);
  t.is(await w.settle(viewer.ended()), 'the camera broke');
  await t.throwsAsync(w.settle(collect(far)), { code: 'UNAVAILABLE', message: 'the camera broke' } as never);
  await t.throwsAsync(w.settle(near.send(2)), { code: 'FAILED_PRECONDITION', message: /robot\/frames was closed: the camera broke/ } as never);
  await t.throwsAsync(w.settle(far.send(2)), { code: 'FAILED_PRECONDITION' } as never);
  await w.advance(61_000);
  t.deepEqual(
    robot.actors().map(({ address }) => address),
    ['robot/viewer'],
  );
});

test('channel: a static end is refused on another node; a flexible one is not', async (t) => {
  const { w, robot } = await threeNodes();
  const fixed: Channel<number, number> = channel(robot.node, 'fixed', { far: 'static' });
  const free: Channel<number, number> = channel(robot.node, 'free', { near: 'flexible' });
  const viewer = spawn(robot.node, Viewer, 'viewer');
  await w.settle(robot.move('robot/viewer', { to: 'east' }));

  await t.throwsAsync(w.settle(viewer.watch(fixed.far)), {
    code: 'FAILED_PRECONDITION',
    message: /the far end of channel robot\/fixed is static: it belongs to node robot, and robot\/viewer is on east; declare it flexible/,
  } as never);
  await w.settle(viewer.watch(free.near));
});

test('channel: a receiver that handles nothing is dropped when it holds up the others, and told', async (t) => {
  const { w, robot } = await threeNodes();
  const { near, far } = channel<number>(robot.node, 'frames', { to: 'many', capacity: 4, unreachableMs: 1000 });
  const viewer = spawn(robot.node, Viewer, 'viewer');
  await w.settle(viewer.watch(far));
  const slow = far.values();
  await w.settle(Promise.all([slow.next(), near.send(1)]));

  const sending = (async () => {
    for (const value of numbers(2, 40)) await near.send(value);
  })();
  await w.settle(sending);
  await w.advance(100);
  t.deepEqual(await w.settle(viewer.seen()), numbers(1, 40));
  await t.throwsAsync(
    w.settle(
      (async () => {
        for (;;) if ((await slow.next()).done === true) return;
      })(),
    ),
    { code: 'UNAVAILABLE', message: /dropped this receiver/ } as never,
  );
});

test('channel: a handler that throws has handled its value', async (t) => {
  const { w, robot } = await threeNodes();
  const { near, far } = channel<number>(robot.node, 'frames', { capacity: 1 });
  const viewer = spawn(robot.node, Viewer, 'viewer');
  await w.settle(viewer.watch(far));

  for (const value of [1, -1, -2, 2]) await w.settle(near.send(value));
  await w.advance(10);
  t.deepEqual(await w.settle(viewer.seen()), [1, 2]);
});

test('channel: bad names, options and subscribers are refused with the reason', async (t) => {
  const { w, robot } = await threeNodes();
  for (const options of [{ capacity: 0 }, { capacity: 1.5 }, { overflow: 'burst' }, { to: 'two' }, { near: 'here' }, { replay: 33 }, { unreachableMs: 0 }])
    t.throws(() => channel(robot.node, 'c', options as never), { code: 'INVALID_ARGUMENT' } as never, JSON.stringify(options));
  t.throws(() => channel(robot.node, 'a/b'), { code: 'INVALID_ARGUMENT' } as never);
  const { near, far } = channel<number>(robot.node, 'c', { to: 'many' });
  await t.throwsAsync(w.settle(far.subscribe('frame')), { code: 'INVALID_ARGUMENT', message: /an actor subscribes, an application iterates/ } as never);
  await t.throwsAsync(w.settle(far.close()), { code: 'FAILED_PRECONDITION', message: /only its near end closes it/ } as never);
  spawn(robot.node, Viewer, 'viewer');
  t.throws(() => channel(robot.node, 'viewer'), { code: 'ALREADY_EXISTS' } as never);
  dispatch(spawn(robot.node, Viewer, 'viewer'), 'frame', 1);
  await w.settle(near.close());
});

test('channel: made again under its name it is the same one', async (t) => {
  const { w, robot } = await threeNodes();
  const { near } = channel<number>(robot.node, 'frames');
  await w.settle(near.send(1));

  t.deepEqual(await w.settle(collect(channel<number>(robot.node, 'frames').far, 1)), [1]);
});
