/**
 * MozJPEG's decoder compiled to Wasm (`@jsquash/jpeg`, an optional peer), initialised from the file of the installed package.
 *
 * J1 A failed decode leaves the engine's memory undefined: the next one makes a new engine.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { GodwitError, type PixelSize } from '#core';
import type { Pixels } from './resize.js';

interface Decoder {
  init(module: object): Promise<void>;
  default(jpeg: Uint8Array, options: { preserveOrientation: boolean }): Promise<unknown>;
}

// The part of the global that is used; the compiler's library declares it for browsers only.
declare const WebAssembly: { compile(bytes: Uint8Array): Promise<object> };

const packageName = '@jsquash/jpeg';
let wasm: object | undefined;
let opened: Promise<Decoder> | undefined;

/** Decodes to red, green, blue, alpha. The caller has checked header and limits. @throws {GodwitError} DATA_LOSS corrupt · UNAVAILABLE the package is not installed */
export async function decodeJpeg(jpeg: Uint8Array, size: PixelSize): Promise<Pixels> {
  const decoder = await open();
  const pixels = await (decoder.default(jpeg, { preserveOrientation: false }) as Promise<Partial<Pixels>>).catch((thrown: unknown) => {
    opened = undefined; // J1
    throw new GodwitError('DATA_LOSS', `the JPEG cannot be decoded: ${GodwitError.from(thrown).message}`, { cause: thrown });
  });
  if (pixels.width !== size.width || pixels.height !== size.height || pixels.data?.length !== size.width * size.height * 4) {
    throw new GodwitError('DATA_LOSS', `the JPEG decoded to ${pixels.width}×${pixels.height} pixels, its header says ${size.width}×${size.height}`);
  }
  return { ...size, channels: 4, data: pixels.data };
}

function open(): Promise<Decoder> {
  opened ??= load().catch((thrown: unknown) => {
    opened = undefined;
    throw new GodwitError(
      'UNAVAILABLE',
      `host function image needs the optional package ${packageName}: ${GodwitError.from(thrown).message}; install it with npm i ${packageName}`,
      {
        cause: thrown,
        retryable: false,
      },
    );
  });
  return opened;
}

async function load(): Promise<Decoder> {
  const decoder = (await import('@jsquash/jpeg/decode.js')) as unknown as Decoder;
  wasm ??= await WebAssembly.compile(await readFile(createRequire(import.meta.url).resolve(`${packageName}/codec/dec/mozjpeg_dec.wasm`)));
  await decoder.init(wasm);
  return decoder;
}
