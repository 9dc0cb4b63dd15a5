/** What the three TensorFlow.js backends share: loading a graph model into a tfjs engine and running it. */
import { GodwitError, type OutputTensor } from '#core';
import type { Backend, BackendName, LoadedModel } from './backend.js';
import { type Model, shapesFromInfos } from './model.js';

/** The part of a tfjs module that is used; the packages are optional, so their types are not. */
export interface Tfjs {
  tensor(values: Float32Array, shape: number[], type: 'float32'): TfjsTensor;
  tidy<T>(run: () => T): T;
}

export interface TfjsTensor {
  readonly shape: readonly number[];
  data(): Promise<ArrayLike<number>>;
  dispose(): void;
}

export interface TfjsGraph {
  execute(inputs: Record<string, TfjsTensor>, outputs: string[]): TfjsTensor | TfjsTensor[];
  dispose(): void;
}

export type LoadGraphModel = (source: { load(): Promise<unknown> }) => Promise<TfjsGraph>;

/** A backend over a tfjs engine that is ready. */
export function createTfjsBackend(name: BackendName, device: string, tf: Tfjs, loadGraphModel: LoadGraphModel): Backend {
  return { name, device, load: (model) => load(name, tf, loadGraphModel, model) };
}

async function load(name: BackendName, tf: Tfjs, loadGraphModel: LoadGraphModel, model: Model): Promise<LoadedModel> {
  if (!('tfjs' in model)) throw new GodwitError('UNIMPLEMENTED', `model ${model.name}: ${name} reads TensorFlow.js graph models, not ONNX`);
  const { json, weights, weightBytes, signature } = model.tfjs;
  const weightData = weightBytes.slice().buffer;
  const graph = await loadGraphModel({ load: async () => ({ ...json, weightSpecs: weights, weightData }) });
  return {
    signature: { inputs: shapesFromInfos(signature.inputs), outputs: shapesFromInfos(signature.outputs) },
    async infer(inputs, outputs) {
      const results = tf.tidy(() => {
        const tensors = Object.fromEntries([...inputs].map(([input, { data, shape }]) => [input, tf.tensor(data, [...shape], 'float32')]));
        const executed = graph.execute(tensors, [...outputs]);
        return Array.isArray(executed) ? executed : [executed];
      });
      try {
        const answers: Record<string, OutputTensor> = {};
        for (const [index, output] of outputs.entries()) {
          const result = results[index];
          if (result === undefined) throw new GodwitError('INTERNAL', `model ${model.name}: ${name} gave no output '${output}'`);
          answers[output] = { data: Float32Array.from(await result.data()), shape: [...result.shape] };
        }
        return answers;
      } finally {
        for (const result of results) result.dispose();
      }
    },
    close: () => graph.dispose(),
  };
}
