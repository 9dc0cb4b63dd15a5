/**
 * Baseline JPEG encoder, 4:2:0, with the tables of the specification. MozJPEG's own encoder spends 40 to 60 ms on a 640×480 frame, since its
 * trellis search cannot be switched off; this one takes a tenth of that, as a camera must. Plain arithmetic: the same bytes everywhere.
 * @see ITU-T T.81 (JPEG), ITU-T T.871 (JFIF: colour conversion)
 */
import type { Picture } from '#core';
import { transformBlock, transformScale } from './cosine-transform.js';
import { acTable, chrominanceSteps, dcTable, type HuffmanTable, luminanceSteps, zigzag } from './jpeg-tables.js';

/** @param quality from 1 to 100, on the scale of the Independent JPEG Group */
export function encodeJpeg(picture: Picture, quality: number): Uint8Array {
  const luminance = scaleSteps(luminanceSteps, quality);
  const chrominance = scaleSteps(chrominanceSteps, quality);
  const out = new BitWriter(Math.max(4096, picture.data.length >> 3));
  writeHeaders(out, picture, luminance, chrominance);
  writeScan(out, planesFrom(picture), reciprocalsOf(luminance), reciprocalsOf(chrominance));
  return out.end();
}

/** Side of the squares that are coded together: four blocks of luminance, one of each chrominance. */
const unitSide = 16;

interface Planes {
  /** In pixels, a multiple of {@link unitSide}; chrominance planes have half of each. */
  readonly width: number;
  readonly height: number;
  readonly luminance: Float32Array;
  readonly blue: Float32Array;
  readonly red: Float32Array;
}

/** YCbCr planes centred on 0, the border repeated up to whole units, chrominance averaged over 2×2 pixels. */
function planesFrom(picture: Picture): Planes {
  const width = Math.ceil(picture.width / unitSide) * unitSide;
  const height = Math.ceil(picture.height / unitSide) * unitSide;
  const luminance = new Float32Array(width * height);
  const blue = new Float32Array((width * height) / 4);
  const red = new Float32Array((width * height) / 4);
  for (let y = 0; y < height; y += 1) {
    const row = Math.min(y, picture.height - 1) * picture.width;
    for (let x = 0; x < width; x += 1) {
      const at = (row + Math.min(x, picture.width - 1)) * 3;
      const r = picture.data[at];
      const g = picture.data[at + 1];
      const b = picture.data[at + 2];
      const chroma = (y >> 1) * (width >> 1) + (x >> 1);
      luminance[y * width + x] = 0.299 * r + 0.587 * g + 0.114 * b - 128;
      blue[chroma] = blue[chroma] + (-0.168736 * r - 0.331264 * g + 0.5 * b) / 4;
      red[chroma] = red[chroma] + (0.5 * r - 0.418688 * g - 0.081312 * b) / 4;
    }
  }
  return { width, height, luminance, blue, red };
}

function writeScan(out: BitWriter, planes: Planes, luminanceFactors: Float64Array, chrominanceFactors: Float64Array): void {
  const block = new Float64Array(64);
  const lasts = { luminance: 0, blue: 0, red: 0 };
  const code = (plane: 'luminance' | 'blue' | 'red', stride: number, x: number, y: number) => {
    const values = planes[plane];
    for (let row = 0; row < 8; row += 1) {
      for (let column = 0; column < 8; column += 1) block[row * 8 + column] = values[(y + row) * stride + x + column];
    }
    transformBlock(block);
    lasts[plane] = writeBlock(out, block, plane === 'luminance' ? luminanceFactors : chrominanceFactors, lasts[plane]);
  };
  for (let y = 0; y < planes.height; y += unitSide) {
    for (let x = 0; x < planes.width; x += unitSide) {
      out.reserveUnit();
      code('luminance', planes.width, x, y);
      code('luminance', planes.width, x + 8, y);
      code('luminance', planes.width, x, y + 8);
      code('luminance', planes.width, x + 8, y + 8);
      code('blue', planes.width >> 1, x >> 1, y >> 1);
      code('red', planes.width >> 1, x >> 1, y >> 1);
    }
  }
}

const dcCodes = codesFrom(dcTable);
const acCodes = codesFrom(acTable);
const endOfBlock = 0x00;
const sixteenZeros = 0xf0;

/** Codes one transformed block; returns its first coefficient, from which the next one's is counted. */
function writeBlock(out: BitWriter, block: Float64Array, factors: Float64Array, last: number): number {
  const first = quantised(block, factors, 0);
  writeValue(out, dcCodes, 0, first - last);
  let zeros = 0;
  for (let place = 1; place < 64; place += 1) {
    const position = zigzag[place];
    const value = quantised(block, factors, position);
    if (value === 0) {
      zeros += 1;
      continue;
    }
    for (; zeros > 15; zeros -= 16) out.code(acCodes, sixteenZeros);
    writeValue(out, acCodes, zeros, value);
    zeros = 0;
  }
  if (zeros > 0) out.code(acCodes, endOfBlock);
  return first;
}

