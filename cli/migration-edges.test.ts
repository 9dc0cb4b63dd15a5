// Moves straight from edge to edge over real parts: a device in this process, edges in processes of their own, Connect links between all of
// them. The edges know nothing of each other before a move names one to the other.
import { createServer } from 'node:net';
import test from 'ava';
import { GodwitError, type MoveReport, type Ref, spawn, type Tier } from '#core';
import type { HostOffer, Lease } from '#device-node';
import { relay } from '#transports/relay';
import { Ledger, Reporter } from './fixtures/ledger.js';
import { assertAt, assertMigrated, deviceHere, type EdgeProcess, edgeProcess, key, load, numbers, type TestDevice } from './migration.test-support.js';

type LedgerRef = Ref<typeof Ledger.on>;

const actor = 'robot-1/ledger';

async function offerOf(device: TestDevice, edge: EdgeProcess, ledger: LedgerRef, tier?: Tier): Promise<HostOffer> {
  const [offer] = await device.offload.request(ledger, { needs: { hostFunctions: [`only-${edge.name}`] }, ...(tier === undefined ? {} : { tier }) });
  if (offer?.kind !== 'host') throw new GodwitError('INTERNAL', 'that is no offer of a host');
  return offer;
}

async function offload(device: TestDevice, edge: EdgeProcess, ledger: LedgerRef, tier?: Tier): Promise<Lease & { readonly move: MoveReport }> {
  const lease = await device.offload.accept(await offerOf(device, edge, ledger, tier));
  if (lease.move === undefined) throw new GodwitError('INTERNAL', 'the lease has no move');
  return lease as Lease & { readonly move: MoveReport };
}

const failureOf = (work: Promise<unknown>): Promise<GodwitError> =>
  work.then(
    () => new GodwitError('INTERNAL', 'it did not fail'),
    (thrown: unknown) => GodwitError.from(thrown),
  );

test.serial('migration, edge to edge: under load, cold, warm and to another tier, every ask is answered once and in order', async (t) => {
  const [one, two] = await Promise.all([edgeProcess(t, 'edge-1'), edgeProcess(t, 'edge-2', { native: true })]);
  const device = await deviceHere(t, [one, two]);
  const ledger = spawn(device.device, Ledger, 'ledger');
  const { another, stop } = load(ledger);
  const first = await offload(device, one, ledger);
  await assertMigrated(t, ledger, first.move, device, one);

  const cold = await offload(device, two, ledger, 'script');
  await assertMigrated(t, ledger, cold.move, one, two, 'script');
  await another();
  t.deepEqual([first.active, cold.active, cold.move.warm, cold.move.epoch], [false, true, false, first.move.epoch + 1]);
  t.true(cold.move.bytes.module > 0);
  t.like(device.offload.list(), { length: 1, 0: { actor, definition: 'ledger', host: 'edge-2', url: two.url, lease: cold } });
  t.deepEqual([await one.actors(), await reservationsOf(one)], [[], []]);
  t.like(await reservationsOf(two), { length: 1, 0: { actor, device: 'robot-1', status: 'running' } });

  const warm = await offload(device, one, ledger);
  await assertMigrated(t, ledger, warm.move, two, one, 'script');
  await another();
  t.deepEqual([warm.move.warm, warm.move.bytes.module], [true, 0]);

  const native = await offload(device, two, ledger, 'native');
  await assertMigrated(t, ledger, native.move, one, two);
  await another();
  await assertMigrated(t, ledger, await native.recall(), two, device, 'native');
  await another();
  const answered = await stop();

  t.deepEqual(answered, numbers(1, answered.length));
  t.deepEqual(await ledger.all(), numbers(1, answered.length));
  t.deepEqual([await one.actors(), await two.actors(), device.offload.list()], [[], [], []]);
  await assertAt(t, ledger, device, 'native');
});

test.serial('migration, edge to edge: many actors at once, from both sides, over links that both edges dial at the same moment', async (t) => {
  const [one, two] = await Promise.all([edgeProcess(t, 'edge-1'), edgeProcess(t, 'edge-2')]);
  const device = await deviceHere(t, [one, two]);
  const ledgers = numbers(1, 8).map((number) => spawn(device.device, Ledger, `ledger-${number}`));
  const hosts = ledgers.map((_, index) => (index % 2 === 0 ? [one, two] : [two, one]));
  for (const [index, ledger] of ledgers.entries()) await offload(device, hosts[index][0], ledger);
  const loads = ledgers.map((ledger) => load(ledger, 20));
  const offers = await Promise.all(ledgers.map((ledger, index) => offerOf(device, hosts[index][1], ledger)));
  const leases = await Promise.all(offers.map((offer) => device.offload.accept(offer)));
  await Promise.all(loads.map(({ another }) => another()));
  const answered = await Promise.all(loads.map(({ stop }) => stop()));

  for (const [index, ledger] of ledgers.entries()) {
    const [from, to] = hosts[index];
    const { move } = leases[index];
    if (move === undefined) return t.fail();
    await assertMigrated(t, ledger, move, from, to, 'script');
    t.deepEqual(answered[index], numbers(1, answered[index].length));
    t.deepEqual(await ledger.all(), numbers(1, answered[index].length));
  }
  t.is(device.offload.list().length, ledgers.length);
});

