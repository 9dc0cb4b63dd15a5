import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { GodwitError } from '#core';
import type { ModelFiles } from './model.js';

/**
 * The models of the optional package `@vladmandic/human` (MIT) that the shipped actors name: `centernet`, an object detector for the 80
 * classes of COCO. It stands in for the YOLOv4 of the paper, whose weights no registry carries.
 * @throws {GodwitError} UNAVAILABLE the package is not installed
 * @public
 */
export function bundledModels(): Readonly<Record<'centernet', ModelFiles>> {
  try {
    const main = createRequire(import.meta.url).resolve('@vladmandic/human');
    return { centernet: { tfjs: join(dirname(main), '..', 'models', 'centernet.json') } };
  } catch (thrown) {
    throw new GodwitError('UNAVAILABLE', 'the bundled model centernet needs the optional package @vladmandic/human; install it with npm i @vladmandic/human', {
      cause: thrown,
      retryable: false,
    });
  }
}
