import test from 'ava';
import { actor } from '../actors/definition.js';
import { dispatch } from '../actors/ref.js';
import { spawn } from '../actors/spawn.js';
import { decode, encode } from '../codec/index.js';
import { FrameWriter, readFrame } from '../delivery/wire.js';
import { GodwitError } from '../errors.js';
import type { Manifest } from '../ports/module-source.js';
import { outgoingRefs } from './refs.js';
import { createGate } from './regressions.test-support.js';
import { assertKept, createPipes, linkNodes, nextEvent, sharedBlobs, testNode } from './wiring.test-support.js';

const Echo = actor('echo', {
  state: () => ({ heard: 0 }),
  on: {
    say(state, word: unknown) {
      state.heard += 1;
      return word;
    },
    heard: (state) => state.heard,
    functionBack: () => () => 1,
  },
});

const EchoNext = actor('echo', { version: 2, state: () => ({ heard: 0 }), on: { say: (_state, word: unknown) => word } });

async function linked(more: Parameters<typeof testNode>[2] = {}) {
  const shared = sharedBlobs();
  const device = testNode('device', shared, { definitions: [Echo] });
  const edge = testNode('edge', shared, { definitions: [Echo], ...more });
  const up = nextEvent(device, 'link-up');
  const link = linkNodes(device, edge);
  await up;
  return { device, edge, link, close: () => Promise.all([device.close(), edge.close()]) };
}

const codeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return 'OK';
  } catch (thrown) {
    return GodwitError.from(thrown).code;
  }
};

test('bad input: an unknown message is refused by name, at the sender and at the receiver', async (t) => {
  const { edge, device, close } = await linked();
  spawn(edge, Echo, 'e');
  const ref = device.refTo(Echo, 'edge/e');
  const error = t.throws(() => (dispatch as (...args: unknown[]) => void)(ref, 'shout'));
  t.regex(GodwitError.from(error).message, /has no message 'shout'; it has say, heard/);
  const Wrong = actor('echo', { state: () => ({}), on: { shout: () => 1 } });
  const wrong = GodwitError.from(await t.throwsAsync(device.refTo(Wrong, 'edge/e').shout()));
  t.is(wrong.code, 'INVALID_ARGUMENT');
  t.regex(wrong.message, /edge\/e .*has no message 'shout'/);
  t.is(await ref.say('still here'), 'still here');
  await close();
});

test('bad input: a payload or reply that is not serialisable is refused with its path, and no number is lost', async (t) => {
  const { edge, device, close } = await linked();
  spawn(edge, Echo, 'e');
  const ref = device.refTo(Echo, 'edge/e');
  t.is(await ref.say(1), 1);
  const refused = GodwitError.from(t.throws(() => dispatch(ref, 'say', { deep: [1, { here: () => 1 }] })));
  t.is(refused.code, 'INVALID_ARGUMENT');
  t.regex(refused.message, /deep\[1\]\.here/);
  t.is(await codeOf(ref.say(Symbol('x'))), 'INVALID_ARGUMENT');
  t.is(await codeOf(ref.functionBack()), 'INVALID_ARGUMENT');
  t.is(await ref.heard(), 1);
  await close();
});

test('protocol, bad input: a record in the mailbox that cannot travel gives the move up and is handled where it was', async (t) => {
  const [asked, gate] = [createGate(), createGate()];
  const admit = () => {
    asked.open();
    return { tier: 'native' as const };
  };
  const { device, close } = await linked({ admit });
  const ref = spawn(device, Echo, 'e');
  await ref.say('ready');
  const Slow = actor('slow', {
    state: () => ({}),
    on: { take: (_state, value: unknown) => typeof value, hold: () => gate.opened },
  });
  const slow = spawn(device, Slow, 's');
  const holding = slow.hold();
  const taken = slow.take(() => 1);
  const moved = t.throwsAsync(device.move('device/s', { to: 'edge' }));
  await asked.opened;
  // The turn ends once the move waits for it; nothing outside tells when that is.
  await new Promise((resolve) => setTimeout(resolve, 100));
  gate.open();
  const error = GodwitError.from(await moved);
  t.is(error.code, 'INVALID_ARGUMENT');
  t.regex(error.message, /record 'take' in the mailbox of device\/s cannot travel/);
  await holding;
  t.is(await taken, 'function');
  assertKept(t, device, 'device/s');
  await close();
});

