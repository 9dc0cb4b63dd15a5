import { type Clock, errorFromValue, GodwitError, type Instance, type InstanceHost, type InstanceSpec, type ModuleSource, type Runtime } from '#core';
import type { TierSpeed } from './offers.js';
import { speedProbe } from './speed-probe.js';

/** What one operation is, in offers. */
const benchmark = 'one step of 32-bit xorshift in a handler, including its share of a turn';
/** A turn shorter than this measures the turn, not the work. */
const minTurnMs = 20;
/** Beyond this the machine, not the tier, is what is slow; also bounds start-up: the turns before add up to as much again. */
const maxOperations = 1 << 26;
const firstOperations = 1 << 12;
const rounds = 3;

/** Measures a runtime by doubling the work of one turn until it takes `minTurnMs`, after a first turn that does not count. Never rejects: what cannot be measured says why. */
export async function measureSpeed(runtime: Runtime, clock: Clock, modules: ModuleSource | undefined): Promise<TierSpeed> {
  const { tier } = runtime;
  try {
    const probe = await startProbe(runtime, modules);
    try {
      await probe.run(firstOperations);
      for (let operations = firstOperations; ; operations *= 2) {
        const elapsedMs = await shortest(probe, operations, clock);
        if (elapsedMs >= minTurnMs || operations >= maxOperations) return { tier, operationsPerSecond: Math.round((operations / elapsedMs) * 1000), benchmark };
      }
    } finally {
      probe.close();
    }
  } catch (thrown) {
    return { tier, operationsPerSecond: 0, benchmark: `not measured: ${GodwitError.from(thrown).message}` };
  }
}

/** The quickest of a few turns: what else the machine does only ever adds. A turn that is too short to count is run once. */
async function shortest(probe: Probe, operations: number, clock: Clock): Promise<number> {
  let shortestMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds && shortestMs >= minTurnMs; round++) {
    const startedAt = clock.now();
    await probe.run(operations);
    shortestMs = Math.min(shortestMs, clock.now() - startedAt);
  }
  return shortestMs;
}

interface Probe {
  run(operations: number): Promise<void>;
  close(): void;
}

async function startProbe(runtime: Runtime, modules: ModuleSource | undefined): Promise<Probe> {
  const pending: { resolve: () => void; reject: (error: GodwitError) => void } = { resolve: () => {}, reject: () => {} };
  const host = probeHost(
    () => pending.resolve(),
    (error) => pending.reject(error),
  );
  const instance: Instance = await runtime.create(await specFor(runtime, modules), host);
  let ask = 0;
  return {
    run: (operations) =>
      new Promise((resolve, reject) => {
        pending.resolve = resolve;
        pending.reject = reject;
        ask += 1;
        instance.turn({
          kind: 'ask',
          message: 'run',
          payload: { value: operations, bytes: undefined },
          ask,
          sender: undefined,
          remainingMs: Number.POSITIVE_INFINITY,
        });
      }),
    close: () => instance.close(),
  };
}

async function specFor(runtime: Runtime, modules: ModuleSource | undefined): Promise<InstanceSpec> {
  const spec = { address: `${speedProbe.name}/${runtime.tier}`, capture: undefined, hostFunctions: new Map(), node: speedProbe.name };
  if (runtime.tier === 'native') return { ...spec, definition: speedProbe, module: undefined };
  if (modules === undefined) throw new GodwitError('FAILED_PRECONDITION', `the edge was given no module source that has ${speedProbe.name}`);
  const { manifest, blobs } = await modules.module(speedProbe.name, speedProbe.version);
  const program = blobs.get(manifest.program);
  if (program === undefined) throw new GodwitError('DATA_LOSS', `the module source gave no program for ${speedProbe.name}`);
  await runtime.warm({ manifest, program });
  return { ...spec, definition: undefined, module: { manifest, program } };
}

/** The probe sends nothing: only its answers and its end matter. */
function probeHost(ended: () => void, failed: (error: GodwitError) => void): InstanceHost {
  const ignore = () => {};
  return {
    send: ignore,
    cancel: ignore,
    more: ignore,
    reply: ignore,
    fail: (_ask, error) => failed(errorFromValue(error)),
    item: ignore,
    end: ignore,
    after: ignore,
    cancelTimer: ignore,
    child: ignore,
    call: ignore,
    where: () => undefined,
    progress: ignore,
    log: ignore,
    flush: ignore,
    discard: ignore,
    turnEnded: (end) => (end.threw === undefined ? ended() : failed(errorFromValue(end.threw))),
    failed: (error) => failed(errorFromValue(error)),
  };
}
