// Orderings around a link that once stalled, misrouted or tore down what it carries.
import test, { type ExecutionContext } from 'ava';
import { actor } from '../actors/definition.js';
import { NativeInstance } from '../actors/native-instance.js';
import { dispatch, type Ref } from '../actors/ref.js';
import { spawn } from '../actors/spawn.js';
import { decode, encode } from '../codec/index.js';
import { recordKinds } from '../delivery/record.js';
import { FrameWriter, readFrame } from '../delivery/wire.js';
import { GodwitError } from '../errors.js';
import type { Runtime } from '../ports/runtime.js';
import type { Node } from './node.js';
import { outgoingRefs } from './refs.js';
import { createGate, linked, makeNode, outcome } from './regressions.test-support.js';
import { assertHandedOver, createPipes, nextEvent, sharedBlobs } from './wiring.test-support.js';

const ledger = (checkpointTurns = 0, gate = createGate()) =>
  actor('ledger', {
    state: () => ({ entries: [] as unknown[] }),
    checkpointTurns,
    on: {
      put(state, entry: unknown) {
        state.entries.push(entry);
        return state.entries.length;
      },
      async gated(state, entry: unknown) {
        await gate.opened;
        state.entries.push(entry);
      },
      all: (state) => state.entries,
      async *tail(state, from: number) {
        for (let index = from; index < state.entries.length; index++) yield state.entries[index];
      },
    },
  });

async function cut(link: { cut(): void }, ...nodes: Node[]) {
  const down = Promise.all(nodes.map((node) => nextEvent(node, 'link-down')));
  link.cut();
  await down;
}

function linkDowns(...nodes: Node[]): string[] {
  const reasons: string[] = [];
  for (const node of nodes) node.observe((event) => void (event.type === 'link-down' && reasons.push(`${node.name}: ${event.reason}`)));
  return reasons;
}

/** A peer that speaks the wire and may lie. */
async function liar(node: Node, name: string) {
  const [ours, theirs] = createPipes();
  const writer = new FrameWriter();
  const answers: string[] = [];
  const ignore = () => {};
  let heard = ignore;
  const record = (kind: number) => void answers.push(recordKinds[kind] ?? '');
  const controlReceived = (body: Uint8Array) => void ((decode(body, outgoingRefs) as { type: string }).type === 'pong' && heard());
  theirs.onFrame = (frame) => readFrame(frame, { record, ack: ignore, open: ignore, name: ignore, bounceReceived: ignore, controlReceived });
  const control = (message: unknown) => writer.control(encode(message, outgoingRefs));
  const up = nextEvent(node, 'link-up');
  node.accept(ours);
  control({ type: 'hello', protocol: 1, node: name, boot: 'b' });
  theirs.send(writer.take());
  await up;
  const open = (to: string, message: string) => {
    const from = { $address: name, $protocol: { definition: 'application', version: 1, messages: {} } };
    writer.open(1, encode({ from, life: 'b', incarnation: 1, epoch: 1, to, first: 1 }, outgoingRefs));
    writer.name(1, encode(message, outgoingRefs));
  };
  /** Sends what was written; resolves when the node has read it, or closed the pipe over it. */
  const send = () =>
    new Promise<void>((resolve) => {
      if (!theirs.open) resolve();
      heard = resolve;
      theirs.onClose = () => resolve();
      control({ type: 'ping', at: 0 });
      theirs.send(writer.take());
    });
  return { writer, control, open, send, answers };
}

test('link: a drop while an acknowledgement waits stalls no stream', async (t) => {
  const Ledger = ledger();
  const shared = sharedBlobs();
  const device = makeNode(t, 'device', shared);
  const edge = makeNode(t, 'edge', shared);
  const link = await linked(device, edge);
  spawn(edge, Ledger, 'e');
  const ref = device.refTo(Ledger, 'edge/e');
  await ref.put(0);
  await cut(link, device, edge);
  link.join();

  const codes = new Set<string>();
  for (let batch = 0; batch < 40 && !codes.has('DEADLINE_EXCEEDED'); batch++) {
    for (const code of await Promise.all(Array.from({ length: 50 }, (_, index) => outcome(ref.put(index, { timeoutMs: 1500 }))))) codes.add(code);
  }
  t.deepEqual([...codes], ['OK']);
});

