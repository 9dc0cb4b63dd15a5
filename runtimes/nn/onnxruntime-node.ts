import { GodwitError, type OutputTensor } from '#core';
import type { Backend, BackendOptions, LoadedModel, Signature } from './backend.js';
import { type Model, shapesFromInfos } from './model.js';
import { onnxFromTfjs } from './onnx-from-tfjs.js';

/** The part of onnxruntime-node that is used; the package is optional, so its types are not. */
interface OnnxRuntime {
  readonly env: { logLevel?: string };
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<OnnxSession> };
  readonly Tensor: new (type: 'float32', data: Float32Array, shape: readonly number[]) => OnnxTensor;
}

interface OnnxSession {
  readonly inputMetadata: readonly OnnxMetadata[];
  readonly outputMetadata: readonly OnnxMetadata[];
  run(feeds: Record<string, OnnxTensor>, fetches: readonly string[]): Promise<Record<string, OnnxTensor>>;
  release(): Promise<void>;
}

interface OnnxMetadata {
  readonly name: string;
  readonly isTensor: boolean;
  readonly shape?: ReadonlyArray<number | string>;
}

interface OnnxTensor {
  readonly data: ArrayLike<number | bigint>;
  readonly dims: readonly number[];
}

/** Tried one by one: asked for both at once, onnxruntime throws when CUDA is missing instead of taking the other. */
const providers = ['cuda', 'cpu'] as const;

/** ONNX Runtime. TensorFlow.js graph models are converted once, in memory. @throws whatever the import throws: the package or its native library is missing */
export async function openOnnxruntimeNode(options: BackendOptions = {}): Promise<Backend> {
  const loaded = (await (options.load ?? (() => import('onnxruntime-node')))()) as OnnxRuntime & { readonly default?: OnnxRuntime };
  const runtime = loaded.default ?? loaded;
  const threads = options.threads ?? 1;
  runtime.env.logLevel = 'fatal'; // else each provider that is not there complains on stderr
  let device: string = 'cpu';
  return {
    name: 'onnxruntime-node',
    get device() {
      return device;
    },
    async load(model) {
      const bytes = 'onnx' in model ? model.onnx : onnxFromTfjs(model.name, model.tfjs);
      const created = await createSession(runtime, bytes, model.name, threads);
      device = created.provider;
      return loadedModel(runtime, created.session, model);
    },
  };
}

async function createSession(runtime: OnnxRuntime, bytes: Uint8Array, name: string, threads: number): Promise<{ session: OnnxSession; provider: string }> {
  const reasons: string[] = [];
  for (const provider of providers) {
    try {
      const session = await runtime.InferenceSession.create(bytes, {
        executionProviders: [provider],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
      });
      return { session, provider };
    } catch (thrown) {
      reasons.push(`${provider}: ${GodwitError.from(thrown).message}`);
    }
  }
  throw new GodwitError('DATA_LOSS', `model ${name}: onnxruntime refuses it (${reasons.join('; ')})`);
}

function loadedModel(runtime: OnnxRuntime, session: OnnxSession, model: Model): LoadedModel {
  return {
    signature:
      'tfjs' in model ? { inputs: shapesFromInfos(model.tfjs.signature.inputs), outputs: shapesFromInfos(model.tfjs.signature.outputs) } : signatureOf(session),
    async infer(inputs, outputs) {
      const feeds = Object.fromEntries([...inputs].map(([name, { data, shape }]) => [name, new runtime.Tensor('float32', data, shape)]));
      const results = await session.run(feeds, outputs);
      const answers: Record<string, OutputTensor> = {};
      for (const output of outputs) {
        const result = results[output];
        if (result === undefined) throw new GodwitError('INTERNAL', `model ${model.name}: onnxruntime gave no output '${output}'`);
        answers[output] = { data: Float32Array.from(result.data, Number), shape: [...result.dims] };
      }
      return answers;
    },
    close: () => void session.release(),
  };
}

function signatureOf(session: OnnxSession): Signature {
  const shapes = (metadata: readonly OnnxMetadata[]) =>
    new Map(metadata.map(({ name, shape }) => [name, (shape ?? []).map((length) => (typeof length === 'number' ? length : -1))] as const));
  return { inputs: shapes(session.inputMetadata), outputs: shapes(session.outputMetadata) };
}
