import type { OutputTensor } from '#core';
import type { Model } from './model.js';

/** Backends in the order they are tried, fastest first. */
export const backendNames = ['tfjs-node-gpu', 'tfjs-node', 'onnxruntime-node', 'tfjs-wasm'] as const;

/** Name of an inference backend. @public */
export type BackendName = (typeof backendNames)[number];

/** Why a backend's figures should be doubted: its package cannot be installed where the project is built, so only a fake of the same shape was run. */
export const notRunOnHardware: ReadonlySet<BackendName> = new Set<BackendName>(['tfjs-node-gpu', 'tfjs-node']);

/** Something that runs models. What it opened it keeps until its thread ends. */
export interface Backend {
  readonly name: BackendName;
  /** Where it computes: 'cpu', 'cuda', 'wasm'. */
  readonly device: string;
  /** Makes a model ready to run. @throws {GodwitError} UNIMPLEMENTED this backend cannot run such a model · DATA_LOSS the model is corrupt */
  load(model: Model): Promise<LoadedModel>;
}

/** Floats for one input of a model. */
export interface FloatTensor {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** A model ready to run. One inference at a time. */
export interface LoadedModel {
  /** Computes the named outputs, all of which the model declares, from a complete set of inputs of the declared shapes. */
  infer(inputs: ReadonlyMap<string, FloatTensor>, outputs: readonly string[]): Promise<Record<string, OutputTensor>>;
  /** Declared inputs and outputs. */
  readonly signature: Signature;
  close(): void;
}

/** Shapes by name; -1 stands for any length. */
export interface Signature {
  readonly inputs: ReadonlyMap<string, readonly number[]>;
  readonly outputs: ReadonlyMap<string, readonly number[]>;
}

/** What a backend needs from its machine, so that tests can put another one in its place. */
export interface BackendOptions {
  /** Imports the backend's package; default: `import()` of it. */
  readonly load?: () => Promise<unknown>;
  /** Threads one inference may use. Default 1: summing in one order, so equal numbers on every host. */
  readonly threads?: number;
}
