// Migration over real parts: a device in this process, native; edges in processes of their own, each with the script engine in worker
// threads; Connect links between them. Every test asserts that process, thread and tier changed, or that none of them did.
import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { dispatch, GodwitError, type Ref, spawn } from '#core';
import type { Lease, Offer } from '#device-node';
import { Ledger } from './fixtures/ledger.js';
import { assertAt, assertMigrated, deviceHere, type EdgeProcess, edgeProcess, load, numbers, type TestDevice } from './migration.test-support.js';

const actor = 'robot-1/ledger';

interface Scene {
  readonly device: TestDevice;
  readonly edge: EdgeProcess;
  readonly ledger: Ref<typeof Ledger.on>;
}

async function scene(t: ExecutionContext): Promise<Scene> {
  const edge = await edgeProcess(t);
  const device = await deviceHere(t, [edge]);
  return { device, edge, ledger: spawn(device.device, Ledger, 'ledger') };
}

async function offerOf(device: TestDevice, edge: EdgeProcess, ledger: Ref<typeof Ledger.on>): Promise<Offer> {
  const [offer] = await device.offload.request(ledger, { needs: { hostFunctions: [`only-${edge.name}`] } });
  return offer;
}

/** Moves the ledger to the edge, and sees that it did. */
async function migrate(t: ExecutionContext, { device, edge, ledger }: Scene): Promise<Lease> {
  const lease = await device.offload.accept(await offerOf(device, edge, ledger));
  if (lease.move === undefined) throw new GodwitError('INTERNAL', 'the lease has no move');
  await assertMigrated(t, ledger, lease.move, device, edge);
  return lease;
}

/** Gets the ledger back, and sees that it came. */
async function recall(t: ExecutionContext, { device, edge, ledger }: Scene, lease: Lease): Promise<void> {
  await assertMigrated(t, ledger, await lease.recall(), edge, device);
}

/** Moves an actor that holds a turn, and lets the turn end when the move waits for nothing else: what came after it is in the mailbox then. */
async function acceptAndAwaitTurn(device: TestDevice, edge: EdgeProcess, offer: Offer): Promise<Lease> {
  const prepared = edge.events.next('world', ({ did }) => did === 'prepare');
  const moving = device.offload.accept(offer);
  await Promise.race([prepared, moving]);
  // The edge's word that it is ready is on its way; nothing outside tells that it is here.
  await pause(100);
  device.letGo();
  return moving;
}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'OK',
    (thrown: unknown) => GodwitError.from(thrown).code,
  );

test.serial('migration: under load, to another process and back, every ask is answered once and in order', async (t) => {
  const all = await scene(t);
  const { device, edge, ledger } = all;
  await ledger.all();
  const { answers, another, stop } = load(ledger);
  const lease = await migrate(t, all);
  const arrived = answers.length;
  await another();
  t.deepEqual(await edge.actors().then((list) => list.map(({ address }) => address)), [actor]);
  await recall(t, all, lease);
  const returned = answers.length;
  await another();
  const answered = await stop();

  t.true(arrived > 0 && returned > arrived && answered.length > returned);
  t.deepEqual(answered, numbers(1, answered.length));
  t.deepEqual(await ledger.all(), numbers(1, answered.length));
  t.deepEqual(await edge.actors(), []);
  await assertAt(t, ledger, device, 'native');
});

test.serial('migration: timers, resumable streams and tells that wait move to the other process', async (t) => {
  const all = await scene(t);
  const { device, edge, ledger } = all;
  // The second move is short, so that the timer is due after it.
  await recall(t, all, await migrate(t, all));
  await ledger.put(1);
  const seen: number[] = [];
  const reader = (async () => {
    for await (const entry of ledger.tail(0)) {
      seen.push(entry);
      if (entry === 200) break;
    }
  })();
  await ledger.put(2);
  const offer = await offerOf(device, edge, ledger);
  await ledger.wakeLater(1500);
  const held = ledger.hold();
  await device.events.first('world', ({ did }) => did === 'hold');
  for (let entry = 3; entry <= 100; entry++) dispatch(ledger, 'put', entry);
  const moving = acceptAndAwaitTurn(device, edge, offer);
  for (let entry = 101; entry <= 200; entry++) dispatch(ledger, 'put', entry);
  const { move } = await moving;
  await reader;
  await edge.events.first('world', ({ did }) => did === 'wake');

  t.is(await held, 'held');
  if (move === undefined) return t.fail();
  await assertMigrated(t, ledger, move, device, edge);
  t.deepEqual(seen, numbers(1, 200));
  t.is(await ledger.wakes(), 1);
});

