import { availableParallelism } from 'node:os';
import {
  type Clock,
  decode,
  encode,
  errorFromValue,
  GodwitError,
  type Instance,
  type InstanceCapture,
  type InstanceHost,
  type InstanceSpec,
  type Logger,
  type Runtime,
  silentLogger,
} from '#core';
import type { GuestResult, GuestStart } from '../guest/guest-loop.js';
import type { WorkerStats } from './control.js';
import { type CompiledLimits, compileLimits, limitsFor, type ScriptLimits } from './limits.js';
import { plainCodec } from './plain-codec.js';
import { ScriptPool } from './pool.js';
import { isProtocol, ScriptInstance } from './script-instance.js';

/** What {@link createScriptRuntime} takes. @public */
export interface ScriptRuntimeOptions {
  /** Worker threads; default one less than the cores, at least 1. */
  readonly workers?: number;
  readonly limits?: ScriptLimits;
  readonly logger?: Logger;
  /** Times the watchdog; default the process's monotonic clock, which does not keep the process alive. */
  readonly clock?: Clock;
}

/** The script tier. @public */
export interface ScriptRuntime extends Runtime {
  readonly tier: 'script';
  create(spec: InstanceSpec, host: InstanceHost): Promise<ScriptRuntimeInstance>;
  stats(): Promise<readonly WorkerStats[]>;
}

/** An instance that tells its thread. @public */
export interface ScriptRuntimeInstance extends Instance {
  readonly threadId: number;
  capture(): Promise<InstanceCapture>;
}

/**
 * Runs actors' TypeScript, bundled, in QuickJS compiled to Wasm, inside a pool of worker threads that it starts at once.
 * @throws {GodwitError} INVALID_ARGUMENT a limit is out of range
 * @public
 */
export function createScriptRuntime(options: ScriptRuntimeOptions = {}): ScriptRuntime {
  const workers = options.workers ?? Math.max(1, availableParallelism() - 1);
  if (!Number.isInteger(workers) || workers < 1)
    throw new GodwitError('INVALID_ARGUMENT', `workers of the script runtime must be an integer ≥ 1, not ${workers}`);
  const limits = compileLimits(options.limits);
  return new PooledScriptRuntime(new ScriptPool(workers, limits, options.clock ?? idleClock, options.logger ?? silentLogger), limits);
}

class PooledScriptRuntime implements ScriptRuntime {
  readonly tier = 'script';
  private lastNumber = 0;

  constructor(
    private readonly pool: ScriptPool,
    private readonly limits: CompiledLimits,
  ) {}

  get description(): string {
    return `script (QuickJS in Wasm, worker threads ${this.pool.threadIds.join(', ') || 'starting'} of process ${process.pid})`;
  }

  async warm({ manifest, program }: NonNullable<InstanceSpec['module']>): Promise<void> {
    const image = await this.pool.image(program, manifest.definition);
    await (await this.pool.place()).prepare(image);
  }

  async create(spec: InstanceSpec, host: InstanceHost): Promise<ScriptRuntimeInstance> {
    const { module, address, hostFunctions } = spec;
    if (module === undefined) throw new GodwitError('INVALID_ARGUMENT', `the script tier needs a module to run ${address}`);
    const { manifest, program } = module;
    for (const name of manifest.hostFunctions)
      if (!hostFunctions.has(name)) throw new GodwitError('NOT_FOUND', `${address} needs host function '${name}', which node ${spec.node} does not offer`);
    const image = await this.pool.image(program, manifest.definition);
    const worker = await this.pool.place();
    const start: GuestStart = {
      address,
      definition: manifest.definition,
      version: manifest.version,
      seed: crypto.getRandomValues(new Uint32Array(4)),
      capture: spec.capture,
    };
    this.lastNumber = (this.lastNumber % 0xffff_fffe) + 1;
    const instance = new ScriptInstance(this.lastNumber, address, worker, new Set(manifest.hostFunctions), limitsFor(this.limits, manifest.limits), host);
    const result = decode(await worker.create(instance, image, encode(start, plainCodec)), plainCodec) as GuestResult;
    if (result.error !== undefined) {
      instance.close();
      throw errorFromValue(result.error);
    }
    const { protocol } = result;
    if (!isProtocol(protocol) || protocol.definition !== manifest.definition || protocol.version !== manifest.version) {
      instance.close();
      throw new GodwitError('INVALID_ARGUMENT', `the program of ${address} does not say that it is ${manifest.definition} v${manifest.version}`);
    }
    instance.protocol = protocol;
    return instance;
  }

  stats(): Promise<readonly WorkerStats[]> {
    return Promise.all(this.pool.all.map((worker) => worker.stats()));
  }

  close(): Promise<void> {
    return this.pool.close();
  }
}

/** The process's monotonic clock; its timers do not keep the process alive. */
const idleClock: Clock = {
  now: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs).unref();
    return () => clearTimeout(timer);
  },
  soon: (task) => void setImmediate(task),
};
