import type { PixelSize } from '#core';

/** Pixels to resize: rows from the top left, `channels` bytes each, of which the first three are red, green and blue. */
export interface Pixels extends PixelSize {
  readonly channels: 3 | 4;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/**
 * The one resizer of Godwit: bilinear with half-pixel centres, stretched, no prefilter. Output pixel x samples the source at
 * (x + ½)·width/newWidth − ½, clamped to the border, and rounds half up. Every host must use this one: another resizer moves detection
 * scores by up to 0.06. Plain IEEE arithmetic, so the same bytes everywhere.
 * @returns red, green, blue: width × height × 3 bytes, newly allocated
 */
export function resizeBilinear(source: Pixels, { width, height }: PixelSize): Uint8Array {
  const columns = samples(source.width, width, source.channels);
  const rows = samples(source.height, height, source.width * source.channels);
  const from = source.data;
  const to = new Uint8Array(width * height * 3);
  let at = 0;
  for (let y = 0; y < height; y += 1) {
    const top = rows.low[y];
    const bottom = rows.high[y];
    const down = rows.weight[y];
    for (let x = 0; x < width; x += 1) {
      const left = columns.low[x];
      const right = columns.high[x];
      const along = columns.weight[x];
      to[at] = blend(from, top + left, top + right, bottom + left, bottom + right, along, down);
      to[at + 1] = blend(from, top + left + 1, top + right + 1, bottom + left + 1, bottom + right + 1, along, down);
      to[at + 2] = blend(from, top + left + 2, top + right + 2, bottom + left + 2, bottom + right + 2, along, down);
      at += 3;
    }
  }
  return to;
}

/** The four bytes around a sample, weighed by how near they are. */
function blend(from: Pixels['data'], topLeft: number, topRight: number, bottomLeft: number, bottomRight: number, along: number, down: number): number {
  const upper = from[topLeft] + (from[topRight] - from[topLeft]) * along;
  const lower = from[bottomLeft] + (from[bottomRight] - from[bottomLeft]) * along;
  return (upper + (lower - upper) * down + 0.5) | 0;
}

interface Samples {
  /** Offset of the sample before, in bytes. */
  readonly low: Int32Array;
  /** Offset of the sample behind. */
  readonly high: Int32Array;
  /** Share of the sample behind, 0 to 1. */
  readonly weight: Float64Array;
}

function samples(length: number, newLength: number, stride: number): Samples {
  const low = new Int32Array(newLength);
  const high = new Int32Array(newLength);
  const weight = new Float64Array(newLength);
  const scale = length / newLength;
  for (let i = 0; i < newLength; i += 1) {
    const centre = Math.min(Math.max((i + 0.5) * scale - 0.5, 0), length - 1);
    const before = Math.floor(centre);
    low[i] = before * stride;
    high[i] = Math.min(before + 1, length - 1) * stride;
    weight[i] = centre - before;
  }
  return { low, high, weight };
}
