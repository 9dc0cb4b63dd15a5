import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { GodwitError } from '#core';
import type { Backend, BackendOptions } from './backend.js';
import { createTfjsBackend, type LoadGraphModel, type Tfjs } from './tfjs-graph.js';

interface TfjsCore extends Tfjs {
  env(): { set(flag: string, value: boolean): void };
  setBackend(name: string): Promise<boolean>;
}

interface TfjsWasm {
  readonly core: TfjsCore;
  readonly wasm: { setWasmPaths(folder: string): void };
  readonly converter: { readonly loadGraphModel: LoadGraphModel };
  /** Folder of the .wasm files, with a separator at its end. */
  readonly folder: string;
}

/**
 * TensorFlow.js on WebAssembly with SIMD: the backend that runs wherever Node does. Installs process-wide handlers that rethrow, so it must
 * live in a thread of its own.
 * @throws whatever the import of its packages throws
 */
export async function openTfjsWasm(options: BackendOptions = {}): Promise<Backend> {
  const { core, wasm, converter, folder } = (await (options.load ?? loadTfjsWasm)()) as TfjsWasm;
  wasm.setWasmPaths(folder);
  core.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false); // its threads fail in Node
  if (!(await core.setBackend('wasm'))) throw new GodwitError('UNAVAILABLE', 'the WebAssembly engine of tfjs did not start');
  return createTfjsBackend('tfjs-wasm', 'wasm', core, converter.loadGraphModel);
}

async function loadTfjsWasm(): Promise<unknown> {
  const folder = join(dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'dist') + sep;
  return {
    core: await import('@tensorflow/tfjs-core'),
    wasm: await import('@tensorflow/tfjs-backend-wasm'),
    converter: await import('@tensorflow/tfjs-converter'),
    folder,
  };
}
