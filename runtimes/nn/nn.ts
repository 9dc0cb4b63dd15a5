import { GodwitError, type HostFunction, type Inference, type Logger, silentLogger } from '#core';
import { createServiceThread } from '../thread/service-thread.js';
import { type BackendName, backendNames } from './backend.js';
import type { SkippedBackend } from './backends.js';
import type { ModelFiles } from './model.js';

/** Options of {@link createNn}. @public */
export interface NnOptions {
  /** The models actors may name. Nothing is read before a model's first use. */
  readonly models: Readonly<Record<string, ModelFiles>>;
  /** Backends to try, in this order and no others. Default: tfjs-node-gpu, tfjs-node, onnxruntime-node, tfjs-wasm. */
  readonly prefer?: readonly BackendName[];
  /** Threads one inference may use, ≥ 1. Default 1, for equal numbers on every host. */
  readonly threads?: number;
  /** Told once a model, which backend runs it and why others were skipped. Default: silent. */
  readonly logger?: Logger;
}

/** What the inference thread is started with. */
export interface NnThreadOptions {
  readonly models: Readonly<Record<string, ModelFiles>>;
  readonly prefer: readonly BackendName[];
  readonly threads: number;
}

/** What a node can infer with. @public */
export interface NnDescription {
  /** The backend taken; undefined if none could be opened. */
  readonly backend: BackendName | undefined;
  /** Where it computes: 'cuda', 'cpu' or 'wasm'. Settled when a first model is loaded. */
  readonly device: string | undefined;
  /** True if this backend passed its tests on a fake module only. */
  readonly notRunOnHardware: boolean;
  /** The backends tried before it, each with the reason why it was not taken. */
  readonly skipped: readonly SkippedBackend[];
  /** Models loaded so far: a model that the first backend refuses may run on a later one. */
  readonly models: Readonly<Record<string, { readonly backend: string; readonly skipped: readonly SkippedBackend[] }>>;
}

/** The host function `nn`: method `infer` of the facade, and `describe`. @public */
export interface NnFunction extends HostFunction {
  readonly name: 'nn';
  describe(): Promise<NnDescription>;
  /** Ends its thread and open calls; idempotent. */
  close(): Promise<void>;
}

/**
 * Makes the host function `nn`. Inference runs in a thread of its own, started at the first call; inferences queue there.
 * @throws {GodwitError} INVALID_ARGUMENT an unknown backend name or thread count
 * @public
 */
export function createNn(options: NnOptions): NnFunction {
  const prefer = options.prefer ?? backendNames;
  const unknown = prefer.find((name) => !backendNames.includes(name));
  if (unknown !== undefined) throw new GodwitError('INVALID_ARGUMENT', `nn: no backend '${unknown}'; there are ${backendNames.join(', ')}`);
  const threads = options.threads ?? 1;
  if (!Number.isInteger(threads) || threads < 1) throw new GodwitError('INVALID_ARGUMENT', `nn: threads must be an integer ≥ 1, not ${threads}`);
  const logger = options.logger ?? silentLogger;
  const thread = createServiceThread('nn', new URL('./nn-thread.js', import.meta.url), { models: options.models, prefer, threads } satisfies NnThreadOptions);
  const logged = new Set<unknown>();

  async function describe(): Promise<NnDescription> {
    return (await thread.call('describe', [])) as NnDescription;
  }

  async function infer(args: readonly unknown[]): Promise<Inference> {
    const inference = (await thread.call('infer', args)) as Inference;
    const [model] = args;
    if (!logged.has(model)) {
      logged.add(model);
      logger.log('info', 'nn.model-loaded', { model, ...(await describe()).models[model as string] });
    }
    return inference;
  }

  return {
    name: 'nn',
    async call(method, args) {
      if (method === 'describe') return describe();
      if (method !== 'infer') throw new GodwitError('NOT_FOUND', `host function nn has no method '${method}'; it has infer, describe`);
      const [model, inputs] = args;
      if (typeof model !== 'string') throw new GodwitError('INVALID_ARGUMENT', `nn: the model must be named by a string, not ${typeof model}`);
      if (!Object.hasOwn(options.models, model))
        throw new GodwitError('NOT_FOUND', `nn: no model '${model}' on this node; it has ${Object.keys(options.models).join(', ') || 'none'}`);
      if (typeof inputs !== 'object' || inputs === null)
        throw new GodwitError('INVALID_ARGUMENT', `nn: the inputs of model ${model} must be a tensor or tensors by name`);
      return infer(args);
    },
    describe,
    close: () => thread.close(),
  };
}
