import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { Inference } from '#core';
import { bundledModels } from './bundled-models.js';
import { createNn } from './nn.js';

const output = 'tower_0/detections';
const grey = { data: new Uint8Array(512 * 512 * 3).fill(127), shape: [1, 512, 512, 3] };
const folder = await mkdtemp(join(tmpdir(), 'godwit-nn-'));
const broken = join(folder, 'broken.json');
const cut = join(folder, 'cut.json');
await writeFile(broken, 'not json');
await writeFile(
  cut,
  JSON.stringify({
    modelTopology: { node: [] },
    signature: { inputs: {}, outputs: {} },
    weightsManifest: [{ paths: ['broken.json'], weights: [{ name: 'w', shape: [9], dtype: 'float32' }] }],
  }),
);

const events: unknown[] = [];
const nn = createNn({
  models: { ...bundledModels(), missing: { tfjs: join(folder, 'nowhere.json') }, broken: { tfjs: broken }, cut: { tfjs: cut } },
  prefer: ['tfjs-node-gpu', 'tfjs-node', 'onnxruntime-node'],
  logger: { log: (_level, event, fields) => events.push({ event, ...fields }) },
});
test.after.always(async () => {
  await nn.close();
  await rm(folder, { recursive: true });
});

async function infer(...args: unknown[]): Promise<Inference> {
  return (await nn.call('infer', args)) as Inference;
}

test.serial('host function nn: takes the first backend there is, and says why others were skipped', async (t) => {
  const description = await nn.describe();

  t.is(description.backend, 'onnxruntime-node');
  t.false(description.notRunOnHardware);
  t.deepEqual(description.skipped, [
    { backend: 'tfjs-node-gpu', reason: 'package @tensorflow/tfjs-node-gpu is not installed (not run on hardware)' },
    { backend: 'tfjs-node', reason: 'package @tensorflow/tfjs-node is not installed (not run on hardware)' },
  ]);
});

test.serial('host function nn: concurrent inferences load the model once and queue', async (t) => {
  const answers = await Promise.all([0, 1, 2].map(() => infer('centernet', grey, { outputs: [output] })));

  for (const answer of answers) {
    t.is(answer.backend, 'onnxruntime-node');
    t.true(answer.inferMs > 0);
    t.deepEqual(answer.outputs[output]?.shape, [1, 100, 6]);
    t.deepEqual(answer.outputs, answers[0]?.outputs);
  }
  t.is(events.length, 1);
});

test.serial('host function nn: bytes and the floats equal to them give the same answer, by name or alone', async (t) => {
  const bytes = await infer('centernet', grey, { outputs: [output] });
  const floats = await infer('centernet', { 'tower_0/images': { ...grey, data: Float32Array.from(grey.data) } }, { outputs: [output] });

  t.deepEqual(floats.outputs, bytes.outputs);
});

test.serial('host function nn: without a choice every declared output is given', async (t) => {
  const { outputs } = await infer('centernet', grey);

  t.deepEqual(Object.keys(outputs).sort(), ['tower_0/detections', 'tower_0/keypoints', 'tower_0/wh']);
});

test.serial('host function nn: an unknown model or method is NOT_FOUND and names what there is', async (t) => {
  await t.throwsAsync(infer('yolo', grey), { code: 'NOT_FOUND', message: /no model 'yolo' on this node; it has centernet/ });
  await t.throwsAsync(infer('toString', grey), { code: 'NOT_FOUND' });
  await t.throwsAsync(nn.call('train', []), { code: 'NOT_FOUND' });
});

test.serial('host function nn: a wrong shape, length, name or output is INVALID_ARGUMENT and names what the model takes', async (t) => {
  const refused: [unknown, unknown?][] = [
    [{ ...grey, shape: [1, 512, 512] }],
    [{ ...grey, shape: [1, 3, 512, 512] }],
    [{ data: new Uint8Array(5), shape: grey.shape }],
    [{ data: 'pixels', shape: grey.shape }],
    [{ 'tower_0/pictures': grey }],
    [{}],
    [grey, { outputs: ['tower_0/nothing'] }],
  ];
  for (const [inputs, options] of refused)
    await t.throwsAsync(infer('centernet', inputs, options), { code: 'INVALID_ARGUMENT', message: /model centernet.*tower_0/ });
  await t.throwsAsync(infer('centernet', null), { code: 'INVALID_ARGUMENT' });
});

test.serial('host function nn: a model whose files are missing, broken or cut is named', async (t) => {
  await t.throwsAsync(infer('missing', grey), { code: 'NOT_FOUND', message: /model missing: cannot read .*nowhere\.json/ });
  await t.throwsAsync(infer('broken', grey), { code: 'DATA_LOSS', message: /model broken: .*not a TensorFlow\.js graph model/ });
  await t.throwsAsync(infer('cut', grey), { code: 'DATA_LOSS', message: /model cut: its weights have 8 bytes, the manifest says 36/ });
});

test.serial('host function nn: no backend at all is UNAVAILABLE with the reason of each', async (t) => {
  const none = createNn({ models: bundledModels(), prefer: ['tfjs-node-gpu', 'tfjs-node'] });

  await t.throwsAsync(none.call('infer', ['centernet', grey]), {
    code: 'UNAVAILABLE',
    message: /tfjs-node-gpu: package .* is not installed.*; tfjs-node: package .* is not installed/,
  });

  t.is((await none.describe()).backend, undefined);
  await none.close();
});

test.serial('host function nn: a model that a backend refuses goes to the next one, else all reasons are told', async (t) => {
  const onnx = join(folder, 'bad.onnx');
  await writeFile(onnx, 'bad');
  const both = createNn({ models: { bad: { onnx } }, prefer: ['tfjs-wasm', 'onnxruntime-node'] });

  await t.throwsAsync(both.call('infer', ['bad', grey]), {
    code: 'UNAVAILABLE',
    message: /tfjs-wasm: model bad: tfjs-wasm reads TensorFlow\.js graph models, not ONNX; onnxruntime-node: model bad: onnxruntime refuses it/,
  });

  await both.close();
});

test.serial('host function nn: unknown backends and thread counts are refused at creation', (t) => {
  t.throws(() => createNn({ models: {}, prefer: ['coffee' as 'tfjs-wasm'] }), { code: 'INVALID_ARGUMENT' });
  t.throws(() => createNn({ models: {}, threads: 0 }), { code: 'INVALID_ARGUMENT' });
});
