import type { BaseImage, LoadedImage } from './base-image.js';
import type { CompiledLimits } from './limits.js';

/** The control interface of a worker thread, called through Comlink. Turns and what guests emit never travel by it. */
export interface WorkerControl {
  /** Loads a program once, for every worker. @throws {GodwitError} INVALID_ARGUMENT it does not load */
  image(program: Uint8Array, name: string): LoadedImage;
  /** Keeps an engine with this image laid out, so that the next `create` of its program only begins the actor. One a worker. */
  prepare(image: BaseImage): void;
  /** Makes an instance and begins its actor. @param limits what it is held to @param start a GuestStart, encoded @returns a GuestResult, encoded */
  create(instance: number, image: BaseImage, limits: CompiledLimits, address: string, start: Uint8Array): Uint8Array;
  /** Captures after everything sent before it was handled. @returns a GuestResult, encoded */
  capture(instance: number): Promise<Uint8Array>;
  close(instance: number): void;
  stats(): WorkerStats;
}

/** What a worker says of itself. @public */
export interface WorkerStats {
  readonly threadId: number;
  readonly instances: number;
  /** Bytes of guest memory, all instances together. */
  readonly memoryBytes: number;
  /** Records handed to guests so far. */
  readonly records: number;
}

/** What a worker thread is started with. */
export interface WorkerSetup {
  readonly module: WebAssembly.Module;
  readonly limits: CompiledLimits;
  readonly heartbeat: Int32Array<SharedArrayBuffer>;
}

/** Words of the heartbeat, by which the outside half sees a guest that never returns. */
export const heartbeat = {
  /** Grows at each entry into a guest and each return: odd means inside. */
  entries: 0,
  /** The instance last entered. */
  instance: 1,
  /** Batches taken so far. */
  batches: 2,
  words: 4,
} as const;
