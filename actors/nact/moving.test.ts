// Functions written for nact, moved between a device and an edge: another thread, and the script tier instead of the native one.
import test, { type ExecutionContext } from 'ava';
import * as nact from 'nact';
import { type AnyRef, type MoveReport, type NodeEvent, spawn as spawnGodwit } from '#core';
import { type Device, type Lease, startDevice } from '#device-node';
import { type Edge, startEdge } from '#edge-node';
import { bundler } from '#toolchain';
import { patienceMs } from './conformance.test-support.js';
import { Careless, Cart, type CartMessage, Parcel, type PriceMessage, Prices } from './fixtures/shop.js';
import { bridge, dispatch, query, type Ref, type System, spawn, start, stop } from './index.js';

const key = 'a-shared-key';

let edge: Edge;
let device: Device;
let system: System;

test.before(async (t) => {
  edge = await startEdge({ name: 'edge', port: 0, key });
  device = await startDevice({ name: 'device', edges: [edge.url], key, modules: bundler() });
  system = start(device);
  // The edge has the program from now on, so moves are quick.
  await offload(t, spawn(system, Cart, 'first'));
});

test.after.always(async () => {
  await device.close();
  await edge.close();
});

async function offload(t: ExecutionContext, ref: AnyRef): Promise<Lease> {
  const [offer] = await device.offload.request(ref);
  const lease = await device.offload.accept(offer);
  assertMoved(t, lease.move, 'native', 'script');
  return lease;
}

/** Another thread and another tier, with the state kept. */
function assertMoved(t: ExecutionContext, report: MoveReport | undefined, from: string, to: string): void {
  t.like(report, { from: { tier: from }, to: { tier: to } });
  t.not(report?.from.place, report?.to.place);
  t.is(report?.stateHash.before, report?.stateHash.after);
}

const list = (cart: Ref<CartMessage>) => query(cart, (sender: Ref<readonly string[]>) => ({ type: 'list', sender }) as const, patienceMs);

function nextEvent<K extends NodeEvent['type']>({ node }: Device | Edge, type: K, of: string): Promise<Extract<NodeEvent, { type: K }>> {
  return new Promise((resolve) => {
    node.observe((event) => {
      if (event.type === type && 'actor' in event && event.actor === of) resolve(event as Extract<NodeEvent, { type: K }>);
    });
  });
}

test('moving: a function written for nact is offloaded and recalled with its state; tells and queries never notice', async (t) => {
  const cart = spawn(system, Cart, 'kept');
  dispatch(cart, { type: 'add', item: 'pear' });

  const lease = await offload(t, cart);
  dispatch(cart, { type: 'add', item: 'fig' });
  t.deepEqual(await list(cart), ['pear', 'fig']);
  const back = await lease.recall();

  assertMoved(t, back, 'script', 'native');
  dispatch(cart, { type: 'add', item: 'plum' });
  t.deepEqual(await list(cart), ['pear', 'fig', 'plum']);
});

test('moving: onCrash decides on the edge as it does on the device', async (t) => {
  const cart = spawn(system, Cart, 'failing');
  await offload(t, cart);
  dispatch(cart, { type: 'add', item: 'pear' });
  dispatch(cart, { type: 'fail', how: 'resume' });
  t.deepEqual(await list(cart), ['pear']);

  dispatch(cart, { type: 'fail', how: 'reset' });
  t.deepEqual(await list(cart), []);

  const failing = query(cart, { type: 'fail', how: 'escalate' }, patienceMs);
  t.like(await t.throwsAsync(failing), { message: 'escalate' });
  t.like(await t.throwsAsync(list(cart)), { code: 'NOT_FOUND' });
});

test('moving: an actor that is away queries one that is not, and is answered where it is', async (t) => {
  const cart = spawn(system, Cart, 'asking');
  const prices = spawn(system, Prices, 'prices');
  await offload(t, cart);
  for (const item of ['pear', 'fig']) dispatch(cart, { type: 'add', item });

  t.is(await query(cart, (sender: Ref<number>) => ({ type: 'price', of: prices, sender }) as const, patienceMs), 7);
});

test('moving: an actor that is away queries an actor of nact through the bridge', async (t) => {
  const foreign = nact.start();
  const between = await bridge(foreign, device);
  t.teardown(() => {
    between.close();
    nact.stop(foreign);
  });
  const prices = nact.spawn(foreign, (_state: unknown, { item, sender }: { readonly item: string; readonly sender: nact.Ref<number> }) => {
    nact.dispatch(sender, item.length * 10);
  });
  const cart = spawn(system, Cart, 'bridged');
  await offload(t, cart);
  for (const item of ['pear', 'fig']) dispatch(cart, { type: 'add', item });

  t.is(await query(cart, (sender: Ref<number>) => ({ type: 'price', of: between.ref<PriceMessage>(prices), sender }) as const, patienceMs), 70);
});

