// Elastic functions and channels over real parts: a device in this process, an edge with the script engine in another, Connect between them.
import { readFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { type AnyRef, channel, type ElasticFunction, elastic, GodwitError, spawn } from '#core';
import type { Lease } from '#device-node';
import { brighten, count, Doubler, fail, Source, wait, walk } from './fixtures/elastic.js';
import { deviceHere, edgeProcess, numbers, type TestDevice } from './migration.test-support.js';

async function scene(t: ExecutionContext): Promise<TestDevice> {
  return deviceHere(t, [await edgeProcess(t)]);
}

async function offload({ offload }: TestDevice, target: AnyRef | ElasticFunction): Promise<Lease> {
  const [offer] = await offload.request(target);
  return offload.accept(offer);
}

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const got: T[] = [];
  for await (const value of values) got.push(value);
  return got;
}

test('elastic: a function runs here without a device, on the edge while it is offloaded, and here again after its recall', async (t) => {
  const pixels = Uint8Array.of(1, 2, 250);
  const brighter = Uint8Array.of(11, 12, 255);
  t.deepEqual(await brighten(pixels, 10), { pixels: brighter, engine: 'native' });

  const device = await scene(t);
  const lease = await offload(device, brighten);
  t.deepEqual(await brighten(pixels, 10), { pixels: brighter, engine: 'script' });
  t.true(lease.active);

  await lease.recall();
  t.deepEqual(await brighten(pixels, 10), { pixels: brighter, engine: 'native' });
});

test('elastic: a generator yields from the edge what it yields here', async (t) => {
  const device = await scene(t);
  await offload(device, count);

  t.deepEqual(
    await collect(count(50)),
    numbers(1, 50).map((value) => ({ value, engine: 'script' })),
  );
});

test('elastic: what a function reports comes back in order before its result, and a signal reaches it', async (t) => {
  const device = await scene(t);
  await offload(device, walk);
  await offload(device, wait);
  const steps: number[] = [];

  t.is(await walk(40, (step) => steps.push(step)), 'script');
  t.deepEqual(steps, numbers(1, 40));

  const giveUp = new AbortController();
  const waiting = wait(giveUp.signal);
  giveUp.abort();
  await t.throwsAsync(waiting, { code: 'CANCELLED' } as never);
});

test('elastic: an error of the edge is the error the function threw, with the place in its source, and the place of the call below', async (t) => {
  const device = await scene(t);
  await offload(device, fail);

  const error = await t.throwsAsync(fail('too far'));
  t.like(GodwitError.from(error), { code: 'OUT_OF_RANGE', message: 'too far', node: 'edge-1', details: { engine: 'script' } });
  const frames = error?.stack?.split('\n').slice(1) ?? [];
  const border = frames.findIndex((frame) => frame.includes('--- received from edge-1 ---'));
  const line =
    (await readFile(new URL('../../cli/fixtures/elastic.ts', import.meta.url), 'utf8')).split('\n').findIndex((text) => text.includes('OUT_OF_RANGE')) + 1;
  t.true(
    frames.slice(0, border).some((frame) => frame.includes(`fixtures/elastic.ts:${line}:`)),
    error?.stack,
  );
  t.true(
    frames.slice(border).some((frame) => frame.includes('cli/elastic.test.')),
    error?.stack,
  );
  t.false(
    frames.some((frame) => frame.includes('core/')),
    error?.stack,
  );
});

test('elastic: calls run here again when the device closes', async (t) => {
  const device = await scene(t);
  await offload(device, brighten);
  t.is((await brighten(Uint8Array.of(1), 1)).engine, 'script');

  await device.device.close();
  t.is((await brighten(Uint8Array.of(1), 1)).engine, 'native');
});

test('elastic: what is no elastic function, or has no name or source, is refused with the remedy', async (t) => {
  const device = await scene(t);
  const plain = async () => 1;
  await t.throwsAsync(device.offload.request(plain), { code: 'INVALID_ARGUMENT', message: /wrap it in elastic\(\)/ } as never);
  await t.throwsAsync(device.offload.request(elastic(async () => 1)), { code: 'INVALID_ARGUMENT', message: /name the function/ } as never);
  const [offer] = await device.offload.request(elastic(async () => 1, { name: 'homeless' }));
  await t.throwsAsync(device.offload.accept(offer), { message: /no module for actor definition homeless/ } as never);
});

test('elastic: channels reach an actor in the script engine, and it reaches theirs, with nothing lost while it comes and goes', async (t) => {
  const device = await scene(t);
  const numbersIn = channel<number>(device.device, 'in', { capacity: 8 });
  const doubledOut = channel<never, number>(device.device, 'out', { capacity: 8 });
  const doubler = spawn(device.device, Doubler, 'doubler');
  await doubler.join({ from: numbersIn.far, to: doubledOut.far });
  const got = collect(doubledOut.near);
  const sending = (async () => {
    for (const value of numbers(1, 400)) await numbersIn.near.send(value);
    await numbersIn.near.close();
  })();

  const lease = await offload(device, doubler);
  t.is(await doubler.engine(), 'script');
  await lease.recall();
  t.is(await doubler.engine(), 'native');
  await offload(device, doubler);
  await sending;
  t.deepEqual(
    await got,
    numbers(1, 400).map((value) => value * 2),
  );
});

test('elastic: an actor in the script engine makes a channel of its own, for actors beside it', async (t) => {
  const device = await scene(t);
  const source = spawn(device.device, Source, 'source');
  const doubler = spawn(device.device, Doubler, 'doubler');
  for (const actor of [source, doubler]) await offload(device, actor);
  t.deepEqual([await source.engine(), await doubler.engine()], ['script', 'script']);
  const doubledOut = channel<never, number>(device.device, 'out');
  const got = collect(doubledOut.near);

  await doubler.join({ from: await source.open('numbers'), to: doubledOut.far });
  t.deepEqual(
    await got,
    numbers(1, 20).map((value) => value * 2),
  );
});