// Makes a coefficient positive, so that cutting off its fraction rounds down. Coefficients are below 2^15.
const offset = 2 ** 16;

/** A coefficient in quantisation steps, rounded half up. */
function quantised(block: Float64Array, factors: Float64Array, position: number): number {
  return ((block[position] * factors[position] + (offset + 0.5)) | 0) - offset;
}

/** A run of zeros and a value: a code for (run, bits of the value), then those bits; negative values as value − 1. */
function writeValue(out: BitWriter, codes: Codes, zeros: number, value: number): void {
  const bits = 32 - Math.clz32(Math.abs(value));
  out.code(codes, (zeros << 4) | bits);
  out.bits(value < 0 ? (value - 1) & ((1 << bits) - 1) : value, bits);
}

interface Codes {
  readonly code: Uint16Array;
  readonly length: Uint8Array;
}

function codesFrom(table: HuffmanTable): Codes {
  const codes = { code: new Uint16Array(256), length: new Uint8Array(256) };
  let code = 0;
  let at = 0;
  for (const [index, count] of table.counts.entries()) {
    for (let i = 0; i < count; i += 1, at += 1, code += 1) {
      const symbol = table.symbols[at];
      codes.code[symbol] = code;
      codes.length[symbol] = index + 1;
    }
    code <<= 1;
  }
  return codes;
}

function scaleSteps(steps: readonly number[], quality: number): number[] {
  const scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
  return steps.map((step) => Math.min(255, Math.max(1, Math.floor((step * scale + 50) / 100))));
}

function reciprocalsOf(steps: readonly number[]): Float64Array {
  return Float64Array.from(steps, (step, position) => 1 / (step * transformScale[position >> 3] * transformScale[position & 7] * 8));
}

function writeHeaders(out: BitWriter, { width, height }: Picture, luminance: readonly number[], chrominance: readonly number[]): void {
  out.bytes([0xff, 0xd8]);
  out.segment(0xe0, [0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0]);
  out.segment(0xdb, [0, ...zigzag.map((position) => luminance[position]), 1, ...zigzag.map((position) => chrominance[position])]);
  // Eight bits, three components: 2×2 blocks of luminance with table 0, one block of each chrominance with table 1.
  out.segment(0xc0, [8, height >> 8, height & 0xff, width >> 8, width & 0xff, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]);
  out.segment(0xc4, [0x00, ...dcTable.counts, ...dcTable.symbols, 0x10, ...acTable.counts, ...acTable.symbols]);
  out.segment(0xda, [3, 1, 0x00, 2, 0x00, 3, 0x00, 0, 63, 0]);
}

// Six blocks of 64 coefficients with at most 27 bits each, every byte stuffed.
const maxUnitBytes = 6 * 64 * 4 * 2;

/** Bytes with bits packed into them from the highest, a 00 stuffed behind every ff. */
class BitWriter {
  #buffer: Uint8Array;
  #length = 0;
  #pending = 0;
  #pendingBits = 0;

  constructor(initialBytes: number) {
    this.#buffer = new Uint8Array(initialBytes);
  }

  bytes(values: readonly number[]): void {
    for (const value of values) this.#buffer[this.#length++] = value;
  }

  segment(marker: number, content: readonly number[]): void {
    const length = content.length + 2;
    this.bytes([0xff, marker, length >> 8, length & 0xff, ...content]);
  }

  /** Makes room for one unit, so that `bits` need not look. */
  reserveUnit(): void {
    if (this.#length + maxUnitBytes <= this.#buffer.length) return;
    const larger = new Uint8Array(this.#buffer.length * 2 + maxUnitBytes);
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }

  code(codes: Codes, symbol: number): void {
    this.bits(codes.code[symbol], codes.length[symbol]);
  }

  /** @param count at most 16 */
  bits(value: number, count: number): void {
    this.#pending = (this.#pending << count) | value;
    this.#pendingBits += count;
    while (this.#pendingBits >= 8) {
      this.#pendingBits -= 8;
      const byte = (this.#pending >> this.#pendingBits) & 0xff;
      this.#buffer[this.#length++] = byte;
      if (byte === 0xff) this.#buffer[this.#length++] = 0;
    }
    this.#pending &= (1 << this.#pendingBits) - 1;
  }

  /** Fills the last byte with ones and ends the image. */
  end(): Uint8Array {
    this.reserveUnit();
    if (this.#pendingBits > 0) this.bits((1 << (8 - this.#pendingBits)) - 1, 8 - this.#pendingBits);
    this.bytes([0xff, 0xd9]);
    return this.#buffer.slice(0, this.#length);
  }
}
