import test from 'ava';
import type { Ref } from '#core';
import { createImage } from '#runtimes/image';
import { createCamera, type Frame } from './camera.js';
import type { MapServer } from './map-server.js';
import { Navigation, type NavigationState, type Step } from './navigation.js';
import type { DetectionResult, ObjectDetection } from './object-detection.js';
import { bundledPhotos } from './photos.js';
import type { Sighting } from './sightings.js';
import { createTestContext } from './test-context.js';

const image = createImage();
const camera = await createCamera({ photos: (await bundledPhotos()).slice(0, 1), image, width: 64, height: 48 });
test.after.always(() => image.close());

const map = { $address: 'robot/map', $where: undefined } as unknown as Ref<(typeof MapServer)['on']>;

/** A detector that finds one person filling each frame. */
function everywhere(asked: { index: number; jpeg: Uint8Array }[] = []): Ref<(typeof ObjectDetection)['on']> {
  const detect = async (question: { index: number; jpeg: Uint8Array }): Promise<DetectionResult> => {
    asked.push(question);
    const detections = [{ label: 'person', score: 0.7, box: [0, 0, 64, 48], track: 5 }] as const;
    return { frame: question.index, detections, counts: new Map([['person', asked.length]]), framesHandled: asked.length, backend: 'fake', inferMs: 1 };
  };
  return { $address: 'robot/detector', $where: undefined, detect } as unknown as Ref<(typeof ObjectDetection)['on']>;
}

function started(detector = everywhere()): NavigationState {
  const state = Navigation.state();
  Navigation.on.start(state, { robot: 'robot-1', detector, map });
  return state;
}

test('navigation: is pinned to its device', (t) => {
  t.true(Navigation.needs.pinned);
});

test("navigation: a step asks the detector about the camera's frame and tells the map where things are in the scene", async (t) => {
  const asked: { index: number; jpeg: Uint8Array }[] = [];
  const ctx = createTestContext(camera);

  const step = await Navigation.on.step(started(everywhere(asked)), 8, ctx);

  const frame = (await camera.call('frame', [8])) as Frame;
  const { left, top, width, height } = frame.pose.crop;
  t.deepEqual(asked, [{ index: 8, jpeg: frame.jpeg }]);
  t.like(step, { frame: 8, backend: 'fake', pose: frame.pose, jpegBytes: frame.jpeg.length });
  t.is(ctx.sent.length, 1);
  t.like(ctx.sent[0], { to: map, message: 'seen' });
  const [sighting] = ctx.sent[0].payload as Sighting[];
  t.deepEqual(sighting, {
    robot: 'robot-1',
    track: 5,
    label: 'person',
    score: 0.7,
    frame: 8,
    scene: 'sample1.jpg',
    box: [left, top, left + width, top + height],
  });
});

test('navigation: before it is started a step fails and says what is missing', async (t) => {
  await t.throwsAsync(async () => Navigation.on.step(Navigation.state(), 0, createTestContext(camera)), {
    code: 'FAILED_PRECONDITION',
    message: /send it 'start'/,
  });
});

test('navigation: a detector that fails fails the step; the map is told nothing and progress stands still', async (t) => {
  const detector = { detect: () => Promise.reject(new Error('gone')) } as unknown as Ref<(typeof ObjectDetection)['on']>;
  const state = started(detector);
  const ctx = createTestContext(camera);

  await t.throwsAsync(async () => Navigation.on.step(state, 0, ctx), { message: 'gone' });

  t.deepEqual(ctx.sent, []);
  t.deepEqual(Navigation.on.progress(state), { framesAnswered: 0, lastFrame: -1 });
});

test('navigation: a drive yields its frames in order, and can be resumed behind any of them', async (t) => {
  const state = started();
  const ctx = createTestContext(camera);
  const steps: Step[] = [];

  for await (const step of Navigation.on.drive(state, { from: 2, frames: 3 }, ctx)) steps.push(step);

  t.deepEqual(
    steps.map(({ frame }) => frame),
    [2, 3, 4],
  );
  t.deepEqual(ctx.resumed, [
    { from: 3, frames: 2 },
    { from: 4, frames: 1 },
    { from: 5, frames: 0 },
  ]);
  t.deepEqual(Navigation.on.progress(state), { framesAnswered: 3, lastFrame: 4 });
});

test('navigation: a drive ends when its reader gives up', async (t) => {
  const ctx = createTestContext(camera);
  const drive = Navigation.on.drive(started(), { frames: 100 }, ctx);
  await drive.next();

  ctx.abort();

  t.true((await drive.next()).done);
});
