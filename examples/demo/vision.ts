import { GodwitError } from '#core';
import { createImage, type ImageFunction } from '#runtimes/image';
import { bundledModels, createNn, type NnFunction } from '#runtimes/nn';

/** The host functions that object detection calls, on the device and on the edge alike. */
export interface Vision {
  readonly image: ImageFunction;
  readonly nn: NnFunction;
  /** Names of the models that `nn` knows. */
  readonly models: readonly string[];
  close(): Promise<void>;
}

/** @throws {GodwitError} UNAVAILABLE the package with the model is not installed */
export function createVision(): Vision {
  const models = bundledModels();
  const image = createImage();
  const nn = createNn({ models });
  return {
    image,
    nn,
    models: Object.keys(models),
    async close() {
      await Promise.all([image.close(), nn.close()]);
    },
  };
}

/** Side of the detector's input in pixels. */
const side = 512;

/** Loads the model, so that no frame waits for it. @returns the backend taken @throws {GodwitError} UNAVAILABLE no backend can be opened */
export async function warmUp({ nn, models }: Vision): Promise<string> {
  const [model] = models;
  if (model === undefined) throw new GodwitError('UNAVAILABLE', 'there is no model to detect with');
  await nn.call('infer', [model, { data: new Uint8Array(side * side * 3), shape: [1, side, side, 3] }]);
  const { backend, models: loaded } = await nn.describe();
  return loaded[model]?.backend ?? backend ?? 'unknown';
}
