import test, { type ExecutionContext } from 'ava';
import { GodwitError, type GuestLimits } from '#core';
import { Counter, Rogue } from './fixtures/actors.js';
import { fixtureProgram, RememberingHost, specFor, turn } from './fixtures/world.js';
import { createScriptRuntime, type ScriptRuntime, type ScriptRuntimeInstance } from './index.js';

const program = await fixtureProgram();
const MiB = 1024 * 1024;
const segmentMs = 200;
const marginMs = 60;

/** A runtime of one worker with a rogue and a neighbour in it. */
async function neighbours(
  t: ExecutionContext,
): Promise<{ runtime: ScriptRuntime; rogue: ScriptRuntimeInstance; world: RememberingHost; neighbour: ScriptRuntimeInstance; beside: RememberingHost }> {
  const runtime = createScriptRuntime({ workers: 1, limits: { segmentMs, marginMs, memoryBytes: 32 * 1024 * 1024 } });
  t.teardown(() => runtime.close());
  const world = new RememberingHost();
  const beside = new RememberingHost();
  const rogue = await runtime.create(specFor(Rogue, program), world.host);
  const neighbour = await runtime.create(specFor(Counter, program), beside.host);
  return { runtime, rogue, world, neighbour, beside };
}

test.serial('runaway guest: is stopped at its deadline, and its neighbour goes on', async (t) => {
  const { rogue, world, neighbour, beside } = await neighbours(t);

  rogue.turn(turn('ask', 'ping', undefined, 1));
  await world.answer(1);
  const from = performance.now();
  rogue.turn(turn('ask', 'spin', undefined, 2));
  const error = await t.throwsAsync(() => world.answer(2));
  const tookMs = performance.now() - from;
  neighbour.turn(turn('ask', 'add', 1, 1));
  await beside.answer(1);

  t.log(`stopped ${(tookMs - segmentMs).toFixed(1)} ms after its deadline of ${segmentMs} ms`);
  t.like(error, { code: 'DEADLINE_EXCEEDED', retryable: false, details: { segmentMs } });
  t.true(tookMs >= segmentMs);
  t.is(beside.named('failed').length, 0);
  await t.throwsAsync(() => rogue.capture(), { code: 'UNAVAILABLE' } as never);
});

test.serial('runaway guest: one that only ever awaits leaves the thread to its neighbour, and hears an abort', async (t) => {
  const { rogue, world, neighbour, beside } = await neighbours(t);

  rogue.turn(turn('ask', 'spinAsync', undefined, 1));
  for (let ask = 1; ask <= 3; ask++) {
    neighbour.turn(turn('ask', 'add', 1, ask));
    await beside.answer(ask);
  }
  t.is(world.named('turnEnded').length, 0);
  rogue.abort(1);
  await world.until('turnEnded');

  t.is(world.named('failed').length, 0);
});

test.serial('stuck guest: its thread is ended, it is blamed, its neighbour may be retried, and the pool goes on', async (t) => {
  const { runtime, rogue, world, beside } = await neighbours(t);

  const from = performance.now();
  rogue.turn(turn('ask', 'stuckInBuiltin', undefined, 1));
  const error = await t.throwsAsync(() => world.answer(1));
  const tookMs = performance.now() - from;
  const [, failure] = await beside.until('failed');
  const world2 = new RememberingHost();
  const next = await runtime.create(specFor(Rogue, program), world2.host);
  next.turn(turn('ask', 'ping', undefined, 1));
  await world2.answer(1);

  t.log(`thread ended ${(tookMs - segmentMs - marginMs).toFixed(1)} ms after deadline and margin`);
  t.like(error, { code: 'DEADLINE_EXCEEDED', retryable: false });
  t.like(failure, { code: 'UNAVAILABLE', retryable: true });
  t.not(next.threadId, rogue.threadId);
});

test.serial('hungry guest: meets its memory limit as RESOURCE_EXHAUSTED and goes on', async (t) => {
  const { runtime, rogue, world } = await neighbours(t);

  rogue.turn(turn('ask', 'bomb', undefined, 1));
  const error = await t.throwsAsync(() => world.answer(1));
  rogue.turn(turn('ask', 'ping', undefined, 2));
  await world.answer(2);

  t.like(error, { code: 'RESOURCE_EXHAUSTED' });
  const [stats] = await runtime.stats();
  t.true((stats?.memoryBytes ?? 0) <= 2 * 32 * 1024 * 1024);
});

