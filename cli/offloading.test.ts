// The two entry points together, on loopback with the real transports and runtimes: the six steps of the paper's offload sequence. Device
// and edge are in one process: a move changes thread and tier. Migrations that change the process as well: migration.test.ts.
import test, { type ExecutionContext } from 'ava';
import { type AnyRef, dispatch, GodwitError, type HostFunction, type MoveReport, type NodeEvent, spawn } from '#core';
import { type Device, type DeviceOptions, type Lease, type RequestOptions, startDevice } from '#device-node';
import { type Edge, type EdgeOptions, speedProbe, startEdge } from '#edge-node';
import { bundler } from '#toolchain';
import { assertMoved } from './migration.test-support.js';
import { Sightings } from './sightings.test-support.js';

const key = 'a-shared-key';
/** Says on which node it is called: a host function that differs by host. */
const place = (name: string): HostFunction => ({ name: 'place', call: async () => name });

async function edgeOf(t: ExecutionContext, more: Partial<EdgeOptions> = {}): Promise<Edge> {
  const name = more.name ?? 'edge-1';
  const edge = await startEdge({ name, port: 0, key, hostFunctions: [place(name)], ...more });
  t.teardown(() => edge.close());
  return edge;
}

async function deviceOf(t: ExecutionContext, edges: readonly string[], more: Partial<DeviceOptions> = {}): Promise<Device> {
  const name = more.name ?? 'robot-1';
  const device = await startDevice({ name, edges, key, modules: bundler(), hostFunctions: [place(name)], ...more });
  t.teardown(() => device.close());
  return device;
}

function nextEvent<T extends NodeEvent['type']>(device: Device | Edge, type: T): Promise<Extract<NodeEvent, { type: T }>> {
  return new Promise((resolve) => {
    const cancel = device.node.observe((event) => {
      if (event.type !== type) return;
      cancel();
      resolve(event as Extract<NodeEvent, { type: T }>);
    });
  });
}

/** A node of this process. */
const here = (name: string) => ({ name, pid: process.pid });

/** Moves the actor to the edge, and sees that it did. */
async function offload(t: ExecutionContext, device: Device, edge: Edge, actor: AnyRef, options?: RequestOptions): Promise<Lease> {
  const [offer] = await device.offload.request(actor, options);
  const lease = await device.offload.accept(offer);
  const { move } = lease;
  if (move === undefined) throw new GodwitError('INTERNAL', `${actor.$address} did not move`);
  assertMoved(t, move, here(device.name), here(edge.node.name));
  return lease;
}

/** Gets the actor back, and sees that it came. */
async function recall(t: ExecutionContext, device: Device, edge: Edge, lease: Lease): Promise<MoveReport> {
  const report = await lease.recall();
  assertMoved(t, report, here(edge.node.name), here(device.name));
  return report;
}

test('offloading: a trigger, a request, offers, an acceptance, a move to the script tier, and a recall, with the state kept', async (t) => {
  const edge = await edgeOf(t);
  const device = await deviceOf(t, [edge.url]);
  const sightings = spawn(device, Sightings, 'sightings');
  t.is(await sightings.see('person'), 1);
  t.is((await sightings.list()).where, 'robot-1');

  const triggered = new Promise<void>((resolve) => void device.notifier.when({ metric: 'battery', below: 0.2 }, () => resolve()));
  device.notifier.set('battery', 0.18);
  await triggered;
  const lease = await offload(t, device, edge, sightings, { trigger: 'battery' });

  t.is(lease.node, 'edge-1');
  t.like(lease.move, {
    actor: 'robot-1/sightings',
    trigger: 'battery',
    warm: false,
    from: { node: 'robot-1', tier: 'native' },
    to: { node: 'edge-1', tier: 'script' },
  });
  t.is(await sightings.see('person'), 2);
  t.deepEqual(await sightings.list(), { seen: [['person', 2]], merged: 0, where: 'edge-1' });
  t.deepEqual(
    device.offload.list().map(({ actor, host, application }) => [actor, host, application]),
    [['robot-1/sightings', 'edge-1', 'robot-1']],
  );
  t.is(edge.manager.reservations()[0]?.status, 'running');

  const report = await recall(t, device, edge, lease);

  t.like(report, { trigger: 'recall', from: { node: 'edge-1', tier: 'script' }, to: { node: 'robot-1', tier: 'native' } });
  t.deepEqual(await sightings.list(), { seen: [['person', 2]], merged: 0, where: 'robot-1' });
  t.false(lease.active);
  t.deepEqual(device.offload.list(), []);
  t.deepEqual(edge.manager.reservations(), []);
});

