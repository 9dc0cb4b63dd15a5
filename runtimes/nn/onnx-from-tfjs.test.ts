import { createRequire } from 'node:module';
import test from 'ava';
import type { GraphNode, TfjsModel, WeightSpec } from './model.js';
import { onnxFromTfjs } from './onnx-from-tfjs.js';
import { weightsFromTfjs } from './tfjs-weights.js';

const ort = createRequire(import.meta.url)('onnxruntime-node') as typeof import('onnxruntime-node');

function modelOf(nodes: GraphNode[], weights: WeightSpec[] = [], weightBytes = new Uint8Array(0), shape = ['1', '2', '2', '1']): TfjsModel {
  const info = (name: string) => ({ [name]: { name: `${name}:0`, tensorShape: { dim: shape.map((size) => ({ size })) } } });
  return { nodes: [{ name: 'in', op: 'Placeholder' }, ...nodes], signature: { inputs: info('in'), outputs: info('out') }, weights, weightBytes, json: {} };
}

async function run(model: TfjsModel, values: number[], dims: number[]): Promise<number[]> {
  const session = await ort.InferenceSession.create(onnxFromTfjs('small', model), { executionProviders: ['cpu'] });
  const results = await session.run({ in: new ort.Tensor('float32', Float32Array.from(values), dims) });
  return [...(results.out.data as Float32Array)];
}

test('conversion to ONNX: an operation without a converter is UNIMPLEMENTED and named with its node', (t) => {
  t.throws(() => onnxFromTfjs('small', modelOf([{ name: 'twist', op: 'Twist', input: ['in'] }])), {
    code: 'UNIMPLEMENTED',
    message: /model small: cannot convert Twist 'twist' to ONNX/,
  });
});

test('conversion to ONNX: a graph of element-wise operations computes what TensorFlow would', async (t) => {
  const nodes: GraphNode[] = [
    { name: 'half', op: 'Const' },
    { name: 'sum', op: 'AddV2', input: ['in', 'half'] },
    { name: 'out', op: 'Relu6', input: ['sum'] },
  ];
  const model = modelOf(nodes, [{ name: 'half', shape: [], dtype: 'float32', quantization: { dtype: 'float16' } }], Uint8Array.of(0x00, 0x38));

  t.deepEqual(await run(model, [-3, 0, 2, 9], [1, 2, 2, 1]), [0, 0.5, 2.5, 6]);
});

test("conversion to ONNX: a convolution keeps TensorFlow's layout of pixels and weights", async (t) => {
  const text = (value: string) => Buffer.from(value).toString('base64');
  const attr = { padding: { s: text('SAME') }, strides: { list: { i: ['1', '1', '1', '1'] } }, dilations: { list: { i: ['1', '1', '1', '1'] } } };
  const weights = new Uint8Array(Float32Array.of(1, 10, 100, 1000).buffer);
  // 2×2 kernel, one channel: each output pixel is itself + 10·right + 100·below + 1000·diagonal.
  const model = modelOf(
    [
      { name: 'w', op: 'Const' },
      { name: 'out', op: 'Conv2D', input: ['in', 'w'], attr },
    ],
    [{ name: 'w', shape: [2, 2, 1, 1], dtype: 'float32' }],
    weights,
  );

  t.deepEqual(await run(model, [1, 2, 3, 4], [1, 2, 2, 1]), [4321, 402, 43, 4]);
});

test('weights: 16-bit floats are widened exactly, with zero, subnormal, infinite and not-a-number', (t) => {
  const halves = Uint16Array.of(0x3c00, 0xc000, 0x0000, 0x0001, 0x7bff, 0x7c00, 0xfc00, 0x7e00);
  const model = modelOf([], [{ name: 'w', shape: [8], dtype: 'float32', quantization: { dtype: 'float16' } }], new Uint8Array(halves.buffer));

  const values = weightsFromTfjs(model).get('w')?.values ?? [];

  t.deepEqual([...values], [1, -2, 0, 2 ** -24, 65504, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]);
});

test('weights: another quantisation is UNIMPLEMENTED', (t) => {
  const model = modelOf([], [{ name: 'w', shape: [2], dtype: 'float32', quantization: { dtype: 'uint8' } }], new Uint8Array(2));

  t.throws(() => weightsFromTfjs(model), { code: 'UNIMPLEMENTED', message: /weight w: values stored as uint8/ });
});
