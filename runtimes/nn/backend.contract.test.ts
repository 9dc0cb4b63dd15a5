// One suite for every backend. Those that cannot be installed here run it on a module of the same shape, made of tfjs on WebAssembly.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import test from 'ava';
import { decodeJpeg } from '../image/jpeg-decode.js';
import { sizeFromJpeg } from '../image/jpeg-header.js';
import { resizeBilinear } from '../image/resize.js';
import { type Backend, type BackendName, backendNames, type LoadedModel, notRunOnHardware } from './backend.js';
import { openers } from './backends.js';
import { bundledModels } from './bundled-models.js';
import { type Model, readModel } from './model.js';

const input = 'tower_0/images';
const output = 'tower_0/detections';
const shape = [1, 512, 512, 3];
// Pixels of 512, and score: how far sums in another order may drift.
const tolerance = 0.02;
// The photo's three people in pixels of 512, as every backend has found them since the model was published, with 3 % of leeway.
const people = [
  [322, 69, 501, 504],
  [188, 133, 337, 504],
  [43, 112, 215, 512],
];
const leeway = 0.03 * 512;

const model = await readModel('centernet', bundledModels().centernet);
const photo = await photoAsFloats();
const opened = new Map<BackendName, Promise<{ backend: Backend; loaded: LoadedModel; rows: Float32Array }>>();

async function photoAsFloats(): Promise<Float32Array> {
  const jpeg = new Uint8Array(await readFile(createRequire(import.meta.url).resolve('@vladmandic/face-api/demo/sample1.jpg')));
  return Float32Array.from(resizeBilinear(await decodeJpeg(jpeg, sizeFromJpeg(jpeg)), { width: 512, height: 512 }));
}

/** What `@tensorflow/tfjs-node` would export. */
async function fakeTfjsNative(): Promise<unknown> {
  await openers['tfjs-wasm']();
  const core = await import('@tensorflow/tfjs-core');
  const { loadGraphModel } = await import('@tensorflow/tfjs-converter');
  return { default: { tensor: core.tensor, tidy: core.tidy, ready: core.ready, loadGraphModel } };
}

function open(name: BackendName) {
  let opening = opened.get(name);
  if (opening === undefined) {
    opening = (async () => {
      const backend = await openers[name](notRunOnHardware.has(name) ? { load: fakeTfjsNative } : {});
      const loaded = await backend.load(model);
      const answers = await loaded.infer(new Map([[input, { data: photo, shape }]]), [output]);
      return { backend, loaded, rows: answers[output]?.data ?? new Float32Array(0) };
    })();
    opened.set(name, opening);
  }
  return opening;
}

function peopleIn(rows: Float32Array): number[][] {
  const found = Array.from({ length: rows.length / 6 }, (_, row) => [...rows.subarray(row * 6, row * 6 + 6)]);
  return found.filter(([, , , , score = 0, label]) => label === 0 && score > 0.3).sort((a, b) => (b[4] ?? 0) - (a[4] ?? 0));
}

for (const name of backendNames) {
  const where = notRunOnHardware.has(name) ? ' (fake module, not run on hardware)' : '';

  test.serial(`backend ${name}${where}: finds the three people in a photo`, async (t) => {
    const { backend, rows } = await open(name);

    const found = peopleIn(rows);

    t.is(backend.name, name);
    t.is(found.length, 3);
    for (const [index, expected] of people.entries()) {
      for (const [side, at] of expected.entries())
        t.true(Math.abs((found[index]?.[side] ?? Number.NaN) - at) < leeway, `person ${index}, side ${side}: ${found[index]?.[side]} is not near ${at}`);
    }
  });

  test.serial(`backend ${name}${where}: gives the same boxes and scores as onnxruntime-node`, async (t) => {
    const { rows } = await open(name);
    const { rows: reference } = await open('onnxruntime-node');

    const expected = peopleIn(reference);

    for (const [index, row] of peopleIn(rows).entries()) {
      for (const [column, value] of row.entries()) t.true(Math.abs(value - (expected[index]?.[column] ?? Number.NaN)) < tolerance);
    }
  });

  test.serial(`backend ${name}${where}: declares the model's inputs and outputs`, async (t) => {
    const { loaded } = await open(name);

    t.deepEqual([...loaded.signature.inputs], [[input, shape]]);
    t.deepEqual(loaded.signature.outputs.get(output), [1, 100, 6]);
  });

  test.serial(`backend ${name}${where}: the same input gives the same bytes again`, async (t) => {
    const { loaded, rows } = await open(name);

    const again = await loaded.infer(new Map([[input, { data: photo, shape }]]), [output]);

    t.deepEqual(again[output]?.data, rows);
    t.deepEqual(again[output]?.shape, [1, 100, 6]);
  });

  test.serial(`backend ${name}${where}: refuses a model it cannot run`, async (t) => {
    const { backend } = await open(name);
    const onnx: Model = { name: 'nonsense', onnx: Uint8Array.of(1, 2, 3) };

    await t.throwsAsync(backend.load(onnx), { message: /model nonsense/ });
  });

  test.serial(`backend ${name}${where}: a package that is not there rejects instead of ending the process`, async (t) => {
    await t.throwsAsync(openers[name]({ load: () => Promise.reject(new Error('no native library')) }), { message: 'no native library' });
  });
}
