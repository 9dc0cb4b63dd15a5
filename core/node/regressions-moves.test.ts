// The protocol of moves, between nodes of one process, in orderings that once wedged an actor, lost a part of it, or never settled.
import test from 'ava';
import { actor } from '../actors/definition.js';
import { NativeInstance } from '../actors/native-instance.js';
import { dispatch, stop } from '../actors/ref.js';
import { spawn } from '../actors/spawn.js';
import { GodwitError } from '../errors.js';
import type { Instance, InstanceSpec, Runtime } from '../ports/runtime.js';
import { createGate, ledger, linked, makeNode, outcome, pair, pause } from './regressions.test-support.js';
import { assertHandedOver, assertKept, createPipes, nextEvent, sharedBlobs } from './wiring.test-support.js';

/** A native runtime whose instances are made, or altered, as the test says. */
const runtime = (made: (instance: Instance, spec: InstanceSpec) => void | Promise<void>): Runtime => ({
  tier: 'native',
  description: 'native, as a test says',
  async warm() {},
  async create(spec, host) {
    const instance = new NativeInstance(spec.address, spec.definition, host, 'as a test says');
    await made(instance, spec);
    instance.begin(spec.capture);
    return instance;
  },
  async close() {},
});

test('protocol: an ask that timed out in the mailbox moves along and costs no later ask', async (t) => {
  const gate = createGate();
  const asked = createGate();
  const admit = () => {
    asked.open();
    return { tier: 'native' as const };
  };
  const { device, ref } = await pair(t, ledger(0, [gate]), { admit });
  await ref.put(0);
  const held = ref.hold(0);
  t.is(await outcome(ref.put('late', { timeoutMs: 20 })), 'DEADLINE_EXCEEDED');
  const moved = device.move('device/l', { to: 'edge' });
  await asked.opened;
  // The turn ends once the move waits for it; nothing outside tells when that is.
  await pause(100);
  gate.open();
  await held;
  assertHandedOver(t, await moved, 'device', 'edge');

  const codes = new Set<string>();
  for (let batch = 0; batch < 30 && !codes.has('DEADLINE_EXCEEDED'); batch++) {
    for (const code of await Promise.all(Array.from({ length: 50 }, (_, index) => outcome(ref.put(index, { timeoutMs: 1500 }))))) codes.add(code);
  }
  t.deepEqual([...codes], ['OK']);
});

test('protocol: a stream read on while the actor is being captured arrives whole', async (t) => {
  const frozen = createGate();
  const captured = createGate();
  let moving = false;
  const slow = runtime((instance) => {
    const capture = instance.capture.bind(instance);
    instance.capture = async () => {
      const result = capture();
      if (moving) {
        frozen.open();
        await captured.opened;
      }
      return result;
    };
  });
  const Ledger = ledger();
  const { device, edge, ref } = await pair(t, Ledger, {}, { runtimes: [slow] });
  const other = spawn(device, Ledger, 'other');
  for (let entry = 0; entry < 200; entry++) dispatch(ref, 'put', entry);
  await ref.all();
  const items = edge.refTo(Ledger, 'device/l').tail(0);
  const read: unknown[] = [];
  const readUpTo = async (count: number) => {
    while (read.length < count) read.push((await items.next()).value);
  };
  await readUpTo(10);
  moving = true;
  const moved = device.move('device/l', { to: 'edge' });
  await frozen.opened;
  const reading = readUpTo(200);
  // What the reader grants is there before this is.
  await edge.refTo(Ledger, 'device/other').put(1);
  await other.all();
  captured.open();

  assertHandedOver(t, await moved, 'device', 'edge');
  t.is(await outcome(reading), 'OK');
  t.deepEqual(
    read,
    Array.from({ length: 200 }, (_, index) => index),
  );
});

test('protocol: of two moves of one actor at once, the second is refused', async (t) => {
  const Ledger = ledger();
  const shared = sharedBlobs();
  const more = { definitions: [Ledger] };
  const [device, one, two] = [makeNode(t, 'device', shared, more), makeNode(t, 'one', shared, more), makeNode(t, 'two', shared, more)];
  await linked(device, one);
  await linked(device, two);
  const ref = spawn(device, Ledger, 'l');
  await ref.put(1);

  const first = device.move('device/l', { to: 'one' });
  t.is(await outcome(device.move('device/l', { to: 'two' })), 'ABORTED');
  assertHandedOver(t, await first, 'device', 'one');
  t.is(await ref.put(2, { timeoutMs: 2000 }), 2);
  t.deepEqual([one.actors().length, two.actors().length], [1, 0]);
});

test('protocol: settles when the actor is stopped meanwhile, and leaves no copy', async (t) => {
  const asked = createGate();
  const admitted = createGate();
  const admit = async () => {
    asked.open();
    await admitted.opened;
    return { tier: 'native' as const };
  };
  const { device, edge, ref } = await pair(t, ledger(), { admit });
  await ref.put(1);
  const moved = outcome(device.move('device/l', { to: 'edge' }), 3000);
  await asked.opened;
  device.stop('device/l');
  admitted.open();

  t.false(['OK', 'PENDING'].includes(await moved));
  t.deepEqual([...device.actors(), ...edge.actors()], []);
});