test.serial('migration: refused by the edge, the actor runs on in its process, thread and tier', async (t) => {
  const { device, edge, ledger } = await scene(t);
  t.is(await ledger.put(1), 1);
  const before = await assertAt(t, ledger, device, 'native');
  const offer = await offerOf(device, edge, ledger);
  if (device.device.node.peers().length === 0) await device.events.first('link-up');
  const refused = await codeOf(device.device.node.move(actor, { to: edge.name, token: offer.kind === 'host' ? offer.token : '' }));

  t.is(refused, 'PERMISSION_DENIED');
  t.is(await assertAt(t, ledger, device, 'native'), before);
  t.deepEqual(await edge.actors(), []);
  t.is(await ledger.put(2), 2);
});

test.serial('migration: a turn that does not end in time gives the move up, to the edge and back, and ends where it began', async (t) => {
  const all = await scene(t);
  const { device, edge, ledger } = all;
  const native = await assertAt(t, ledger, device, 'native');
  const heldHere = ledger.hold();
  const waitingHere = ledger.put(1);
  t.is(await codeOf(device.offload.accept(await offerOf(device, edge, ledger))), 'DEADLINE_EXCEEDED');
  device.letGo();
  t.is(await heldHere, 'held');
  t.is(await waitingHere, 1);
  t.is(await assertAt(t, ledger, device, 'native'), native);
  t.deepEqual(await edge.actors(), []);

  const lease = await migrate(t, all);
  const script = await assertAt(t, ledger, edge, 'script');
  const heldThere = ledger.hold();
  await edge.events.first('world', ({ did }) => did === 'hold');
  const waitingThere = ledger.put(2);
  t.is(await codeOf(lease.recall()), 'DEADLINE_EXCEEDED');
  edge.letGo();

  t.is(await heldThere, 'held');
  t.is(await waitingThere, 2);
  t.is(await assertAt(t, ledger, edge, 'script'), script);
  t.true(lease.active);
  await recall(t, all, lease);
  t.deepEqual(await ledger.all(), [1, 2]);
});

test.serial(
  'migration: an edge killed with SIGKILL is survived; the actor resumes in its home process, natively, and no ask is lost or answered twice',
  async (t) => {
    const all = await scene(t);
    const { device, edge, ledger } = all;
    t.is(await ledger.put(1), 1);
    const before = await assertAt(t, ledger, device, 'native');
    const lease = await migrate(t, all);
    await assertAt(t, ledger, edge, 'script');
    const answers = numbers(2, 50).map((entry) => ledger.put(entry, { timeoutMs: 30_000 }));
    await answers[5];
    edge.signal('SIGKILL');
    await edge.gone;
    const more = numbers(51, 60).map((entry) => ledger.put(entry, { timeoutMs: 30_000 }));
    const restored = await device.events.first('restored');

    t.like(restored, { actor, lostNode: 'edge-1' });
    t.is(await assertAt(t, ledger, device, 'native'), before);
    t.deepEqual(await Promise.all([...answers, ...more]), numbers(2, 60));
    t.deepEqual(await ledger.all(), numbers(1, 60));
    t.true((device.device.node.actors()[0]?.incarnation ?? 0) > 1);
    t.regex(await lease.lost, /edge-1 was lost/);
  },
);

