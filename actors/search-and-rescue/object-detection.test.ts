import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { build } from 'esbuild';
import { QuickJS } from 'quickjs-wasi';
import type { HostFunction } from '#core';
import { createImage } from '#runtimes/image';
import { bundledModels, createNn } from '#runtimes/nn';
import { createCamera, type Frame } from './camera.js';
import { type DetectionResult, type DetectionState, ObjectDetection } from './object-detection.js';
import { bundledPhotos } from './photos.js';
import { createTestContext } from './test-context.js';

const image = createImage();
const nn = createNn({ models: bundledModels(), prefer: ['onnxruntime-node'] });
const photos = await bundledPhotos();
test.after.always(() => Promise.all([image.close(), nn.close()]));

async function detect(state: DetectionState, index: number, jpeg: Uint8Array, inference: HostFunction = nn): Promise<DetectionResult> {
  return ObjectDetection.on.detect(state, { index, jpeg }, createTestContext(image, inference));
}

// In pixels of the photo, 1920×1280.
const people = [
  [1208, 173, 1884, 1262],
  [706, 333, 1264, 1260],
  [160, 279, 808, 1280],
];

function assertPeople(t: { true(value: boolean, message: string): unknown; is(a: unknown, b: unknown): unknown }, { detections }: DetectionResult): void {
  const found = detections.filter(({ label }) => label === 'person');
  t.is(found.length, people.length);
  for (const [index, expected] of people.entries()) {
    for (const [side, at] of expected.entries()) {
      const leeway = 0.03 * (side % 2 === 0 ? 1920 : 1280);
      t.true(Math.abs((found[index]?.box[side] ?? Number.NaN) - at) < leeway, `person ${index}, side ${side}: ${found[index]?.box[side]} is not near ${at}`);
    }
  }
}

test.serial('object detection: finds the three people of a photo, on onnxruntime-node', async (t) => {
  const result = await detect(ObjectDetection.state(), 0, photos[0]?.jpeg);

  assertPeople(t, result);
  t.is(result.backend, 'onnxruntime-node');
});

test.serial('object detection: finds the same people on tfjs-wasm', async (t) => {
  const wasm = createNn({ models: bundledModels(), prefer: ['tfjs-wasm'] });

  const result = await detect(ObjectDetection.state(), 0, photos[0]?.jpeg, wasm);

  assertPeople(t, result);
  t.is(result.backend, 'tfjs-wasm');
  await wasm.close();
});

test.serial('object detection: counts, frames and tracks grow from frame to frame, and go on the same behind a copy of the state', async (t) => {
  const camera = await createCamera({ photos, image, seed: 1 });
  const stayed = ObjectDetection.state();
  let moved = ObjectDetection.state();
  for (let index = 0; index < 6; index += 1) {
    const { jpeg } = (await camera.call('frame', [index])) as Frame;
    const answer = await detect(stayed, index, jpeg);
    moved = structuredClone(moved);
    const { inferMs: _, ...rest } = await detect(moved, index, jpeg);
    t.like(answer, rest);
    t.deepEqual([answer.frame, answer.framesHandled], [index, index + 1]);
    for (const track of [1, 2, 3]) t.is(answer.detections.find((detection) => detection.track === track)?.label, 'person');
  }

  t.deepEqual(moved, stayed);
  t.true((stayed.counts.get('person') ?? 0) >= 6);
  t.true(stayed.tracks.open.filter(({ history }) => history.length === 6).length >= 3);
  t.deepEqual(ObjectDetection.on.summary(stayed).counts, stayed.counts);
});

test.serial('object detection: a frame that is not a JPEG, or has no number, fails and leaves the state as it was', async (t) => {
  const state = ObjectDetection.state();

  await t.throwsAsync(detect(state, 0, Uint8Array.of(1, 2, 3)), { code: 'INVALID_ARGUMENT', message: /not a JPEG/ });
  await t.throwsAsync(detect(state, -1, photos[0].jpeg), { code: 'INVALID_ARGUMENT', message: /frame number/ });

  t.deepEqual(state, ObjectDetection.state());
});

test.serial('object detection: from inside QuickJS it gives the same boxes, to the last bit', async (t) => {
  const calls: unknown[] = [];
  const recorded = (hostFunction: HostFunction): HostFunction => ({
    name: hostFunction.name,
    async call(method, args) {
      const answer = await hostFunction.call(method, args);
      calls.push(answer);
      return answer;
    },
  });
  const native = await ObjectDetection.on.detect(
    ObjectDetection.state(),
    { index: 4, jpeg: photos[5]?.jpeg },
    createTestContext(recorded(image), recorded(nn)),
  );
  const [picture, inference] = calls as [{ source: object }, { outputs: Record<string, { data: Float32Array }>; backend: string; inferMs: number }];

  const guest = await detectInQuickJs({ ...picture, data: [] }, [...(inference.outputs['tower_0/detections']?.data ?? [])], inference);

  t.deepEqual(guest.detections, native.detections);
  t.is(guest.detections.length, 4);
  t.deepEqual(guest.counts, [...native.counts]);
});

/** The bundled actor in the script engine, its host functions answering what they answered natively. */
async function detectInQuickJs(
  picture: object,
  rows: readonly number[],
  { backend, inferMs }: { backend: string; inferMs: number },
): Promise<{ detections: unknown[]; counts: unknown }> {
  const entry = fileURLToPath(new URL('./object-detection.js', import.meta.url));
  const bundled = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'program',
    target: 'es2022',
    define: { 'import.meta.url': '""' },
  });
  const wasm = await readFile(createRequire(import.meta.url).resolve('quickjs-wasi/quickjs.wasm'));
  using engine = await QuickJS.create({ wasm });
  engine.evalCode(bundled.outputFiles[0]?.text ?? '').dispose();
  engine
    .evalCode(`
    const answers = { image: ${JSON.stringify(picture)}, nn: { outputs: { 'tower_0/detections': { data: Float32Array.from(${JSON.stringify(rows)}) } }, backend: ${JSON.stringify(backend)}, inferMs: ${inferMs} } };
    const { ObjectDetection } = program;
    globalThis.outcome = 'pending';
    ObjectDetection.on.detect(ObjectDetection.state(), { index: 4, jpeg: new Uint8Array(0) }, { call: async (name) => answers[name] }).then(
      (result) => { outcome = JSON.stringify({ detections: result.detections, counts: [...result.counts] }); },
      (error) => { outcome = 'failed: ' + error; },
    );`)
    .dispose();
  engine.executePendingJobs();
  using outcome = engine.evalCode('outcome');
  return JSON.parse(outcome.toString()) as { detections: unknown[]; counts: unknown };
}
