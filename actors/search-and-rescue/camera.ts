/**
 * A camera that moves over photos: the host function `camera` of the device.
 *
 * C1 Frame i is a function of the photos, the seed and i alone: any frame can be asked for, in any order, again.
 * C2 Decoded photos are kept up to a bound in bytes; the one just used always is.
 */
import { type DecodedPicture, GodwitError, type HostFunction, type Picture, type PixelSize } from '#core';
import { type Crop, cropAt, framesPerPhoto, type Pose } from './camera-path.js';
import type { Photo } from './photos.js';

/** Options of {@link createCamera}. @public */
export interface CameraOptions {
  /** At least one. */
  readonly photos: readonly Photo[];
  /** The host function `image`: decodes, resizes and encodes. Stays the caller's. */
  readonly image: HostFunction;
  /** Decides path and sensor noise; an integer, default 1. */
  readonly seed?: number;
  /** Of a frame, in pixels; default 640. */
  readonly width?: number;
  /** Default 480. */
  readonly height?: number;
}

/** One frame of the camera. @public */
export interface Frame {
  readonly index: number;
  readonly jpeg: Uint8Array;
  readonly pose: Pose;
  readonly width: number;
  readonly height: number;
  /** Milliseconds it took to make: no part of an answer's response time. */
  readonly captureMs: number;
}

const jpegQuality = 85;
// Largest deviation of the sensor noise, in steps of 255.
const noiseSteps = 6;
// Two decoded photos of 20 megapixels, or 16 of the bundled ones.
const maxCachedBytes = 128 * 1024 * 1024;

/**
 * Makes the host function `camera`: method `frame(i)` answers a {@link Frame}. Needs Node and `@jsquash/jpeg` through `image`.
 * @throws {GodwitError} INVALID_ARGUMENT no photos, a bad size or seed, or a photo that is not a JPEG · DATA_LOSS a photo is cut short; the file is named
 * @public
 */
export async function createCamera({ photos, image, seed = 1, width = 640, height = 480 }: CameraOptions): Promise<HostFunction> {
  if (photos.length === 0) throw new GodwitError('INVALID_ARGUMENT', 'camera: the list of photos is empty');
  if (!Number.isInteger(seed)) throw new GodwitError('INVALID_ARGUMENT', `camera: the seed must be an integer, not ${seed}`);
  if (!isSide(width) || !isSide(height))
    throw new GodwitError('INVALID_ARGUMENT', `camera: frames must be 16 to 4096 pixels wide and high, not ${width}×${height}`);
  const sizes: PixelSize[] = [];
  for (const { name, jpeg } of photos) sizes.push((await named(name, image.call('size', [jpeg]))) as PixelSize);
  const decoded = new DecodedPhotos(photos, image);
  const phase = randomIntegers(seed)() % 1000;

  async function frame(index: number): Promise<Frame> {
    const startMs = performance.now();
    const number = Math.floor(index / framesPerPhoto) % photos.length;
    const { name } = photos[number];
    const crop = cropAt(index, phase, sizes[number], { width, height });
    const seen = cutOut(await decoded.get(number), crop);
    const picture = (await image.call('resize', [seen, { width, height }])) as Picture;
    addNoise(picture.data, randomIntegers(Math.imul(seed, 0x9e3779b1) ^ index));
    const jpeg = (await image.call('encode', [picture, { quality: jpegQuality }])) as Uint8Array;
    return { index, jpeg, pose: { scene: name, crop }, width, height, captureMs: performance.now() - startMs };
  }

  return {
    name: 'camera',
    async call(method, args) {
      if (method !== 'frame') throw new GodwitError('NOT_FOUND', `host function camera has no method '${method}'; it has frame`);
      const [index] = args;
      if (typeof index !== 'number' || !Number.isSafeInteger(index) || index < 0)
        throw new GodwitError('INVALID_ARGUMENT', `camera: the frame number must be an integer ≥ 0, not ${String(index)}`);
      return frame(index);
    },
  };
}

/** Decoded photos, the least recently used given up first (C2). */
class DecodedPhotos {
  readonly #photos: readonly Photo[];
  readonly #image: HostFunction;
  readonly #pictures = new Map<number, Promise<DecodedPicture>>();
  readonly #bytes = new Map<number, number>();

  constructor(photos: readonly Photo[], image: HostFunction) {
    this.#photos = photos;
    this.#image = image;
  }

  async get(number: number): Promise<DecodedPicture> {
    const { name, jpeg } = this.#photos[number];
    const decoding = this.#pictures.get(number) ?? (named(name, this.#image.call('decode', [jpeg])) as Promise<DecodedPicture>);
    this.#pictures.delete(number);
    this.#pictures.set(number, decoding);
    try {
      const picture = await decoding;
      this.#bytes.set(number, picture.data.length);
      this.#giveUp(number);
      return picture;
    } catch (thrown) {
      this.#pictures.delete(number);
      throw thrown;
    }
  }

  #giveUp(used: number): void {
    let bytes = [...this.#bytes.values()].reduce((sum, length) => sum + length, 0);
    for (const number of this.#pictures.keys()) {
      if (bytes <= maxCachedBytes) return;
      if (number === used) continue;
      bytes -= this.#bytes.get(number) ?? 0;
      this.#bytes.delete(number);
      this.#pictures.delete(number);
    }
  }
}

function cutOut(picture: Picture, crop: Crop): Picture {
  const rowBytes = crop.width * 3;
  const data = new Uint8Array(rowBytes * crop.height);
  for (let row = 0; row < crop.height; row += 1) {
    const from = ((crop.top + row) * picture.width + crop.left) * 3;
    data.set(picture.data.subarray(from, from + rowBytes), row * rowBytes);
  }
  return { width: crop.width, height: crop.height, channels: 3, data };
}

/** Adds the same noise of a triangular distribution to the three bytes of a pixel, as a sensor does in poor light. */
function addNoise(bytes: Uint8Array, random: () => number): void {
  for (let at = 0; at < bytes.length; at += 3) {
    const drawn = random();
    // The sum of two even distributions, from the halves of one number, centred on 0.
    const noise = (((drawn >>> 16) + (drawn & 0xffff)) / 0x10000 - 1) * noiseSteps;
    for (let channel = at; channel < at + 3; channel += 1) {
      const value = bytes[channel] + noise;
      bytes[channel] = Math.min(Math.max(value, 0), 255);
    }
  }
}

/** Integers from 0 to below 2³² (mulberry32). @see https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
function randomIntegers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

function isSide(length: number): boolean {
  return Number.isInteger(length) && length >= 16 && length <= 4096;
}

async function named(name: string, answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer;
  } catch (thrown) {
    const error = GodwitError.from(thrown);
    throw new GodwitError(error.code, `photo ${name}: ${error.message}`, { cause: thrown, details: { photo: name } });
  }
}