test.serial('limited guest: its module holds it to less than its host allows, and to no more; its neighbours are free', async (t) => {
  const runtime = createScriptRuntime({ workers: 1, limits: { segmentMs, marginMs, memoryBytes: 32 * MiB } });
  t.teardown(() => runtime.close());
  const started = async (limits: GuestLimits) => {
    const world = new RememberingHost();
    const { module } = specFor(Rogue, program);
    if (module === undefined) throw new GodwitError('INTERNAL', 'there is no module');
    const rogue = await runtime.create(specFor(Rogue, program, { module: { ...module, manifest: { ...module.manifest, limits } } }), world.host);
    return { world, rogue };
  };
  const memoryAfterBomb = async (limits: GuestLimits) => {
    const { world, rogue } = await started(limits);
    rogue.turn(turn('ask', 'bomb', undefined, 1));
    await t.throwsAsync(() => world.answer(1), { code: 'RESOURCE_EXHAUSTED' } as never);
    const [stats] = await runtime.stats();
    rogue.close();
    return stats?.memoryBytes ?? 0;
  };
  const limitAfterSpin = async (limits: GuestLimits) => {
    const { world, rogue } = await started(limits);
    rogue.turn(turn('ask', 'spin', undefined, 1));
    return (await t.throwsAsync<GodwitError>(() => world.answer(1), { code: 'DEADLINE_EXCEEDED' } as never))?.details;
  };

  const [modest, free, greedy] = [
    await memoryAfterBomb({ memoryBytes: 6 * MiB }),
    await memoryAfterBomb({}),
    await memoryAfterBomb({ memoryBytes: 512 * MiB }),
  ];
  t.true(modest <= 7 * MiB && free > 16 * MiB && greedy <= 32 * MiB, `${modest}, ${free}, ${greedy} bytes`);
  t.deepEqual(await limitAfterSpin({ segmentMs: 40 }), { segmentMs: 40 });
  t.deepEqual(await limitAfterSpin({ segmentMs: 10 * segmentMs }), { segmentMs });
});

test.serial('hungry guest: a message that does not fit its memory or the record limit, or cannot travel, is refused in its order', async (t) => {
  const { neighbour, beside } = await neighbours(t);

  neighbour.turn(turn('ask', 'add', 1, 1));
  neighbour.turn(turn('ask', 'echo', new Uint8Array(17 * 1024 * 1024), 2));
  neighbour.turn({ ...turn('ask', 'echo', undefined, 3), payload: { value: () => 1, bytes: undefined } });
  neighbour.turn(turn('ask', 'add', 1, 4));
  await beside.answer(4);
  neighbour.turn(turn('ask', 'echo', new Uint8Array(15 * 1024 * 1024), 5));

  await t.throwsAsync(() => beside.answer(2), { code: 'RESOURCE_EXHAUSTED', message: /records to a guest hold/ } as never);
  await t.throwsAsync(() => beside.answer(3), { code: 'INVALID_ARGUMENT' } as never);
  t.deepEqual(
    beside.calls.filter(([name]) => name === 'reply' || name === 'fail').map(([, ask]) => ask),
    [1, 2, 3, 4],
  );
  await t.throwsAsync(() => beside.answer(5), { code: 'RESOURCE_EXHAUSTED' } as never);
});

for (const message of ['recurse', 'recurseInBuiltin', 'deepJson']) {
  test.serial(`deep guest: '${message}' ends in an error, not in the process`, async (t) => {
    const { runtime, rogue, world, neighbour, beside } = await neighbours(t);

    rogue.turn(turn('ask', message, undefined, 1));
    const error = await t.throwsAsync(() => world.answer(1));
    neighbour.turn(turn('ask', 'add', 1, 1));
    await beside.answer(1);

    t.true(GodwitError.is(error));
    t.log(`${(error as GodwitError).code}: ${error?.message}`);
    await runtime.close();
  });
}

test.serial('lying guest: one that breaks its outbox is discarded, and nothing else', async (t) => {
  const { rogue, world, neighbour, beside } = await neighbours(t);

  rogue.turn(turn('ask', 'breakOutbox', undefined, 1));
  const error = await t.throwsAsync(() => world.answer(1));
  neighbour.turn(turn('ask', 'add', 1, 1));
  await beside.answer(1);

  t.like(error, { code: 'INTERNAL' });
});

test.serial('script runtime: a program that never finishes loading is refused, and its worker goes on', async (t) => {
  const runtime = createScriptRuntime({ workers: 1 });
  t.teardown(() => runtime.close());
  const { host } = new RememberingHost();

  await t.throwsAsync(() => runtime.create(specFor(Rogue, new TextEncoder().encode('for(;;);')), host), { code: 'INVALID_ARGUMENT' } as never);
  const instance = await runtime.create(specFor(Rogue, program), host);

  t.regex(instance.place, /^script \(QuickJS in Wasm, worker thread \d+ of process \d+\)$/);
});

test.serial('script runtime: refuses limits out of range, and after its close everything', async (t) => {
  t.throws(() => createScriptRuntime({ limits: { memoryBytes: 5 } }), { code: 'INVALID_ARGUMENT' } as never);
  t.throws(() => createScriptRuntime({ workers: 0 }), { code: 'INVALID_ARGUMENT' } as never);
  const { runtime, rogue, world } = await neighbours(t);

  await runtime.close();
  await t.throwsAsync(() => rogue.capture(), { code: 'UNAVAILABLE' } as never);
  await t.throwsAsync(() => runtime.create(specFor(Rogue, program), world.host), { code: 'UNAVAILABLE' } as never);
  t.is(world.named('failed').length, 0);
});