/**
 * Three actors on the edge; the stream to x ends, so that y and z get other stream numbers on the next pipe. On that pipe the edge hears
 * nothing of the device's streams until `hear`, and meanwhile handles `gatedRecords` of y.
 */
async function reattached(t: ExecutionContext, gatedRecords: number) {
  const gate = createGate();
  const Ledger = ledger(0, gate);
  const Teller = actor('teller', { state: () => ({}), on: { go: (_state, to: unknown, ctx) => ctx.send(to as Ref<typeof Ledger.on>, 'put', 't') } });
  const told = createGate();
  const Told = actor('told', { state: () => ({}), on: { tell: () => told.open() } });
  const shared = sharedBlobs();
  const device = makeNode(t, 'device', shared);
  const edge = makeNode(t, 'edge', shared);
  const first = await linked(device, edge);
  for (const name of ['x', 'y', 'z']) spawn(edge, Ledger, name);
  const [x, y, z] = [device.refTo(Ledger, 'edge/x'), device.refTo(Ledger, 'edge/y'), device.refTo(Ledger, 'edge/z')];
  spawn(device, Told, 'told');
  await spawn(device, Teller, 'teller').go(x);
  await y.put('y');
  // Round trips, so that what the teller sent is acknowledged and its stream is over.
  for (let round = 0; round < 10; round++) await z.put('z');
  device.stop('device/teller');
  for (let round = 0; round < 10; round++) await z.put('z');
  for (let record = 0; record < gatedRecords; record++) dispatch(y, 'gated', record);
  await z.put('z');
  await cut(first, device, edge);
  return { device, edge, y, z, join: (afterCut: () => void) => rejoin(afterCut) };

  async function rejoin(afterCut: () => void) {
    afterCut();
    const pipes = createPipes();
    const pass = pipes[0].send.bind(pipes[0]);
    const held: Uint8Array[] = [];
    let introduced = false;
    pipes[0].send = (frame) => {
      if (introduced) held.push(frame);
      else pass(frame);
      introduced = true;
    };
    const up = Promise.all([nextEvent(device, 'link-up'), nextEvent(edge, 'link-up')]);
    device.accept(pipes[0]);
    edge.accept(pipes[1]);
    await up;
    const downs = linkDowns(device, edge);
    gate.open();
    await edge.refTo(Ledger, 'edge/y').all();
    // Whatever the edge had to say of y has left before this, and arrived.
    dispatch(edge.refTo(Told, 'device/told'), 'tell');
    await Promise.race([told.opened, nextEvent(device, 'link-down')]);
    const hear = () => {
      pipes[0].send = pass;
      for (const frame of held) pass(frame);
    };
    const drop = () => pipes[0].end(new GodwitError('UNAVAILABLE', 'cut'));
    return { downs, hear, drop };
  }
}

test('link: what is handled before its stream is opened anew is acknowledged on no other stream', async (t) => {
  const { y, z, join } = await reattached(t, 60);

  const { downs, hear } = await join(() => {});
  hear();

  t.is(await outcome(z.put('after')), 'OK');
  t.is((await y.all()).length, 61);
  t.deepEqual(downs, []);
});

test('link: records held over two drops arrive once each, though another stream is acknowledged in between', async (t) => {
  const { device, edge, z, join } = await reattached(t, 40);
  const before = (await edge.refTo(ledger(), 'edge/z').all()).length;
  const numbers = Array.from({ length: 60 }, (_, index) => index);

  const { drop } = await join(() => {
    for (const number of numbers) dispatch(z, 'put', number);
  });
  const down = Promise.all([nextEvent(device, 'link-down'), nextEvent(edge, 'link-down')]);
  drop();
  await down;
  const downs = linkDowns(device, edge);
  await linked(device, edge);

  t.is(await outcome(z.put('last')), 'OK');
  t.deepEqual((await z.all()).slice(before), [...numbers, 'last']);
  t.deepEqual(downs, []);
});

