import { GodwitError } from '#core';
import { type Backend, type BackendName, type BackendOptions, type LoadedModel, notRunOnHardware } from './backend.js';
import type { Model } from './model.js';
import { openOnnxruntimeNode } from './onnxruntime-node.js';
import { openTfjsNode } from './tfjs-node.js';
import { openTfjsNodeGpu } from './tfjs-node-gpu.js';
import { openTfjsWasm } from './tfjs-wasm.js';

/** A backend that was not taken. @public */
export interface SkippedBackend {
  readonly backend: BackendName;
  /** One line. */
  readonly reason: string;
}

/** Every backend by name. */
export const openers: Readonly<Record<BackendName, (options?: BackendOptions) => Promise<Backend>>> = {
  'tfjs-node-gpu': openTfjsNodeGpu,
  'tfjs-node': openTfjsNode,
  'onnxruntime-node': openOnnxruntimeNode,
  'tfjs-wasm': openTfjsWasm,
};

type Opened = { readonly backend: Backend } | { readonly reason: string };

/** The backends of one machine, opened when first tried, in order of preference. */
export class Backends {
  readonly #prefer: readonly BackendName[];
  readonly #options: BackendOptions;
  readonly #open: typeof openers;
  readonly #opened = new Map<BackendName, Promise<Opened>>();

  constructor(prefer: readonly BackendName[], options: BackendOptions = {}, open: typeof openers = openers) {
    this.#prefer = prefer;
    this.#options = options;
    this.#open = open;
  }

  /** The first backend that opens and takes the model. @throws {GodwitError} UNAVAILABLE none does, with every reason in the message and in `details` */
  async load(model: Model): Promise<{ backend: Backend; loaded: LoadedModel; skipped: readonly SkippedBackend[] }> {
    const skipped: SkippedBackend[] = [];
    for (const name of this.#prefer) {
      const opened = await this.#openOnce(name);
      if ('reason' in opened) {
        skipped.push({ backend: name, reason: opened.reason });
        continue;
      }
      try {
        return { backend: opened.backend, loaded: await opened.backend.load(model), skipped };
      } catch (thrown) {
        skipped.push({ backend: name, reason: reasonOf(thrown) });
      }
    }
    throw unavailable(`model ${model.name}`, skipped);
  }

  /** The first backend that opens, without a model; undefined if none does. */
  async first(): Promise<{ backend: Backend | undefined; skipped: readonly SkippedBackend[] }> {
    const skipped: SkippedBackend[] = [];
    for (const name of this.#prefer) {
      const opened = await this.#openOnce(name);
      if ('backend' in opened) return { backend: opened.backend, skipped };
      skipped.push({ backend: name, reason: opened.reason });
    }
    return { backend: undefined, skipped };
  }

  #openOnce(name: BackendName): Promise<Opened> {
    let opened = this.#opened.get(name);
    if (opened === undefined) {
      opened = this.#open[name](this.#options).then(
        (backend) => ({ backend }),
        (thrown: unknown) => ({ reason: reasonOf(thrown) + (notRunOnHardware.has(name) ? ' (not run on hardware)' : '') }),
      );
      this.#opened.set(name, opened);
    }
    return opened;
  }
}

function unavailable(what: string, skipped: readonly SkippedBackend[]): GodwitError {
  const reasons = skipped.map(({ backend, reason }) => `${backend}: ${reason}`).join('; ');
  return new GodwitError('UNAVAILABLE', `${what}: no backend can run it (${reasons || 'none was allowed'})`, { retryable: false, details: { skipped } });
}

function reasonOf(thrown: unknown): string {
  const missing = (thrown as { code?: unknown } | null)?.code === 'ERR_MODULE_NOT_FOUND' ? /'([^']+)'/.exec(String(thrown))?.[1] : undefined;
  if (missing !== undefined) return `package ${missing} is not installed`;
  return GodwitError.from(thrown).message.split('\n')[0] ?? 'unknown';
}