test('moving: an actor that is away spawns children there, knows them, and may use a name again when its child has stopped', async (t) => {
  const cart = spawn(system, Cart, 'parent');
  await offload(t, cart);
  const wrapped = () => query(cart, (sender: Ref<readonly string[]>) => ({ type: 'wrapped', sender }) as const, patienceMs);
  dispatch(cart, { type: 'wrap', as: 'box' });
  t.deepEqual(await list(cart), ['box of 1']);
  t.deepEqual(await wrapped(), ['box']);
  t.like(
    edge.node.actors().find(({ address }) => address === 'device/parent/box'),
    { definition: Parcel.name, tier: 'script' },
  );

  const ended = nextEvent(edge, 'stopped', 'device/parent/box');
  dispatch(cart, { type: 'unwrap', as: 'box' });
  await ended;
  t.deepEqual(await wrapped(), []);
  dispatch(cart, { type: 'wrap', as: 'box' });
  t.deepEqual(await list(cart), ['box of 1', 'box of 1']);
});

test('moving: an actor that is away stops itself, or is stopped from home', async (t) => {
  const leaving = spawn(system, Cart, 'leaving');
  const stopped = spawn(system, Cart, 'stopped');
  await offload(t, leaving);
  await offload(t, stopped);
  const ends = [nextEvent(edge, 'stopped', 'device/leaving'), nextEvent(edge, 'stopped', 'device/stopped')];

  dispatch(leaving, { type: 'leave' });
  stop(stopped);

  await Promise.all(ends);
  for (const cart of [leaving, stopped]) t.like(await t.throwsAsync(list(cart)), { code: 'NOT_FOUND' });
});

test("moving: Godwit's own spawn takes such a definition; without a system, decisions about others concern nobody", async (t) => {
  const cart = spawnGodwit(device, Cart, 'plain');
  await cart.message({ type: 'add', item: 'pear' });
  await offload(t, cart);

  t.deepEqual(await list(cart), ['pear']);
  t.like(await t.throwsAsync(cart.message({ type: 'fail', how: 'escalate' })), { message: 'escalate' });
  t.like(await t.throwsAsync(list(cart)), { code: 'NOT_FOUND' });
});

test('moving: a bare function stays where it was spawned, and the reason is given', async (t) => {
  const bare = spawn(system, (state: number = 0, _message: null) => state + 1, 'bare');
  await bare.message(null);

  t.like(await t.throwsAsync(device.offload.request(bare)), { code: 'FAILED_PRECONDITION', message: 'actor device/bare is pinned to its device' });
  t.regex((await t.throwsAsync(device.node.move('device/bare', { to: edge.node.name })))?.message ?? '', /no module for actor definition nact.function/);
  t.regex((await t.throwsAsync(device.node.stateOf('device/bare')))?.message ?? '', /not serialisable: instance of class BareFunction/);
  await t.notThrowsAsync(bare.message(null));
});

test('moving: an actor that may move refuses a bare function for a child, and says what to do', async (t) => {
  const careless = spawn(system, Careless, 'careless');

  t.regex(
    await query(careless, (sender: Ref<string>) => sender, patienceMs),
    /may move, so its child 'child' must be startable elsewhere: make it of an exported/,
  );
});

test('moving: the shipped program holds no bridge, and nothing of nact', async (t) => {
  const { manifest, blobs } = await bundler([Cart]).module(Cart.name, Cart.version);

  const program = new TextDecoder().decode(blobs.get(manifest.program));

  t.true(program.includes('stopAllChildren'));
  t.false(/needs nact|nact\.proxy|setImmediate/.test(program));
});

test('moving: spawn attaches to what Godwit knows by the name already, and refuses a name of its own twice', async (t) => {
  const cart = spawnGodwit(device, Cart, 'attached');
  await cart.message({ type: 'add', item: 'pear' });

  t.deepEqual(await list(spawn(system, Cart, 'attached')), ['pear']);
  t.throws(() => spawn(system, Cart, 'attached'), { code: 'ALREADY_EXISTS' } as never);
  t.throws(() => spawn(system, Prices, 'attached'), { code: 'ALREADY_EXISTS' } as never);
});