test('link: a garbage window for a stream of an actor that is starting leaves the actor running', async (t) => {
  const Ledger = ledger();
  const made = createGate();
  const slow: Runtime = {
    tier: 'native',
    description: 'waits for a gate',
    async warm() {},
    async create(spec, host) {
      await made.opened;
      const instance = new NativeInstance(spec.address, spec.definition, host, 'slow');
      instance.begin(spec.capture);
      return instance;
    },
    async close() {},
  };
  const node = makeNode(t, 'node', sharedBlobs(), { runtimes: [slow] });
  const peer = await liar(node, 'liar');
  const ref = spawn(node, Ledger, 'l');
  peer.open('node/l', 'tail');
  peer.writer.record(recordKinds.indexOf('stream'), 1, 1, 1, 5, Number.POSITIVE_INFINITY, encode(0, outgoingRefs));
  peer.writer.record(recordKinds.indexOf('more'), 0, 1, 2, 5, Number.POSITIVE_INFINITY, Uint8Array.of(255, 1, 2, 3));
  await peer.send();
  made.open();

  t.is(await outcome(ref.put(1, { timeoutMs: 1000 })), 'OK');
});

test('protocol, link: a garbage proposal to move leaves the home of the actor at work', async (t) => {
  const Ledger = ledger(1);
  const shared = sharedBlobs();
  const device = makeNode(t, 'device', shared, { definitions: [Ledger] });
  const edge = makeNode(t, 'edge', shared, { definitions: [Ledger] });
  await linked(device, edge);
  const ref = spawn(device, Ledger, 'l');
  await ref.put(1);
  assertHandedOver(t, await device.move('device/l', { to: 'edge' }), 'device', 'edge');
  const peer = await liar(device, 'other');
  peer.control({ type: 'migration', message: { type: 'propose', move: 'x', actor: 'device/l', epoch: 2, from: { name: 'other', boot: 'b' } } });
  await peer.send();

  // Only a home that works decides for the move back.
  const back = device.recall('device/l');
  t.is(await outcome(back, 3000), 'OK');
  assertHandedOver(t, await back, 'edge', 'device');
  t.is(await outcome(ref.put(2, { timeoutMs: 1000 })), 'OK');
});

test('protocol, link: a migration message in the name of another node than its peer is refused', async (t) => {
  const Ledger = ledger(1);
  const shared = sharedBlobs();
  const device = makeNode(t, 'device', shared, { definitions: [Ledger] });
  const edge = makeNode(t, 'edge', shared, { definitions: [Ledger] });
  await linked(device, edge);
  const ref = spawn(device, Ledger, 'l');
  await ref.put(1);
  assertHandedOver(t, await device.move('device/l', { to: 'edge' }), 'device', 'edge');
  const peer = await liar(device, 'other');
  const from = { name: 'edge', boot: edge.boot };
  const proposal = { move: 'x', expect: { owner: from, epoch: 2 }, next: { owner: { name: 'other', boot: 'b' } } };
  peer.control({ type: 'migration', message: { type: 'propose', move: 'x', actor: 'device/l', epoch: 2, from, askedAtMs: 0, proposal } });
  await peer.send();

  t.is(device.where('device/l')?.node, 'edge');
  const back = device.recall('device/l');
  t.is(await outcome(back, 3000), 'OK');
  assertHandedOver(t, await back, 'edge', 'device');
  t.is((await back).epoch, 3);
});

test('link: tells that carry the number of an ask leave nothing open, and nothing is answered', async (t) => {
  const Ledger = ledger();
  const node = makeNode(t, 'node', sharedBlobs());
  const ref = spawn(node, Ledger, 'l');
  await ref.put(0);
  const peer = await liar(node, 'liar');
  peer.open('node/l', 'put');
  for (let number = 1; number <= 500; number++)
    peer.writer.record(recordKinds.indexOf('tell'), 1, 1, number, number, Number.POSITIVE_INFINITY, encode(0, outgoingRefs));
  await peer.send();
  await ref.all();
  node.stop('node/l');
  await peer.send();

  t.is(peer.answers.length, 0);
});

