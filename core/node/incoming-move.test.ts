import test, { type ExecutionContext } from 'ava';
import { actor } from '../actors/definition.js';
import { NativeInstance } from '../actors/native-instance.js';
import { spawn } from '../actors/spawn.js';
import { GodwitError } from '../errors.js';
import type { InstanceSpec, Runtime } from '../ports/runtime.js';
import { assertHandedOver, assertKept, linkNodes, nextEvent, sharedBlobs, testNode } from './wiring.test-support.js';

const started: string[] = [];

const Ledger = actor('ledger', {
  state: () => ({ entries: ['a', 'b'] }),
  on: {
    get: (state) => state.entries.length,
    async *tail(state, from: number, ctx): AsyncGenerator<string> {
      started.push(`${from}`);
      for (let at = from; ; at++) {
        ctx.resume(at + 1);
        if (at >= state.entries.length) await new Promise(() => {});
        yield state.entries[at];
      }
    },
  },
});

/** A native runtime whose instances are `made` before they are handed over. */
function runtimeOf(made: (instance: NativeInstance, spec: InstanceSpec) => void | Promise<void>): Runtime {
  return {
    tier: 'native',
    description: 'native',
    async warm() {},
    async create(spec, host) {
      const instance = new NativeInstance(spec.address, spec.definition, host, 'native, as a test says');
      instance.begin(spec.capture);
      await made(instance, spec);
      return instance;
    },
    async close() {},
  };
}

async function pair(t: ExecutionContext, runtime: Runtime) {
  const shared = sharedBlobs();
  const device = testNode('device', shared, { definitions: [Ledger] });
  const edge = testNode('edge', shared, { definitions: [Ledger], runtimes: [runtime] });
  const up = nextEvent(device, 'link-up');
  const link = linkNodes(device, edge);
  await up;
  t.teardown(() => Promise.all([device.close(), edge.close()]));
  return { device, edge, link };
}

test.serial('protocol, incoming move: a state that cannot be hashed after the move is the move’s own affair', async (t) => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => void unhandled.push(reason);
  process.on('unhandledRejection', note);
  const { device } = await pair(
    t,
    runtimeOf((instance) => {
      Object.assign(instance, { capture: () => Promise.reject(new GodwitError('UNAVAILABLE', 'the instance is closed')) });
    }),
  );
  const ledger = spawn(device, Ledger, 'l');
  await ledger.get();

  const report = await device.move('device/l', { to: 'edge' });
  t.is(await ledger.get(), 2);
  await new Promise((resolve) => setTimeout(resolve, 0));
  process.off('unhandledRejection', note);

  assertHandedOver(t, report, 'device', 'edge');
  t.is(report.epoch, 2);
  t.deepEqual(unhandled, []);
});

test.serial('protocol, incoming move: an instance that is finished after the move was given up is closed', async (t) => {
  let being = () => {};
  const beingMade = new Promise<void>((resolve) => {
    being = resolve;
  });
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let closed = () => {};
  const wasClosed = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const { device, edge, link } = await pair(
    t,
    runtimeOf(async (instance) => {
      Object.assign(instance, { close: closed });
      being();
      await finished;
    }),
  );
  const ledger = spawn(device, Ledger, 'l');
  await ledger.get();
  const move = t.throwsAsync(device.move('device/l', { to: 'edge' }));
  await beingMade;
  const down = nextEvent(edge, 'link-down');
  link.cut();
  await Promise.all([down, move]);

  finish();

  await t.notThrowsAsync(wasClosed);
  assertKept(t, device, 'device/l');
  t.deepEqual(edge.actors(), []);
});

test.serial('protocol, incoming move: a resumable stream goes on when the actor runs, and not while its instance is made', async (t) => {
  let startedEarly: string[] | undefined;
  const { device } = await pair(
    t,
    runtimeOf(async () => {
      await new Promise((resolve) => setTimeout(resolve, 0));
      startedEarly = [...started];
    }),
  );
  const ledger = spawn(device, Ledger, 'l');
  const items = ledger.tail(0)[Symbol.asyncIterator]();
  t.is((await items.next()).value, 'a');

  assertHandedOver(t, await device.move('device/l', { to: 'edge' }), 'device', 'edge');

  t.deepEqual(startedEarly, ['0']);
  t.is((await items.next()).value, 'b');
});