test.serial('migration, edge to edge: several moves of one actor in a row, and of two at once the second is refused', async (t) => {
  const edges = await Promise.all([edgeProcess(t, 'edge-1'), edgeProcess(t, 'edge-2'), edgeProcess(t, 'edge-3')]);
  const device = await deviceHere(t, edges);
  const ledger = spawn(device.device, Ledger, 'ledger');
  await offload(device, edges[0], ledger);
  const { stop } = load(ledger, 20);
  for (let step = 1; step <= 6; step++) {
    const { move } = await offload(device, edges[step % 3], ledger);
    await assertMigrated(t, ledger, move, edges[(step - 1) % 3], edges[step % 3], 'script');
  }
  await stop();
  const held = ledger.hold(undefined, { timeoutMs: 60_000 });
  await edges[0].events.first('world', ({ did }) => did === 'hold');
  const offer = await offerOf(device, edges[1], ledger);
  const prepared = edges[1].events.next('world', ({ did }) => did === 'prepare');
  const first = device.offload.accept(offer);
  await prepared;
  const second = await failureOf(device.device.node.move(actor, { to: 'edge-3', address: edges[2].url }));
  edges[0].letGo();

  t.deepEqual([second.code, second.node], ['ABORTED', 'edge-1']);
  t.is(await held, 'held');
  t.is((await first).node, 'edge-2');
  await assertAt(t, ledger, edges[1], 'script');
  t.deepEqual(
    device.offload.list().map(({ host }) => host),
    ['edge-2'],
  );
  const answered = await stop();
  t.deepEqual(await ledger.all(), numbers(1, answered.length));
  t.deepEqual(answered, numbers(1, answered.length));
});

test.serial('migration, edge to edge: refused or out of reach, the actor runs on at its edge, and its lease stands', async (t) => {
  // Nobody listens at port 9 (discard): the device reaches this edge by the address it was given, the other edge does not.
  const [one, two] = await Promise.all([edgeProcess(t, 'edge-1'), edgeProcess(t, 'edge-2', { url: 'http://127.0.0.1:9' })]);
  const device = await deviceHere(t, [one, two]);
  const ledger = spawn(device.device, Ledger, 'ledger');
  const lease = await offload(device, one, ledger);
  t.is(await ledger.put(1), 1);
  const place = await assertAt(t, ledger, one, 'script');

  const offer = await offerOf(device, two, ledger);
  const unreachable = await failureOf(device.offload.accept(offer));
  t.deepEqual([unreachable.code, unreachable.node], ['UNAVAILABLE', 'edge-1']);
  t.regex(unreachable.message, /edge-2 at http:\/\/127\.0\.0\.1:9 was not linked/);
  for (const token of ['', 'wrong', lease.move.move, offer.token]) {
    const refused = await failureOf(device.device.node.move(actor, { to: 'edge-2', address: two.url, token }));
    t.deepEqual([refused.code, refused.node], ['PERMISSION_DENIED', 'edge-2']);
  }
  const itself = await failureOf(device.offload.request(ledger, { needs: { hostFunctions: ['only-edge-1'] } }));
  t.is(itself.code, 'FAILED_PRECONDITION');
  t.regex(itself.message, /host edge-1 has it already/);

  t.is(await ledger.put(2), 2);
  t.is(await assertAt(t, ledger, one, 'script'), place);
  t.true(lease.active);
  t.deepEqual(
    device.offload.list().map(({ host }) => host),
    ['edge-1'],
  );
  t.deepEqual([await two.actors(), await reservationsOf(two)], [[], []]);
});

test.serial('migration, edge to edge: the link between them drops in the middle, the actor runs on, and the next move dials again', async (t) => {
  const port = await freePort();
  await using between = await relay({ to: { host: '127.0.0.1', port } });
  const [one, two] = await Promise.all([edgeProcess(t, 'edge-1'), edgeProcess(t, 'edge-2', { port, url: between.url })]);
  const device = await deviceHere(t, [one, two]);
  const ledger = spawn(device.device, Ledger, 'ledger');
  const lease = await offload(device, one, ledger);
  const held = ledger.hold(undefined, { timeoutMs: 60_000 });
  await one.events.first('world', ({ did }) => did === 'hold');
  const offer = await offerOf(device, two, ledger);
  const prepared = two.events.next('world', ({ did }) => did === 'prepare');
  const moving = failureOf(device.offload.accept(offer));
  await prepared;
  between.refuse();
  between.reset();
  const dropped = await moving;
  one.letGo();

  t.deepEqual([dropped.code, dropped.node], ['UNAVAILABLE', 'edge-1']);
  t.is(await held, 'held');
  await assertAt(t, ledger, one, 'script');
  t.true(lease.active);
  between.accept();
  await assertMigrated(t, ledger, (await offload(device, two, ledger)).move, one, two, 'script');
});

