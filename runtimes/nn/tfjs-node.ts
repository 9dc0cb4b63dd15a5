import type { Backend, BackendOptions } from './backend.js';
import { openTfjsNative } from './tfjs-native.js';

/** TensorFlow.js on libtensorflow, on the processor. Not run on hardware: its install script needs the internet; only a fake of the same shape was. */
export function openTfjsNode(options: BackendOptions = {}): Promise<Backend> {
  return openTfjsNative('tfjs-node', 'cpu', options);
}