test.serial('migration: an owner stopped beyond its lease is fenced when it goes on: it destroys its copy, and nothing is answered twice', async (t) => {
  const all = await scene(t);
  const { device, edge, ledger } = all;
  t.is(await ledger.put(1), 1);
  await migrate(t, all);
  await assertAt(t, ledger, edge, 'script');
  t.is(await ledger.put(2), 2);
  edge.signal('SIGSTOP');
  const stalled = numbers(3, 20).map((entry) => ledger.put(entry, { timeoutMs: 60_000 }));
  await device.events.first('restored');
  await assertAt(t, ledger, device, 'native');
  t.deepEqual(await Promise.all(stalled), numbers(3, 20));
  edge.signal('SIGCONT');
  const { reason } = await edge.events.first('stopped', (event) => event.actor === actor);

  t.regex(reason, /fenced/);
  t.deepEqual(await edge.actors(), []);
  t.is(await ledger.put(21), 21);
  t.deepEqual(await ledger.all(), numbers(1, 21));
  await assertAt(t, ledger, device, 'native');
});

test.serial('migration: of two moves of one actor at once the second is refused, and there is one copy', async (t) => {
  const all = await scene(t);
  const { device, edge, ledger } = all;
  t.is(await ledger.put(1), 1);
  await migrate(t, all);
  const held = ledger.hold();
  await edge.events.first('world', ({ did }) => did === 'hold');
  const moves = ['first', 'second'].map((trigger) => device.device.node.recall(actor, { trigger }));
  const codes = moves.map(codeOf);
  // The first waits for the turn to end, so whichever is over before that is the second.
  t.is(await Promise.race(codes), 'ABORTED');
  t.is((await edge.actors())[0]?.tier, 'script');
  edge.letGo();

  t.deepEqual(await Promise.all(codes), ['OK', 'ABORTED']);
  t.is(await held, 'held');
  const report = await moves[0];
  t.is(report?.trigger, 'first');
  if (report !== undefined) await assertMigrated(t, ledger, report, edge, device);
  t.deepEqual(await edge.actors(), []);
  t.is(await ledger.put(2), 2);
});

test.serial('migration: an ask that timed out while it waited moves along and costs no later ask', async (t) => {
  const all = await scene(t);
  const { device, edge, ledger } = all;
  const offer = await offerOf(device, edge, ledger);
  const held = ledger.hold();
  await device.events.first('world', ({ did }) => did === 'hold');
  t.is(await codeOf(ledger.put(0, { timeoutMs: 20 })), 'DEADLINE_EXCEEDED');
  const [{ move }] = await Promise.all([acceptAndAwaitTurn(device, edge, offer), held]);

  if (move === undefined) return t.fail();
  await assertMigrated(t, ledger, move, device, edge);
  // More than a window of records: one number that stayed open would stall the stream.
  const codes: string[] = [];
  for (let batch = 0; batch < 30 && !codes.includes('DEADLINE_EXCEEDED'); batch++)
    codes.push(...(await Promise.all(numbers(1, 50).map((entry) => codeOf(ledger.put(entry, { timeoutMs: 5000 }))))));
  t.deepEqual([...new Set(codes)], ['OK']);
  t.is((await ledger.all()).length, 1500);
});

test.serial('migration: by way of its home to a second edge: three processes, and the state and every sender keep up', async (t) => {
  const [one, two] = await Promise.all([edgeProcess(t, 'edge-1'), edgeProcess(t, 'edge-2')]);
  const device = await deviceHere(t, [one, two]);
  const ledger = spawn(device.device, Ledger, 'ledger');
  const { answers, another, stop } = load(ledger);
  const first = await migrate(t, { device, edge: one, ledger });
  await another();
  await recall(t, { device, edge: one, ledger }, first);
  const second = await migrate(t, { device, edge: two, ledger });
  await another();
  const there = await assertAt(t, ledger, two, 'script');
  const answered = await stop();

  t.is(new Set([process.pid, one.pid, two.pid]).size, 3);
  t.not(there, first.move?.to.place);
  t.is(second.move?.to.place, there);
  t.deepEqual(answered, numbers(1, answers.length));
  t.deepEqual(await ledger.all(), numbers(1, answers.length));
  t.deepEqual(await one.actors(), []);
});
