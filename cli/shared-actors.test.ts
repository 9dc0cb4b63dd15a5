// An actor that several devices share, on loopback with the real transports and runtimes: it is the edge's, whichever device brought it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { defaultLeaseMs, spawn } from '#core';
import { type Device, startDevice } from '#device-node';
import { type Edge, type EdgeOptions, startEdge } from '#edge-node';
import { bundler } from '#toolchain';
import { SharedMap } from './shared-map.test-support.js';

const key = 'a-shared-key';
/** A lease, the clock margin, and some. */
const afterLeaseMs = defaultLeaseMs * 1.5;

async function site(t: ExecutionContext) {
  const dataDir = await mkdtemp(join(tmpdir(), 'godwit-shared-'));
  t.teardown(() => rm(dataDir, { recursive: true, force: true }));
  const edge = async (more: Partial<EdgeOptions> = {}): Promise<Edge> => {
    const running = await startEdge({ name: 'edge-1', port: 0, key, dataDir, ...more });
    t.teardown(() => running.close());
    return running;
  };
  const device = async (name: string, url: string): Promise<Device> => {
    const running = await startDevice({ name, edges: [url], key, modules: bundler(), definitions: [SharedMap] });
    t.teardown(() => running.close());
    return running;
  };
  return { edge, device };
}

async function offload(device: Device, name: string) {
  const map = spawn(device, SharedMap, name);
  const [offer] = await device.offload.request(map, { sharedName: 'map' });
  return { map, lease: await device.offload.accept(offer) };
}

/** True time: a lease is one. */
const pass = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

test('shared actor: the device that brought it goes away for good, and the others are answered on', async (t) => {
  const { edge, device } = await site(t);
  const { url, node } = await edge();
  const [one, two] = [await device('robot-1', url), await device('robot-2', url)];
  const first = await offload(one, 'map');
  await first.map.see('person');
  const second = await offload(two, 'map');
  t.is(second.lease.actor, 'robot-1/map');
  t.is(node.homeOf('robot-1/map'), 'edge-1');
  t.is(two.node.homeOf('robot-1/map'), 'edge-1');

  await one.close();
  await pass(afterLeaseMs);

  t.is(await second.map.see('car'), 2);
  t.deepEqual(await second.map.all(), ['person', 'car']);
});

test('shared actor: an edge that starts again goes on with it from its own directory, module included, and its name leads there', async (t) => {
  const { edge, device } = await site(t);
  const before = await edge();
  const { url, port } = before;
  const [one, two] = [await device('robot-1', url), await device('robot-2', url)];
  const { map } = await offload(one, 'map');
  await map.see('person');
  const second = await offload(two, 'map');
  await second.map.see('car');
  await one.close();

  await before.close();
  const after = await edge({ port });

  t.deepEqual(await second.map.all(undefined, { timeoutMs: 20_000 }), ['person', 'car']);
  t.like(after.manager.sharedNames(), [{ name: 'map', at: { actor: 'robot-1/map', host: 'edge-1' } }]);
  t.is(after.node.actors().find(({ address }) => address === 'robot-1/map')?.tier, 'script');
  const three = await device('robot-3', url);
  t.is((await offload(three, 'map')).lease.actor, 'robot-1/map');
});

test('shared actor: recalled it is its device’s alone, and needs the edge no more', async (t) => {
  const { edge, device } = await site(t);
  const running = await edge();
  const one = await device('robot-1', running.url);
  const { map, lease } = await offload(one, 'map');
  await map.see('person');
  const returned = new Promise<void>((resolve) => {
    const look = () => (one.node.homeOf('robot-1/map') === 'robot-1' ? resolve() : void setTimeout(look, 5));
    lease.recall().then(look, t.fail);
  });
  await returned;

  await running.close();
  await pass(afterLeaseMs);

  t.is(await map.see('car'), 2);
});

test('shared actor: an edge without a data directory leaves its register with the device', async (t) => {
  const { device } = await site(t);
  const edge = await startEdge({ name: 'edge-1', port: 0, key });
  t.teardown(() => edge.close());
  const one = await device('robot-1', edge.url);
  const { map, lease } = await offload(one, 'map');
  await map.see('person');
  t.is(one.node.homeOf('robot-1/map'), 'robot-1');

  await edge.close();

  t.regex(await lease.lost, /edge-1 was lost/);
  t.is(await map.see('car'), 2);
});
