import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { HostFunction } from '#core';
import { createImage, sizeFromJpeg } from '#runtimes/image';
import { type CameraOptions, createCamera, type Frame } from './camera.js';
import { cropAt } from './camera-path.js';
import { bundledPhotos, photosOf } from './photos.js';

const image = createImage();
const photos = await bundledPhotos();
test.after.always(() => image.close());

const open = (options: Partial<CameraOptions> = {}) => createCamera({ photos, image, ...options });
const take = async (camera: HostFunction, index: number) => (await camera.call('frame', [index])) as Frame;
const digest = (frame: Frame) => createHash('sha256').update(frame.jpeg).digest('hex');

test('camera: a frame is a JPEG of the size asked for, and says what it shows', async (t) => {
  const frame = await take(await open(), 3);

  t.deepEqual(sizeFromJpeg(frame.jpeg), { width: 640, height: 480 });
  t.like(frame, { index: 3, width: 640, height: 480, pose: { scene: 'sample1.jpg' } });
  t.true(frame.jpeg.length > 10_000 && frame.jpeg.length < 200_000);
});

test('camera: the same seed gives the same bytes in any order, another seed others', async (t) => {
  const [one, same, other] = await Promise.all([open({ seed: 7 }), open({ seed: 7 }), open({ seed: 8 })]);

  const forwards = [await take(one, 0), await take(one, 1), await take(one, 25)];
  const backwards = [await take(same, 25), await take(same, 1), await take(same, 0)].reverse();

  t.deepEqual(backwards.map(digest), forwards.map(digest));
  t.deepEqual(
    backwards.map(({ pose }) => pose),
    forwards.map(({ pose }) => pose),
  );
  t.is(new Set(forwards.map(digest)).size, 3);
  t.not(digest(await take(other, 0)), digest(forwards[0]));
});

test('camera: goes from photo to photo and begins again behind the last', async (t) => {
  const camera = await open({ photos: photos.slice(0, 2), width: 64, height: 48 });

  const scenes = [];
  for (const index of [0, 19, 20, 39, 40]) scenes.push((await take(camera, index)).pose.scene);

  t.deepEqual(scenes, ['sample1.jpg', 'sample1.jpg', 'sample2.jpg', 'sample2.jpg', 'sample1.jpg']);
});

test('camera path: always lies within the photo, moves and zooms smoothly', (t) => {
  const photo = { width: 1920, height: 1280 };
  const crops = Array.from({ length: 2000 }, (_, frame) => cropAt(frame, 11, photo, { width: 640, height: 480 }));

  for (const [frame, { left, top, width, height }] of crops.entries()) {
    t.true(left >= 0 && top >= 0 && width > 0 && height > 0 && left + width <= photo.width && top + height <= photo.height);
    const before = crops[frame - 1];
    if (before !== undefined) t.true(Math.abs(left - before.left) < width / 8 && Math.abs(width - before.width) < width / 8);
  }
  t.is(Math.max(...crops.map(({ width }) => width)), 1706);
  t.true(Math.min(...crops.map(({ width }) => width)) < 1706 * 0.66);
});

test('camera: a photo smaller than a frame is enlarged', async (t) => {
  const picture = { width: 20, height: 10, channels: 3, data: new Uint8Array(600).fill(90) };
  const jpeg = (await image.call('encode', [picture])) as Uint8Array;

  const frame = await take(await open({ photos: [{ name: 'tiny.jpg', jpeg }] }), 0);

  t.deepEqual(sizeFromJpeg(frame.jpeg), { width: 640, height: 480 });
});

test('camera: no photos, or a file that is not a JPEG or is cut, is refused by name', async (t) => {
  const [whole] = photos;
  const bad = { name: 'notes.jpg', jpeg: new TextEncoder().encode('only text') };
  const cut = { name: 'cut.jpg', jpeg: (whole?.jpeg ?? new Uint8Array(0)).subarray(0, 5000) };

  await t.throwsAsync(open({ photos: [] }), { code: 'INVALID_ARGUMENT', message: /list of photos is empty/ });
  await t.throwsAsync(open({ photos: [...photos, bad] }), { code: 'INVALID_ARGUMENT', message: /photo notes\.jpg: .*not a JPEG/ });
  await t.throwsAsync(open({ photos: [cut] }), { code: 'DATA_LOSS', message: /photo cut\.jpg: .*truncated/ });
});

test('camera: bad sizes, seeds, frame numbers and methods are refused', async (t) => {
  const camera = await open();

  await t.throwsAsync(open({ width: 8 }), { code: 'INVALID_ARGUMENT' });
  await t.throwsAsync(open({ seed: 1.5 }), { code: 'INVALID_ARGUMENT' });
  for (const index of [-1, 0.5, '0', undefined]) await t.throwsAsync(camera.call('frame', [index]), { code: 'INVALID_ARGUMENT' });
  await t.throwsAsync(camera.call('film', [0]), { code: 'NOT_FOUND' });
});

test('photos: a folder gives its JPEGs by name; a missing or empty one is named', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'godwit-photos-'));
  await t.throwsAsync(photosOf(folder), { code: 'NOT_FOUND', message: /no \.jpg or \.jpeg file/ });
  for (const name of ['b.jpg', 'a.JPEG', 'c.txt']) await writeFile(join(folder, name), name);

  t.deepEqual(
    (await photosOf(folder)).map(({ name }) => name),
    ['a.JPEG', 'b.jpg'],
  );
  await rm(folder, { recursive: true });
  await t.throwsAsync(photosOf(folder), { code: 'NOT_FOUND', message: /cannot read the folder/ });
});