test.serial('migration, edge to edge: the device loses its link to the owner in the middle; the move goes on, and the list tells where it ended', async (t) => {
  const [one, two] = await Promise.all([edgeProcess(t, 'edge-1'), edgeProcess(t, 'edge-2')]);
  await using between = await relay({ to: { host: '127.0.0.1', port: Number(new URL(one.url).port) } });
  const device = await deviceHere(t, [{ ...one, url: between.url }, two]);
  const ledger = spawn(device.device, Ledger, 'ledger');
  const lease = await offload(device, one, ledger);
  const held = ledger.hold(undefined, { timeoutMs: 60_000 });
  await one.events.first('world', ({ did }) => did === 'hold');
  const offer = await offerOf(device, two, ledger);
  const prepared = two.events.next('world', ({ did }) => did === 'prepare');
  const moving = failureOf(device.offload.accept(offer));
  await prepared;
  between.reset();
  const undecided = await moving;
  one.letGo();

  t.deepEqual([undecided.code, undecided.details], ['UNAVAILABLE', { undecided: true }]);
  await two.events.first('arrived');
  t.is(await held, 'held');
  const [there] = device.offload.list();
  t.like(there, { actor, host: 'edge-2', url: two.url });
  t.deepEqual([lease.active, there.lease.active, there.lease.move], [false, true, undefined]);
  t.like(await reservationsOf(two), { length: 1, 0: { actor, status: 'running' } });
  await assertAt(t, ledger, two, 'script');
  await there.lease.recall();
  t.deepEqual([device.offload.list(), there.lease.active], [[], false]);
  await assertAt(t, ledger, device, 'native');
});

test.serial('migration, edge to edge: an owner killed in the middle is survived at home, a target killed in the middle at the owner', async (t) => {
  const [one, two, three] = await Promise.all([edgeProcess(t, 'edge-1'), edgeProcess(t, 'edge-2'), edgeProcess(t, 'edge-3')]);
  const device = await deviceHere(t, [one, two, three]);
  const ledger = spawn(device.device, Ledger, 'ledger');
  const begin = async (from: EdgeProcess, to: EdgeProcess) => {
    const held = ledger.hold(undefined, { timeoutMs: 60_000 });
    await from.events.first('world', ({ did }) => did === 'hold');
    const offer = await offerOf(device, to, ledger);
    const prepared = to.events.next('world', ({ did }) => did === 'prepare');
    const moving = failureOf(device.offload.accept(offer));
    await prepared;
    return { held, moving, asks: numbers(1, 20).map((entry) => ledger.put(entry, { timeoutMs: 60_000 })) };
  };

  const first = await offload(device, one, ledger);
  const orphaned = await begin(one, two);
  one.signal('SIGKILL');
  t.is((await orphaned.moving).code, 'UNAVAILABLE');
  t.like(await device.events.first('restored'), { actor, lostNode: 'edge-1' });
  device.letGo();
  t.is(await orphaned.held, 'held');
  t.deepEqual(await Promise.all(orphaned.asks), numbers(1, 20));
  await assertAt(t, ledger, device, 'native');
  t.deepEqual([first.active, await two.actors(), device.offload.list()], [false, [], []]);

  const second = await offload(device, two, ledger);
  const kept = await begin(two, three);
  three.signal('SIGKILL');
  const lost = await kept.moving;
  two.letGo();
  t.deepEqual([lost.code, lost.node], ['UNAVAILABLE', 'edge-2']);
  t.is(await kept.held, 'held');
  t.deepEqual(await Promise.all(kept.asks), numbers(21, 40));
  await assertAt(t, ledger, two, 'script');
  t.true(second.active);
});

test.serial('migration, edge to edge: an actor on one edge reaches an actor that moved to another, which its edge did not know', async (t) => {
  const [one, two] = await Promise.all([edgeProcess(t, 'edge-1'), edgeProcess(t, 'edge-2')]);
  const device = await deviceHere(t, [one, two]);
  const ledger = spawn(device.device, Ledger, 'ledger');
  const reporter = spawn(device.device, Reporter, 'reporter');
  t.is(await reporter.report({ ledger, entry: 1 }), 1);
  const [offer] = await device.offload.request(reporter, { needs: { hostFunctions: ['only-edge-1'] } });
  await device.offload.accept(offer);
  t.is(await reporter.report({ ledger, entry: 2 }), 2);
  await offload(device, two, ledger);

  t.is(await reporter.report({ ledger, entry: 3 }, { timeoutMs: 20_000 }), 3);
  t.deepEqual(
    (await one.actors()).map(({ address }) => address),
    ['robot-1/reporter'],
  );
  await assertAt(t, ledger, two, 'script');
  const { peer } = await one.events.first('link-up', (event) => event.peer === 'edge-2');
  t.is(peer, 'edge-2');
});

/** What an edge keeps room for, as an operator sees it. */
async function reservationsOf(edge: EdgeProcess): Promise<unknown[]> {
  const response = await fetch(`${edge.url}/godwit.control.v1.RemoteOffload/Status`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: '{}',
  });
  return ((await response.json()) as { readonly reservations?: unknown[] }).reservations ?? [];
}

/** A port that is free for the moment. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { readonly port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
