import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import test from 'ava';
import type { DecodedPicture, Picture } from '#core';
import { createImage } from './image.js';

const photo = new Uint8Array(await readFile(createRequire(import.meta.url).resolve('@vladmandic/face-api/demo/sample1.jpg')));
const image = createImage();
test.after.always(() => image.close());

async function decode(jpeg: Uint8Array, size?: { width: number; height: number }): Promise<DecodedPicture> {
  return (await image.call('decode', [jpeg, size])) as DecodedPicture;
}

/** Peak signal-to-noise ratio in decibels. */
function likeness(a: Uint8Array, b: Uint8Array): number {
  const squares = a.reduce((sum, value, at) => sum + (value - b[at]) ** 2, 0);
  return 10 * Math.log10(255 ** 2 / (squares / a.length));
}

test('host function image: decodes a photo stretched to the size asked for, and tells its own size', async (t) => {
  const picture = await decode(photo, { width: 512, height: 512 });

  t.deepEqual([picture.width, picture.height, picture.channels, picture.data.length], [512, 512, 3, 512 * 512 * 3]);
  t.deepEqual(picture.source, { width: 1920, height: 1280 });
});

test('host function image: the same JPEG gives the same bytes on every host', async (t) => {
  const { data } = await decode(photo, { width: 512, height: 512 });

  t.is(createHash('sha256').update(data).digest('hex'), 'd7fd941d13d4579ec7a07b501934dbc5365b5ee226471b2906fca91bc471a3ba');
});

test('host function image: without a size the picture keeps its own, and the size alone needs no decoding', async (t) => {
  const picture = await decode(photo);

  t.deepEqual([picture.width, picture.height, picture.data.length], [1920, 1280, 1920 * 1280 * 3]);
  t.deepEqual(await image.call('size', [photo]), { width: 1920, height: 1280 });
});

test('host function image: what it encodes it decodes again, nearly alike, at even and odd sizes', async (t) => {
  for (const size of [
    { width: 320, height: 240 },
    { width: 101, height: 67 },
    { width: 1, height: 1 },
  ]) {
    const picture = await decode(photo, size);
    const jpeg = (await image.call('encode', [picture, { quality: 90 }])) as Uint8Array;
    const again = await decode(jpeg);

    t.deepEqual(again.source, size);
    t.true(likeness(picture.data, again.data) > 30, `${size.width}×${size.height}`);
  }
});

test('host function image: a higher quality costs more bytes and loses less', async (t) => {
  const picture = await decode(photo, { width: 160, height: 120 });
  const results: { bytes: number; likeness: number }[] = [];
  for (const quality of [1, 30, 85, 100]) {
    const jpeg = (await image.call('encode', [picture, { quality }])) as Uint8Array;
    results.push({ bytes: jpeg.length, likeness: likeness(picture.data, (await decode(jpeg)).data) });
  }

  t.deepEqual(
    results,
    [...results].sort((a, b) => a.bytes - b.bytes || a.likeness - b.likeness),
  );
  t.deepEqual(
    results,
    [...results].sort((a, b) => a.likeness - b.likeness),
  );
});

test('host function image: resizing a picture equals decoding at that size', async (t) => {
  const whole = await decode(photo);

  const resized = (await image.call('resize', [
    { ...whole, source: undefined },
    { width: 64, height: 64 },
  ])) as Picture;

  t.deepEqual(resized.data, (await decode(photo, { width: 64, height: 64 })).data);
});

test('host function image: a JPEG with a corrupt body fails or decodes, and the next call works', async (t) => {
  const corrupt = photo.slice();
  for (let at = 20; at < 600; at += 1) corrupt[at] = corrupt[at] ^ 0x5a;

  await t.throwsAsync(decode(corrupt), { code: 'DATA_LOSS' });
  t.is((await decode(photo, { width: 8, height: 8 })).width, 8);
});

test('host function image: bad arguments are refused, naming the limit', async (t) => {
  const picture = { width: 2, height: 2, channels: 3, data: new Uint8Array(12) };

  await t.throwsAsync(image.call('decode', ['text']), { code: 'INVALID_ARGUMENT' });
  await t.throwsAsync(image.call('decode', [photo, { width: 0, height: 5 }]), { code: 'INVALID_ARGUMENT' });
  await t.throwsAsync(image.call('decode', [photo, { width: 1e6, height: 1e6 }]), { code: 'INVALID_ARGUMENT', message: /67108864/ });
  await t.throwsAsync(image.call('encode', [{ ...picture, data: new Uint8Array(11) }]), { code: 'INVALID_ARGUMENT', message: /needs channels 3 and 12 bytes/ });
  await t.throwsAsync(image.call('encode', [picture, { quality: 101 }]), { code: 'INVALID_ARGUMENT' });
  await t.throwsAsync(image.call('blur', [picture]), { code: 'NOT_FOUND' });
});
