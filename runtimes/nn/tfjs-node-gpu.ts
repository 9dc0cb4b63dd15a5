import type { Backend, BackendOptions } from './backend.js';
import { openTfjsNative } from './tfjs-native.js';

/** TensorFlow.js on libtensorflow with CUDA. Not run on hardware: its install script needs the internet; only a fake of the same shape was. */
export function openTfjsNodeGpu(options: BackendOptions = {}): Promise<Backend> {
  return openTfjsNative('tfjs-node-gpu', 'cuda', options);
}
