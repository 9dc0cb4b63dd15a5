import { GodwitError, type HostFunction, type Logger } from '#core';
import { createImage } from '#runtimes/image';
import { bundledModels, createNn } from '#runtimes/nn';

/** What actors may call on a node started by this command. */
export interface Vision {
  readonly hostFunctions: readonly HostFunction[];
  readonly models: readonly string[];
  close(): Promise<void>;
}

/** The host functions `image` and `nn`; they take threads and memory when they are first called. What is not installed is logged and left out. */
export function createVision(logger: Logger): Vision {
  const image = createImage();
  try {
    const models = bundledModels();
    const nn = createNn({ models, logger });
    return { hostFunctions: [image, nn], models: Object.keys(models), close: async () => void (await Promise.all([image.close(), nn.close()])) };
  } catch (thrown) {
    logger.log('info', 'models.none', { reason: GodwitError.from(thrown).message });
    return { hostFunctions: [image], models: [], close: () => image.close() };
  }
}
