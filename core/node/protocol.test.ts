// The migration protocol under faults that a test injects at a port: the nodes are in one process. Migrations proper: cli/migration.test.ts.
import test from 'ava';
import { actor } from '../actors/definition.js';
import { spawn } from '../actors/spawn.js';
import { assertHandedOver, assertKept, linkNodes, nextEvent, sha256, sharedBlobs, testNode } from './wiring.test-support.js';

const Ledger = actor('ledger', {
  state: () => ({ entries: [] as number[] }),
  checkpointTurns: 1,
  on: {
    put(state, entry: number) {
      state.entries.push(entry);
      return state.entries.length;
    },
    all: (state) => state.entries,
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

test('protocol: an owner cut off from its home, and alive, pauses when its lease ends and destroys its copy when it hears of the later owner', async (t) => {
  const { device, edge, link } = await pair();
  const ledger = spawn(device, Ledger, 'l');
  await ledger.put(1);
  assertHandedOver(t, await device.move('device/l', { to: 'edge' }), 'device', 'edge');
  const restored = nextEvent(device, 'restored');
  link.cut();
  await restored;
  t.is(await ledger.put(2), 2);
  const stopped = nextEvent(edge, 'stopped');
  link.join();
  t.regex((await stopped).reason, /fenced/);
  assertKept(t, device, 'device/l');
  t.deepEqual(await ledger.all(), [1, 2]);
  t.deepEqual(edge.actors(), []);
  await Promise.all([device.close(), edge.close()]);
});

test('protocol: turns that end while a checkpoint is under way, or while its answer is lost, are covered by the next without another turn', async (t) => {
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
  assertHandedOver(t, await device.move('device/l', { to: 'edge' }), 'device', 'edge');
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