test('protocol, bad input: an actor of another version is refused by the target and runs on at its source', async (t) => {
  const { device, close } = await linked({ definitions: [EchoNext] });
  const ref = spawn(device, Echo, 'e');
  await ref.say('ready');
  const error = GodwitError.from(await t.throwsAsync(device.move('device/e', { to: 'edge' })));
  t.is(error.code, 'FAILED_PRECONDITION');
  t.regex(error.message, /device\/e is of version 1 of echo, and version 2 does not say how to read its state/);
  t.is(await ref.say('here'), 'here');
  assertKept(t, device, 'device/e');
  await close();
});

test('protocol, bad input: an edge that knows no such definition, or is not there, leaves the actor where it is', async (t) => {
  const { device, close } = await linked({ definitions: [] });
  const ref = spawn(device, Echo, 'e');
  await ref.say('ready');
  t.is(await codeOf(device.move('device/e', { to: 'edge' })), 'NOT_FOUND');
  t.is(await codeOf(device.move('device/e', { to: 'nowhere' })), 'UNAVAILABLE');
  t.is(await codeOf(device.move('device/nobody', { to: 'edge' })), 'NOT_FOUND');
  t.is(await codeOf(device.recall('device/e')), 'FAILED_PRECONDITION');
  t.is(await ref.heard(), 1);
  assertKept(t, device, 'device/e');
  await close();
});

test('protocol, bad input: a corrupt manifest is refused with the field that is wrong, by the source and by the target', async (t) => {
  const sound = {
    definition: 'echo',
    version: 1,
    tier: 'native',
    program: 'a'.repeat(64),
    programBytes: 1,
    hostFunctions: [],
    models: {},
    needs: { memoryBytes: 0, models: [] },
    limits: {},
  };
  const corrupt: ReadonlyArray<readonly [field: string, manifest: unknown]> = [
    ['definition', null],
    ['version', { ...sound, version: 0 }],
    ['tier', { ...sound, tier: 'quantum' }],
    ['program', { ...sound, program: '../../etc' }],
    ['programBytes', { ...sound, programBytes: -1 }],
    ['hostFunctions', { ...sound, hostFunctions: [7] }],
    ['models', { ...sound, models: { centernet: 'x' } }],
    ['stateSchema', { ...sound, stateSchema: 'none' }],
    ['needs', { ...sound, needs: { memoryBytes: -1, models: [] } }],
    ['limits', { ...sound, limits: { segmentMs: 0 } }],
    ['signature', { ...sound, signature: { key: 'a'.repeat(64), value: ['b'.repeat(128)] } }],
  ];
  const shared = sharedBlobs();
  const edge = testNode('edge', shared, { definitions: [Echo] });
  const [ours, theirs] = createPipes();
  const refusals: string[] = [];
  let refused = () => {};
  const ignore = () => {};
  const controlReceived = (body: Uint8Array) => {
    const { message } = decode(body, outgoingRefs) as { message?: { type: string; reason: { code: string; message: string } } };
    if (message?.type !== 'refused') return;
    refusals.push(`${message.reason.code} ${message.reason.message}`);
    refused();
  };
  theirs.onFrame = (frame) => readFrame(frame, { record: ignore, ack: ignore, open: ignore, name: ignore, bounceReceived: ignore, controlReceived });
  const writer = new FrameWriter();
  const send = (message: unknown) => {
    writer.control(encode(message, outgoingRefs));
    theirs.send(writer.take());
  };
  const linkUp = nextEvent(edge, 'link-up');
  edge.accept(ours);
  send({ type: 'hello', protocol: 1, node: 'peer', boot: 'b' });
  await linkUp;
  for (const [field, manifest] of corrupt) {
    const device = testNode('device', shared, { definitions: [Echo], modules: { module: async () => ({ manifest: manifest as Manifest, blobs: new Map() }) } });
    const up = nextEvent(device, 'link-up');
    linkNodes(device, edge);
    await up;
    const ref = spawn(device, Echo, 'e');
    await ref.say('ready');
    const error = GodwitError.from(await t.throwsAsync(device.move('device/e', { to: 'edge' })));
    t.is(error.code, 'INVALID_ARGUMENT');
    t.regex(error.message, new RegExp(`field '${field}'`));
    t.is(await ref.say('here'), 'here');
    assertKept(t, device, 'device/e');
    await device.close();

    const answered = new Promise<void>((resolve) => {
      refused = resolve;
    });
    const prepare = {
      type: 'prepare',
      move: `m-${field}`,
      actor: 'peer/e',
      epoch: 1,
      from: { name: 'peer', boot: 'b' },
      target: { name: 'edge', boot: edge.boot },
      home: 'peer',
      manifest,
      blobs: [],
      expectedBytes: 1,
      timings: {},
    };
    send({ type: 'migration', message: prepare });
    await answered;
    t.regex(refusals.at(-1) ?? '', new RegExp(`^INVALID_ARGUMENT .*field '${field}'`));
  }
  await edge.close();
});