test('protocol, restart: a living sender that once lived on the restarted edge is heard on, by its receiver wherever that goes', async (t) => {
  const Ledger = ledger();
  const Asker = actor('asker', {
    state: () => ({}),
    on: { go: (_state, { ref, value }: { ref: unknown; value: number }) => (ref as Ref<typeof Ledger.on>).put(value, { timeoutMs: 1500 }) },
  });
  const shared = sharedBlobs();
  const more = { definitions: [Ledger, Asker] };
  const [device, edge, other] = [makeNode(t, 'device', shared, more), makeNode(t, 'edge', shared, more), makeNode(t, 'other', shared, more)];
  const link = await linked(device, edge);
  await linked(device, other);
  const ref = spawn(device, Ledger, 'l');
  const asker = spawn(device, Asker, 'a');
  t.is(await asker.go({ ref, value: 1 }), 1);
  assertHandedOver(t, await device.move('device/a', { to: 'edge' }), 'device', 'edge');
  t.is(await asker.go({ ref, value: 2 }), 2);
  assertHandedOver(t, await device.recall('device/a'), 'edge', 'device');
  t.is(await asker.go({ ref, value: 3 }), 3);
  await cut(link, device);
  await linked(device, makeNode(t, 'edge', shared, more));

  t.is(await outcome(asker.go({ ref, value: 4 })), 'OK');
  const downs = linkDowns(device);
  assertHandedOver(t, await device.move('device/l', { to: 'other' }), 'device', 'other');
  t.is(await outcome(asker.go({ ref, value: 5 })), 'OK');
  t.deepEqual(await ref.all(), [1, 2, 3, 4, 5]);
  t.deepEqual(downs, []);
});

test('protocol, restart: an ask that a checkpoint covers is not run again because the node that ran it restarted', async (t) => {
  const Ledger = ledger(1);
  const shared = sharedBlobs();
  const more = { definitions: [Ledger] };
  const [device, edge, asking] = [makeNode(t, 'device', shared, more), makeNode(t, 'edge', shared, more), makeNode(t, 'asking', shared, more)];
  const home = await linked(device, edge);
  await linked(device, asking);
  const between = await linked(edge, asking);
  const ref = spawn(device, Ledger, 'l');
  await ref.put('a');
  assertHandedOver(t, await device.move('device/l', { to: 'edge' }), 'device', 'edge');
  const far = asking.refTo(Ledger, 'device/l');
  const kept = new Promise<void>((resolve) => {
    edge.observe((event) => {
      if (event.type !== 'checkpoint' || event.turns < 3) return;
      // Kept at home, and its acknowledgement not yet on its way to the asker.
      between.cut();
      resolve();
    });
  });
  await far.all();
  t.is(await far.put('once'), 2);
  await kept;
  // A round trip, behind which the home has registered the checkpoint.
  await ref.all();
  await cut(home, device);
  const restored = nextEvent(device, 'restored');
  const restarted = makeNode(t, 'edge', shared, more);
  await Promise.all([linked(device, restarted), linked(asking, restarted)]);
  await restored;

  // After what `asking` may have sent again, on the same stream.
  t.deepEqual(await far.all(undefined, { timeoutMs: 3000 }), ['a', 'once']);
  t.deepEqual(await ref.all(), ['a', 'once']);
});

test("protocol, restart: a restarted device's application is a new life to a receiver that moved meanwhile", async (t) => {
  const Ledger = ledger();
  const shared = sharedBlobs();
  const more = { definitions: [Ledger] };
  const [one, two] = [makeNode(t, 'one', shared, more), makeNode(t, 'two', shared, more)];
  await linked(one, two);
  const former = makeNode(t, 'device', shared);
  const links = [await linked(former, one), await linked(former, two)];
  spawn(one, Ledger, 'l');
  const before = former.refTo(Ledger, 'one/l');
  for (let entry = 0; entry < 20; entry++) await before.put(entry);
  for (const link of links) await cut(link, former);
  assertHandedOver(t, await one.move('one/l', { to: 'two' }), 'one', 'two');
  const device = makeNode(t, 'device', shared);
  await linked(device, one);
  await linked(device, two);

  const after = device.refTo(Ledger, 'one/l');
  for (const entry of ['new 1', 'new 2', 'new 3']) t.is(await outcome(after.put(entry, { timeoutMs: 1500 })), 'OK');
  t.deepEqual((await one.refTo(Ledger, 'one/l').all()).slice(20), ['new 1', 'new 2', 'new 3']);
});
