import { GodwitError, type PixelSize } from '#core';

/** Most pixels a JPEG may have: 64 megapixels are 256 MiB decoded, a phone's largest photo is about 50. */
export const maxPixels = 64 * 1024 * 1024;

const startOfImage = 0xd8;
const endOfImage = 0xd9;
const startOfScan = 0xda;
// SOF0 to SOF15 carry the size; 0xc4 (DHT), 0xc8 (JPG) and 0xcc (DAC) share the range but are no frame headers.
const firstFrameHeader = 0xc0;
const lastFrameHeader = 0xcf;
const notFrameHeaders: ReadonlySet<number> = new Set([0xc4, 0xc8, 0xcc]);

/**
 * Size of a JPEG from its frame header, read before anything is allocated for its pixels. Also checks that the image has an end.
 * @param name of the file, for errors
 * @throws {GodwitError} INVALID_ARGUMENT not a JPEG, no pixels, or over {@link maxPixels} · DATA_LOSS cut short
 * @see ITU-T T.81, Annex B
 */
export function sizeFromJpeg(jpeg: Uint8Array, name = 'image'): PixelSize {
  if (jpeg[0] !== 0xff || jpeg[1] !== startOfImage || jpeg[2] !== 0xff) {
    throw new GodwitError('INVALID_ARGUMENT', `${name} is not a JPEG: it does not begin with ff d8 ff (${jpeg.length} bytes)`);
  }
  let size: PixelSize | undefined;
  let at = 2;
  while (true) {
    // Segment: ff, any number of fill bytes ff, a marker, and a big-endian length that counts itself.
    if (jpeg[at] !== 0xff) throw cutOrCorrupt(jpeg, name, at);
    while (jpeg[at + 1] === 0xff) at += 1;
    const marker = jpeg[at + 1];
    const length = ((jpeg[at + 2] ?? 0) << 8) | (jpeg[at + 3] ?? 0);
    if (marker === undefined || length < 2 || at + 2 + length > jpeg.length) throw cutOrCorrupt(jpeg, name, at);
    if (marker === startOfScan) break;
    if (marker >= firstFrameHeader && marker <= lastFrameHeader && !notFrameHeaders.has(marker)) {
      if (length < 8) throw cutOrCorrupt(jpeg, name, at);
      size = { height: byte(jpeg, at + 5) * 256 + byte(jpeg, at + 6), width: byte(jpeg, at + 7) * 256 + byte(jpeg, at + 8) };
      checkSize(size, name);
    }
    at += 2 + length;
  }
  if (size === undefined) throw new GodwitError('DATA_LOSS', `${name} is corrupt: a scan at byte ${at} without a frame header before it`);
  if (!hasEnd(jpeg, at)) throw new GodwitError('DATA_LOSS', `${name} is truncated: no end-of-image marker in its ${jpeg.length} bytes`);
  return size;
}

function checkSize({ width, height }: PixelSize, name: string): void {
  if (width === 0 || height === 0)
    throw new GodwitError('INVALID_ARGUMENT', `${name} is a JPEG of ${width}×${height} pixels: it has no size in its frame header`);
  if (width * height > maxPixels) {
    throw new GodwitError('INVALID_ARGUMENT', `${name} is a JPEG of ${width}×${height} pixels, over the limit of ${maxPixels}`, {
      details: { width, height, maxPixels },
    });
  }
}

function cutOrCorrupt(jpeg: Uint8Array, name: string, at: number): GodwitError {
  const how = at + 4 > jpeg.length || jpeg[at] === 0xff ? 'truncated' : 'corrupt';
  return new GodwitError('DATA_LOSS', `${name} is ${how}: no whole JPEG segment at byte ${at} of ${jpeg.length}`);
}

// In entropy-coded data every ff is followed by a stuffed 00, so ff d9 behind the first scan is the real end. It is looked for from the back,
// where it nearly always is; cameras append other things behind it.
function hasEnd(jpeg: Uint8Array, scan: number): boolean {
  for (let at = jpeg.length - 2; at > scan; at -= 1) {
    if (jpeg[at] === 0xff && jpeg[at + 1] === endOfImage) return true;
  }
  return false;
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}