test('protocol, bad input: an edge that goes away at any point of a move leaves the actor running, here or after the lease', async (t) => {
  for (const afterFrames of [1, 2, 3, 4, 6, 8, 12, 16]) {
    const { device, edge, link, close } = await linked();
    const ref = spawn(device, Echo, 'e');
    await ref.say('ready');
    let frames = 0;
    // The pause before each cut is counted in macrotasks, one per frame of this pipe.
    const cutter = (async () => {
      while (frames++ < afterFrames) await new Promise((resolve) => setTimeout(resolve, 0));
      link.cut();
    })();
    const moved = codeOf(device.move('device/e', { to: 'edge' }));
    await cutter;
    t.not(await Promise.race([moved, ref.say('there?', { timeoutMs: 5000 })]), undefined);
    t.is(await ref.say('after', { timeoutMs: 10_000 }), 'after', `cut after ${afterFrames} frames`);
    assertKept(t, device, 'device/e');
    await edge.close();
    await close();
  }
});

test('bad input: a peer of another protocol version, or of no protocol at all, gets no link', async (t) => {
  const lines: string[] = [];
  const node = testNode('node', sharedBlobs(), { logger: { log: (_level, event, fields) => void lines.push(`${event} ${String(fields?.reason)}`) } });
  for (const hello of [{ type: 'hello', protocol: 99, node: 'x', boot: 'y' }, 'rubbish']) {
    const [ours, theirs] = createPipes();
    const closed = new Promise<void>((resolve) => {
      theirs.onClose = () => resolve();
    });
    node.accept(ours);
    const writer = new FrameWriter();
    writer.control(encode(hello, outgoingRefs));
    theirs.send(writer.take());
    await closed;
  }
  t.deepEqual(node.peers(), []);
  t.true(lines.some((line) => /speaks protocol version 99, this one 1/.test(line)));
  t.true(lines.some((line) => /is no introduction/.test(line)));
  await node.close();
});

test('bad input: corrupt, truncated and lying frames close the link with one line; the actor is untouched', async (t) => {
  const lines: string[] = [];
  const node = testNode('node', sharedBlobs(), {
    logger: { log: (level, event, fields) => void (level === 'error' && lines.push(`${event} ${String(fields?.reason)}`)) },
  });
  const ref = spawn(node, Echo, 'e');
  await ref.say('ready');
  const from = { $address: 'liar', $protocol: { definition: 'application', version: 1, messages: {} } };
  const open = (writer: FrameWriter) => writer.open(1, encode({ from, life: 'b', incarnation: 1, epoch: 1, to: 'node/e', first: 1 }, outgoingRefs));
  const frames: Array<(writer: FrameWriter) => Uint8Array> = [
    () => Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9),
    () => Uint8Array.of(1),
    (writer) => {
      open(writer);
      writer.record(0, 0, 1, 1, 0, Number.POSITIVE_INFINITY, undefined);
      writer.record(0, 0, 1, 7, 0, Number.POSITIVE_INFINITY, undefined);
      return writer.take();
    },
    (writer) => {
      open(writer);
      writer.record(77, 0, 1, 1, 0, Number.POSITIVE_INFINITY, undefined);
      return writer.take();
    },
    (writer) => {
      writer.record(0, 0, 1, 1, 0, Number.POSITIVE_INFINITY, new Uint8Array(100));
      return writer.take().subarray(0, 60);
    },
    (writer) => {
      writer.control(Uint8Array.of(255, 1, 2, 3));
      return writer.take();
    },
  ];
  for (const [index, make] of frames.entries()) {
    const [ours, theirs] = createPipes();
    const closed = new Promise<void>((resolve) => {
      theirs.onClose = () => resolve();
    });
    node.accept(ours);
    const up = nextEvent(node, 'link-up');
    const hello = new FrameWriter();
    hello.control(encode({ type: 'hello', protocol: 1, node: 'liar', boot: `b${index}` }, outgoingRefs));
    theirs.send(hello.take());
    await up;
    theirs.send(make(new FrameWriter()));
    await closed;
  }
  t.is(lines.length, frames.length);
  t.is(await ref.heard(), 1);
  await node.close();
});
