import { GodwitError, type HostFunction, type Picture, type PixelSize } from '#core';
import { createServiceThread } from '../thread/service-thread.js';
import { maxPixels, sizeFromJpeg } from './jpeg-header.js';

/** The host function `image`: methods `size`, `decode`, `resize` and `encode` of the facade. @public */
export interface ImageFunction extends HostFunction {
  readonly name: 'image';
  /** Ends its thread and open calls; idempotent. */
  close(): Promise<void>;
}

const defaultQuality = 85;

/**
 * Makes the host function `image`. Sizes are checked here, before memory is taken; codec and resizer run in a thread of their own,
 * started at the first call. Decoding needs the optional package `@jsquash/jpeg`.
 * @public
 */
export function createImage(): ImageFunction {
  const thread = createServiceThread('image', new URL('./image-thread.js', import.meta.url), {});
  return {
    name: 'image',
    async call(method, args) {
      switch (method) {
        case 'size':
          return sizeFromJpeg(parseJpeg(args[0]));
        case 'decode': {
          const jpeg = parseJpeg(args[0]);
          const source = sizeFromJpeg(jpeg);
          return thread.call('decode', [jpeg, source, args[1] === undefined ? source : parseSize(args[1], 'size')]);
        }
        case 'resize':
          return thread.call('resize', [parsePicture(args[0]), parseSize(args[1], 'size')]);
        case 'encode':
          return thread.call('encode', [parsePicture(args[0]), parseQuality(args[1])]);
        default:
          throw new GodwitError('NOT_FOUND', `host function image has no method '${method}'; it has size, decode, resize, encode`);
      }
    },
    close: () => thread.close(),
  };
}

function parseJpeg(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new GodwitError('INVALID_ARGUMENT', `image: the JPEG must be a Uint8Array, not ${typeof value}`);
}

function parseSize(value: unknown, what: string): PixelSize {
  const { width, height } = (typeof value === 'object' && value !== null ? value : {}) as Partial<PixelSize>;
  if (!isLength(width) || !isLength(height) || width * height > maxPixels) {
    throw new GodwitError('INVALID_ARGUMENT', `image: ${what} must be integers ≥ 1 of at most ${maxPixels} pixels together, not ${width}×${height}`);
  }
  return { width, height };
}

function parsePicture(value: unknown): Picture {
  const { width, height } = parseSize(value, 'the picture size');
  const { data, channels } = value as Partial<Picture>;
  if (!(data instanceof Uint8Array) || channels !== 3 || data.length !== width * height * 3) {
    throw new GodwitError(
      'INVALID_ARGUMENT',
      `image: a picture of ${width}×${height} needs channels 3 and ${width * height * 3} bytes, not channels ${channels} and ${data?.length} bytes`,
    );
  }
  return { width, height, channels, data };
}

function parseQuality(options: unknown): number {
  const quality: unknown = (options as { quality?: unknown } | undefined)?.quality ?? defaultQuality;
  if (typeof quality === 'number' && quality >= 1 && quality <= 100) return quality;
  throw new GodwitError('INVALID_ARGUMENT', `image: quality must be from 1 to 100, not ${String(quality)}`);
}

function isLength(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1;
}