test('protocol: an actor that came back and was stopped can be spawned again', async (t) => {
  const Ledger = ledger();
  const { device, ref } = await pair(t, Ledger);
  await ref.put(1);
  assertHandedOver(t, await device.move('device/l', { to: 'edge' }), 'device', 'edge');
  assertHandedOver(t, await device.recall('device/l'), 'edge', 'device');
  const stopped = nextEvent(device, 'stopped');
  stop(ref);
  await stopped;

  t.is(await outcome(spawn(device, Ledger, 'l').put(1, { timeoutMs: 2000 })), 'OK');
  t.is(device.actors().length, 1);
});

test('protocol: given up after the freeze, a resumable stream goes on or fails', async (t) => {
  const Next = actor('ledger', { version: 2, state: () => ({}), on: { put: () => 0 } });
  const { device, ref } = await pair(t, ledger(), { definitions: [Next] });
  await ref.put(1);
  const items = ref.tail(0);
  t.is((await items.next()).value, 1);
  t.is(await outcome(device.move('device/l', { to: 'edge' })), 'FAILED_PRECONDITION');
  assertKept(t, device, 'device/l');
  t.is(await ref.put(2), 2);

  const next = items.next();
  const code = await outcome(next, 2000);
  t.true(code === 'OK' || code === 'ABORTED', code);
  if (code === 'OK') t.is((await next).value, 2);
});

test('protocol: settles though the arrived actor cannot be measured, and the actor runs', async (t) => {
  const unmeasurable = runtime((instance) => {
    instance.capture = async () => {
      throw new GodwitError('UNAVAILABLE', 'no capture here');
    };
  });
  const unhandled: string[] = [];
  const notice = (thrown: unknown) => void (GodwitError.from(thrown).message === 'no capture here' && unhandled.push('no capture here'));
  process.on('unhandledRejection', notice);
  t.teardown(() => process.off('unhandledRejection', notice));
  const { device, ref } = await pair(t, ledger(), { runtimes: [unmeasurable] });
  await ref.put(1);

  const moved = device.move('device/l', { to: 'edge' });
  t.is(await outcome(moved, 3000), 'OK');
  assertHandedOver(t, await moved, 'device', 'edge');
  t.is(await outcome(ref.put(2, { timeoutMs: 2000 })), 'OK');
  t.deepEqual(unhandled, []);
});

test('protocol: given up before it began by a signal that is aborted already', async (t) => {
  const { device, edge, ref } = await pair(t, ledger());
  await ref.put(1);
  const caller = new AbortController();
  caller.abort();

  t.is(await outcome(device.move('device/l', { to: 'edge', signal: caller.signal })), 'CANCELLED');
  t.is(await ref.put(2), 2);
  assertKept(t, device, 'device/l');
  t.deepEqual(edge.actors(), []);
});

test('protocol: asks sent at the target while the actor arrives there are answered, though its home hears of it late', async (t) => {
  const Ledger = ledger();
  const shared = sharedBlobs();
  const more = { definitions: [Ledger] };
  const [home, source, target] = [makeNode(t, 'home', shared, more), makeNode(t, 'source', shared, more), makeNode(t, 'target', shared, more)];
  await linked(home, source);
  await linked(source, target);
  const late = createPipes();
  for (const pipe of late) {
    const send = pipe.send.bind(pipe);
    pipe.send = (frame) => void setTimeout(() => send(frame), 60);
  }
  const up = Promise.all([nextEvent(home, 'link-up'), nextEvent(target, 'link-up')]);
  home.accept(late[0]);
  target.accept(late[1]);
  await up;
  const ref = spawn(home, Ledger, 'l');
  await ref.put(0);
  assertHandedOver(t, await home.move('home/l', { to: 'source' }), 'home', 'source');
  const near = target.refTo(Ledger, 'home/l');
  for (let ask = 0; ask < 3; ask++) await near.put(ask);

  let moving = true;
  const moved = source.move('home/l', { to: 'target' }).finally(() => {
    moving = false;
  });
  const codes: Array<Promise<string>> = [];
  while (moving) {
    codes.push(outcome(near.put(codes.length, { timeoutMs: 3000 })));
    await pause(1);
  }
  assertHandedOver(t, await moved, 'source', 'target');
  t.deepEqual([...new Set(await Promise.all(codes))], ['OK']);
});

test('protocol: timers of a copy that arrives run neither before it may run nor after it was given up', async (t) => {
  const arriving = createGate();
  const made = createGate();
  const slow = runtime(async (_instance, spec) => {
    if (spec.capture === undefined) return;
    arriving.open();
    await made.opened;
  });
  const { device, link, ref } = await pair(t, ledger(), { runtimes: [slow] });
  await ref.put(1);
  await ref.wakeLater(2000);
  const due = pause(2300);
  const moved = outcome(device.move('device/l', { to: 'edge' }));
  await arriving.opened;
  const down = nextEvent(device, 'link-down');
  link.cut();
  await down;
  t.is(await moved, 'UNAVAILABLE');
  const up = nextEvent(device, 'link-up');
  link.join();
  await up;
  made.open();
  await ref.wakeNever();
  // Nothing but the time tells that a timer does not fire.
  await due;
  t.is(await ref.wakes(), 0);
  assertKept(t, device, 'device/l');
});
