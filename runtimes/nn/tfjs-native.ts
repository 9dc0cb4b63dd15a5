import type { Backend, BackendName, BackendOptions } from './backend.js';
import { createTfjsBackend, type LoadGraphModel, type Tfjs } from './tfjs-graph.js';

/** What `@tensorflow/tfjs-node` and `-gpu` export: the whole of tfjs, with libtensorflow behind it. */
export interface TfjsNative extends Tfjs {
  readonly loadGraphModel: LoadGraphModel;
  ready(): Promise<void>;
}

/** A backend over a tfjs package bound to libtensorflow. @throws whatever the import throws: the package or its native library is missing */
export async function openTfjsNative(name: BackendName, device: string, options: BackendOptions): Promise<Backend> {
  const specifier: string = `@tensorflow/${name}`;
  const loaded = (await (options.load ?? (() => import(specifier)))()) as { readonly default: TfjsNative };
  await loaded.default.ready();
  return createTfjsBackend(name, device, loaded.default, loaded.default.loadGraphModel);
}
