import type { Handle } from './engine-abi.js';

/**
 * A program loaded and not yet begun: what of the engine's memory differs from a fresh instance, and where things are in it.
 * Booting with a fixed clock and fixed randomness gives the same bytes everywhere, so one image serves every worker.
 */
export interface LoadedImage {
  /** Pairs [begin, end) of byte offsets in the memory, ascending; multiples of {@link grainBytes}. */
  readonly runs: Uint32Array;
  /** The bytes of all runs, one after the other; shared between threads and never written again. */
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly memoryBytes: number;
  /** The engine's only mutable global. */
  readonly stackPointer: number;
  readonly runtime: number;
  readonly context: number;
  readonly handles: GuestHandles;
}

/** A loaded image, told from others by its program's SHA-256. */
export interface BaseImage extends LoadedImage {
  readonly program: string;
}

/** The guest's entry points (GuestEntry), as handles; they lie in the memory and so are the same after a restore. */
export interface GuestHandles {
  readonly entry: Handle;
  readonly undefined: Handle;
  readonly reserve: Handle;
  readonly start: Handle;
  readonly receive: Handle;
  readonly capture: Handle;
}

// Pages of 4 KiB: what the operating system maps, so that untouched ones cost no memory in a restored instance.
const grainBytes = 4096;

/** The runs in which `memory` differs from `fresh`; beyond the end of `fresh`, from zero. */
export function differingRuns(memory: Uint8Array, fresh: Uint8Array): { readonly runs: Uint32Array; readonly bytes: Uint8Array<SharedArrayBuffer> } {
  const runs: number[] = [];
  const words = new Int32Array(memory.buffer, memory.byteOffset, memory.length >>> 2);
  const freshWords = new Int32Array(fresh.buffer, fresh.byteOffset, fresh.length >>> 2);
  let total = 0;
  for (let at = 0; at < memory.length; at += grainBytes) {
    if (!differs(words, freshWords, at >>> 2, (at + grainBytes) >>> 2)) continue;
    total += grainBytes;
    if (runs.at(-1) === at) runs[runs.length - 1] = at + grainBytes;
    else runs.push(at, at + grainBytes);
  }
  const bytes = new Uint8Array(new SharedArrayBuffer(total));
  let filled = 0;
  for (let i = 0; i < runs.length; i += 2) {
    const run = memory.subarray(runs[i], runs[i + 1]);
    bytes.set(run, filled);
    filled += run.length;
  }
  return { runs: Uint32Array.from(runs), bytes };
}

/** Writes the image's runs into a fresh memory of at least its size. */
export function layRuns(image: LoadedImage, memory: Uint8Array): void {
  let taken = 0;
  for (let i = 0; i < image.runs.length; i += 2) {
    const begin = image.runs[i];
    const length = image.runs[i + 1] - begin;
    memory.set(image.bytes.subarray(taken, taken + length), begin);
    taken += length;
  }
}

function differs(words: Int32Array, fresh: Int32Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (words[i] !== (fresh[i] ?? 0)) return true;
  return false;
}
