import test from 'ava';
import { actor } from '../actors/definition.js';
import { dispatch } from '../actors/ref.js';
import { spawn } from '../actors/spawn.js';
import { GodwitError } from '../errors.js';
import { linkNodes, nextEvent, sha256, sharedBlobs, testNode } from './wiring.test-support.js';

const Ledger = actor('ledger', {
  state: () => ({ entries: [] as number[], wakes: 0 }),
  checkpointTurns: 1,
  on: {
    put(state, entry: number) {
      state.entries.push(entry);
      return state.entries.length;
    },
    all: (state) => state.entries,
    wakeLater(_state, delayMs: number, ctx) {
      ctx.after(delayMs, 'wake');
    },
    wake(state) {
      state.wakes += 1;
    },
    wakes: (state) => state.wakes,
    async *tail(state, from: number, ctx) {
      for (let index = from; ; index++) {
        ctx.resume(index);
        while (state.entries.length <= index && !ctx.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 1));
        if (ctx.signal.aborted) return;
        ctx.resume(index + 1);
        yield state.entries[index];
      }
    },
    async hold(_state, ms: number) {
      await new Promise((resolve) => setTimeout(resolve, ms));
      return ms;
    },
  },
});

async function pair() {
  const shared = sharedBlobs();
  const device = testNode('device', shared, { definitions: [Ledger] });
  const edge = testNode('edge', shared, { definitions: [Ledger] });
  const up = nextEvent(device, 'link-up');
  const link = linkNodes(device, edge);
  await up;
  return { device, edge, link, close: () => Promise.all([device.close(), edge.close()]) };
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

test('move: an actor goes to the edge and back under load; every ask is answered once, in order', async (t) => {
  const { device, edge, close } = await pair();
  const ledger = spawn(device, Ledger, 'l');
  const answers: Array<Promise<number>> = [];
  let next = 1;
  let running = true;
  const load = (async () => {
    while (running) {
      for (let burst = 0; burst < 5; burst++) answers.push(ledger.put(next++));
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  })();
  await ledger.all();
  const there = await device.move('device/l', { to: 'edge', trigger: 'test' });
  t.is(there.to.place, 'native on edge');
  t.is(there.from.place, 'native on device');
  t.is(there.stateHash.before, there.stateHash.after);
  t.is(device.where('device/l')?.node, 'edge');
  t.is(edge.actors()[0]?.address, 'device/l');
  await ledger.all();
  const back = await device.recall('device/l');
  t.is(back.to.place, 'native on device');
  t.is(back.stateHash.before, back.stateHash.after);
  t.is(back.epoch, 3);
  running = false;
  await load;
  t.deepEqual(await Promise.all(answers), numbers(answers.length));
  t.deepEqual(await ledger.all(), numbers(answers.length));
  t.deepEqual(edge.actors(), []);
  await close();
});

test('move: timers, resumable streams and tells that waited move with the actor', async (t) => {
  const { device, close } = await pair();
  const ledger = spawn(device, Ledger, 'l');
  await ledger.put(1);
  await ledger.wakeLater(60);
  const seen: number[] = [];
  const reader = (async () => {
    for await (const entry of ledger.tail(0)) {
      seen.push(entry);
      if (entry === 200) break;
    }
  })();
  await ledger.put(2);
  const moving = device.move('device/l', { to: 'edge' });
  for (let entry = 3; entry <= 200; entry++) dispatch(ledger, 'put', entry);
  await moving;
  await reader;
  t.deepEqual(seen, numbers(200));
  while ((await ledger.wakes()) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  t.is(await ledger.wakes(), 1);
  await close();
});

test('move: refused by the target, the actor runs on at its source', async (t) => {
  const shared = sharedBlobs();
  const device = testNode('device', shared);
  const edge = testNode('edge', shared, {
    admit() {
      throw new GodwitError('RESOURCE_EXHAUSTED', 'edge is full');
    },
  });
  const up = nextEvent(device, 'link-up');
  linkNodes(device, edge);
  await up;
  const ledger = spawn(device, Ledger, 'l');
  await ledger.put(1);
  const error = GodwitError.from(await t.throwsAsync(device.move('device/l', { to: 'edge' })));
  t.is(error.code, 'RESOURCE_EXHAUSTED');
  t.is(error.message, 'edge is full');
  t.is(await ledger.put(2), 2);
  await Promise.all([device.close(), edge.close()]);
});

test('move: a turn that does not end in time gives the move up, and ends undisturbed', async (t) => {
  const { device, close } = await pair();
  const ledger = spawn(device, Ledger, 'l');
  await ledger.put(1);
  const held = ledger.hold(1300);
  const waiting = ledger.put(2);
  const error = GodwitError.from(await t.throwsAsync(device.move('device/l', { to: 'edge' })));
  t.is(error.code, 'DEADLINE_EXCEEDED');
  t.is(await held, 1300);
  t.is(await waiting, 2);
  await close();
});

test('move: an edge that dies is survived; the actor resumes at home, no ask is lost or answered twice', async (t) => {
  const { device, edge, link } = await pair();
  const ledger = spawn(device, Ledger, 'l');
  await ledger.put(1);
  await device.move('device/l', { to: 'edge' });
  const checkpoint = nextEvent(edge, 'checkpoint');
  t.is(await ledger.put(2), 2);
  await checkpoint;
  const restored = nextEvent(device, 'restored');
  const answers: Array<Promise<number>> = [];
  for (let entry = 3; entry <= 50; entry++) answers.push(ledger.put(entry, { timeoutMs: 20_000 }));
  await answers[5];
  // As kill -9: the node is silent from here on, whatever it still does.
  link.cut();
  t.is((await restored).lostNode, 'edge');
  t.deepEqual(await Promise.all(answers), numbers(50).slice(2));
  t.deepEqual(await ledger.all(), numbers(50));
  t.is(device.actors()[0]?.place, 'native on device');
  t.true((device.actors()[0]?.incarnation ?? 0) > 1);
  await Promise.all([device.close(), edge.close()]);
});

test('move: an owner cut off from its home pauses when its lease ends, and destroys its copy when it hears of the later owner', async (t) => {
  const { device, edge, link } = await pair();
  const ledger = spawn(device, Ledger, 'l');
  await ledger.put(1);
  await device.move('device/l', { to: 'edge' });
  const restored = nextEvent(device, 'restored');
  link.cut();
  await restored;
  t.is(await ledger.put(2), 2);
  const stopped = nextEvent(edge, 'stopped');
  link.join();
  t.regex((await stopped).reason, /fenced/);
  t.deepEqual(await ledger.all(), [1, 2]);
  t.deepEqual(edge.actors(), []);
  await Promise.all([device.close(), edge.close()]);
});

test('checkpoint: turns that end while one is under way, or while its answer is lost, are covered by the next without another turn', async (t) => {
  const shared = sharedBlobs();
  const device = testNode('device', shared, { definitions: [Ledger] });
  let held: Promise<void> | undefined;
  const digest = {
    async sha256(bytes: Uint8Array) {
      await held;
      return sha256.sha256(bytes);
    },
  };
  const edge = testNode('edge', shared, { definitions: [Ledger], digest });
  const up = nextEvent(device, 'link-up');
  const link = linkNodes(device, edge);
  await up;
  const ledger = spawn(device, Ledger, 'l');
  await ledger.put(1);
  await device.move('device/l', { to: 'edge' });
  const covered = (turns: number) =>
    new Promise<void>((resolve) => {
      edge.observe((event) => void (event.type === 'checkpoint' && event.turns >= turns && resolve()));
    });

  let release = () => {};
  held = new Promise((resolve) => {
    release = resolve;
  });
  const three = covered(3);
  t.is(await ledger.put(2), 2);
  t.is(await ledger.put(3), 3);
  release();
  await three;

  const four = covered(4);
  const down = nextEvent(edge, 'link-down');
  held = new Promise((resolve) => {
    release = resolve;
  });
  t.is(await ledger.put(4), 4);
  link.cut();
  await down;
  release();
  link.join();
  await four;
  t.deepEqual(await ledger.all(), [1, 2, 3, 4]);
  await Promise.all([device.close(), edge.close()]);
});
