import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import test from 'ava';
import { sizeFromJpeg } from './jpeg-header.js';

const photo = new Uint8Array(await readFile(createRequire(import.meta.url).resolve('@vladmandic/face-api/demo/sample1.jpg')));

/** A JPEG that is all header: SOI, SOF0 with this size, an empty scan, EOI. */
function headerOnly(width: number, height: number): Uint8Array {
  return Uint8Array.of(0xff, 0xd8, 0xff, 0xc0, 0, 8, 8, height >> 8, height & 255, width >> 8, width & 255, 1, 0xff, 0xda, 0, 2, 0xff, 0xd9);
}

test('JPEG header: gives the size of a real photo', (t) => {
  t.deepEqual(sizeFromJpeg(photo), { width: 1920, height: 1280 });
});

test('JPEG header: a picture over 64 megapixels is refused before anything is allocated', (t) => {
  t.deepEqual(sizeFromJpeg(headerOnly(8192, 8192)), { width: 8192, height: 8192 });
  t.throws(() => sizeFromJpeg(headerOnly(65535, 65535), 'bomb.jpg'), {
    code: 'INVALID_ARGUMENT',
    message: /bomb\.jpg is a JPEG of 65535×65535 pixels, over the limit/,
  });
});

test('JPEG header: a picture without pixels is refused', (t) => {
  t.throws(() => sizeFromJpeg(headerOnly(0, 10)), { code: 'INVALID_ARGUMENT' });
});

test('JPEG header: what is not a JPEG is named', (t) => {
  for (const bytes of [new Uint8Array(0), Uint8Array.of(0xff), new TextEncoder().encode('<html>not a photo</html>')]) {
    t.throws(() => sizeFromJpeg(bytes, 'page.jpg'), { code: 'INVALID_ARGUMENT', message: /page\.jpg is not a JPEG/ });
  }
});

test('JPEG header: a file cut at any place is truncated or not a JPEG, never accepted', (t) => {
  const small = headerOnly(8, 8);
  for (let length = 0; length < small.length; length += 1)
    t.throws(() => sizeFromJpeg(small.subarray(0, length)), { code: length < 3 ? 'INVALID_ARGUMENT' : 'DATA_LOSS' });
  t.throws(() => sizeFromJpeg(photo.subarray(0, photo.length >> 1), 'half.jpg'), { code: 'DATA_LOSS', message: /half\.jpg is truncated/ });
});

test('JPEG header: bytes behind the end of the image do not matter', (t) => {
  t.deepEqual(sizeFromJpeg(Uint8Array.of(...headerOnly(8, 8), 1, 2, 3)), { width: 8, height: 8 });
});