test('offloading: offers carry the measured speed of the script tier', async (t) => {
  const edge = await edgeOf(t, { modules: bundler([speedProbe]) });
  const device = await deviceOf(t, [edge.url]);

  const [offer] = await device.offload.request(spawn(device, Sightings, 'sightings'));

  const script = offer?.kind === 'host' ? offer.tiers.find(({ tier }) => tier === 'script') : undefined;
  t.true((script?.operationsPerSecond ?? 0) > 0, script?.benchmark);
});

test('offloading: the second time the edge has the module already', async (t) => {
  const edge = await edgeOf(t);
  const device = await deviceOf(t, [edge.url]);
  const sightings = spawn(device, Sightings, 'sightings');
  const move = async () => {
    const lease = await offload(t, device, edge, sightings);
    await recall(t, device, edge, lease);
    return lease.move!;
  };

  const cold = await move();
  const warm = await move();

  t.false(cold.warm);
  t.true(cold.bytes.module > 0);
  t.true(warm.warm);
  t.is(warm.bytes.module, 0);
});

test('offloading: ending the Offload Manager and Resource Manager drops no message of a running actor', async (t) => {
  const edge = await edgeOf(t);
  const device = await deviceOf(t, [edge.url]);
  const sightings = spawn(device, Sightings, 'sightings');
  const lease = await offload(t, device, edge, sightings);
  const answers: Array<Promise<number>> = [];
  for (let n = 0; n < 50; n++) answers.push(sightings.see('frame'));

  edge.closeControl();
  for (let n = 0; n < 50; n++) answers.push(sightings.see('frame'));

  t.deepEqual(
    await Promise.all(answers),
    Array.from({ length: 100 }, (_, n) => n + 1),
  );
  const refused = await t.throwsAsync(device.offload.request(spawn(device, Sightings, 'other')), { instanceOf: GodwitError });
  t.is(refused?.code, 'UNAVAILABLE');
  await recall(t, device, edge, lease);
  t.is((await sightings.list()).where, 'robot-1');
});

test('offloading: an edge that appears later is linked by a device that works already', async (t) => {
  const first = await edgeOf(t);
  const { port, url } = first;
  await first.close();
  const device = await deviceOf(t, [url]);
  const sightings = spawn(device, Sightings, 'sightings');
  t.is(await sightings.see('person'), 1);

  const up = nextEvent(device, 'link-up');
  const edge = await edgeOf(t, { port });
  await up;

  const lease = await offload(t, device, edge, sightings);
  t.is(lease.node, 'edge-1');
  t.is(await sightings.see('person'), 2);
});

test('offloading: a device with the wrong key is linked nowhere and gets no offer', async (t) => {
  const edge = await edgeOf(t);
  const device = await deviceOf(t, [edge.url], { key: 'another-key' });
  const sightings = spawn(device, Sightings, 'sightings');

  const error = await t.throwsAsync(device.offload.request(sightings), { instanceOf: GodwitError });

  t.is(error?.code, 'UNAUTHENTICATED');
  t.is(await sightings.see('person'), 1);
  t.deepEqual(edge.node.peers(), []);
});

