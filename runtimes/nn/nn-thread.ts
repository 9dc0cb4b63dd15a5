/**
 * Inside half of the host function `nn`: owns the backends and the loaded models.
 *
 * N1 A model is loaded once; calls that come meanwhile wait for it. A load that failed is tried again by the next call.
 * N2 One inference at a time, in the order of arrival: backends are neither reentrant nor faster in parallel.
 */
import { workerData } from 'node:worker_threads';
import { GodwitError, type InferOptions, type Tensor } from '#core';
import { type Served, serve } from '../thread/service.js';
import { type Backend, type LoadedModel, notRunOnHardware } from './backend.js';
import { Backends, type SkippedBackend } from './backends.js';
import { floatInputs, outputNames } from './infer-arguments.js';
import { readModel } from './model.js';
import type { NnDescription, NnThreadOptions } from './nn.js';

interface Ready {
  readonly backend: Backend;
  readonly loaded: LoadedModel;
  readonly skipped: readonly SkippedBackend[];
}

const options = workerData as NnThreadOptions;
const backends = new Backends(options.prefer, { threads: options.threads });
const models = new Map<string, Promise<Ready>>();
let last: Promise<unknown> = Promise.resolve();

serve(async (method, args): Promise<Served> => {
  switch (method) {
    case 'infer':
      return infer(args[0] as string, args[1] as Tensor | Record<string, Tensor>, args[2] ?? {});
    case 'describe':
      return { value: await describe() };
    default:
      throw new GodwitError('NOT_FOUND', `host function nn has no method '${method}'`);
  }
});

async function infer(name: string, tensors: Tensor | Record<string, Tensor>, { outputs }: InferOptions): Promise<Served> {
  const { backend, loaded } = await ready(name);
  const inputs = floatInputs(name, loaded.signature, tensors);
  const names = outputNames(name, loaded.signature, outputs);
  const turn = last.then(async () => {
    const startMs = performance.now();
    const answers = await loaded.infer(inputs, names);
    return { outputs: answers, backend: backend.name, inferMs: performance.now() - startMs };
  });
  last = turn.catch(() => {}); // N2: a failed inference holds nobody up
  const value = await turn;
  return { value, transfer: Object.values(value.outputs).map((output) => output.data.buffer as ArrayBuffer) };
}

function ready(name: string): Promise<Ready> {
  let loading = models.get(name);
  if (loading === undefined) {
    loading = load(name);
    models.set(name, loading);
    loading.catch(() => models.delete(name)); // N1
  }
  return loading;
}

async function load(name: string): Promise<Ready> {
  const files = options.models[name];
  if (files === undefined)
    throw new GodwitError('NOT_FOUND', `nn: no model '${name}' on this node; it has ${Object.keys(options.models).join(', ') || 'none'}`);
  return backends.load(await readModel(name, files));
}

async function describe(): Promise<NnDescription> {
  const { backend, skipped } = await backends.first();
  const described: Record<string, { backend: string; skipped: readonly SkippedBackend[] }> = {};
  for (const [name, loading] of models) {
    const model = await loading;
    described[name] = { backend: model.backend.name, skipped: model.skipped };
  }
  return {
    backend: backend?.name,
    device: backend?.device,
    notRunOnHardware: backend !== undefined && notRunOnHardware.has(backend.name),
    skipped,
    models: described,
  };
}