test('offloading: an edge admits no actor without the token of an accepted offer, and the actor runs on', async (t) => {
  const edge = await edgeOf(t);
  const device = await deviceOf(t, [edge.url]);
  const sightings = spawn(device, Sightings, 'sightings');
  const offers = await device.offload.request(sightings);
  if (device.node.peers().length === 0) await nextEvent(device, 'link-up');

  const error = await t.throwsAsync(device.node.move('robot-1/sightings', { to: 'edge-1', token: offers[0].kind === 'host' ? offers[0].token : '' }), {
    instanceOf: GodwitError,
  });

  t.is(error?.code, 'PERMISSION_DENIED');
  t.is(await sightings.see('person'), 1);
  t.is((await sightings.list()).where, 'robot-1');
  t.like(device.node.actors()[0], { status: 'here', tier: 'native', place: `native (process ${process.pid})` });
});

test('offloading: an edge without the needed host function makes no offer, and says so', async (t) => {
  const edge = await edgeOf(t, { hostFunctions: [] });
  const device = await deviceOf(t, [edge.url]);

  const error = await t.throwsAsync(device.offload.request(spawn(device, Sightings, 'sightings')), { instanceOf: GodwitError });

  t.is(error?.code, 'FAILED_PRECONDITION');
  t.regex(error?.message ?? '', /no host function 'place'/);
});

test('offloading: an edge that is full sends the device to the next one', async (t) => {
  const full = await edgeOf(t, { limits: { instances: 0 } });
  const roomy = await edgeOf(t, { name: 'edge-2' });
  const device = await deviceOf(t, [full.url, roomy.url]);

  const offers = await device.offload.request(spawn(device, Sightings, 'sightings'));

  t.deepEqual(
    offers.map((offer) => offer.host),
    ['edge-2'],
  );
  t.is((await device.offload.discover()).length, 2);
});

test('offloading: a second device joins the actor that has the shared name: its state is merged and its ref leads there', async (t) => {
  const edge = await edgeOf(t);
  const one = await deviceOf(t, [edge.url], { name: 'robot-1' });
  const two = await deviceOf(t, [edge.url], { name: 'robot-2' });
  const first = spawn(one, Sightings, 'map');
  const second = spawn(two, Sightings, 'map');
  await first.see('person');
  await second.see('person');
  await second.see('car');
  await offload(t, one, edge, first, { sharedName: 'map' });

  const [offer] = await two.offload.request(second, { sharedName: 'map' });
  const lease = await two.offload.accept(offer);
  dispatch(second, 'see', 'dog');

  t.like(offer, { kind: 'shared', host: 'edge-1', existing: { actor: 'robot-1/map' } });
  t.is(lease.actor, 'robot-1/map');
  t.deepEqual(await second.list(), {
    seen: [
      ['car', 1],
      ['dog', 1],
      ['person', 2],
    ],
    merged: 1,
    where: 'edge-1',
  });
  t.deepEqual((await first.list()).seen, [
    ['car', 1],
    ['dog', 1],
    ['person', 2],
  ]);
  t.is((await t.throwsAsync(lease.recall(), { instanceOf: GodwitError }))?.code, 'FAILED_PRECONDITION');
});

test('offloading: when the edge is lost the actor goes on at its home, and the lease says so', async (t) => {
  const edge = await edgeOf(t);
  const device = await deviceOf(t, [edge.url]);
  const sightings = spawn(device, Sightings, 'sightings');
  await sightings.see('person');
  const lease = await offload(t, device, edge, sightings);
  t.is((await sightings.list()).where, 'edge-1');

  await edge.close();

  t.regex(await lease.lost, /edge-1 was lost/);
  t.false(lease.active);
  t.deepEqual(device.offload.list(), []);
  t.is(await sightings.see('person'), 2);
  t.is((await sightings.list()).where, 'robot-1');
  t.like(device.node.actors()[0], { status: 'here', tier: 'native', place: `native (process ${process.pid})` });
});
