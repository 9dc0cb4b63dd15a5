import { randomBytes } from 'node:crypto';
import type { Random } from '#core';

/** Randomness of the operating system, fit for tokens and ids. @public */
export const systemRandom: Random = {
  bytes: (length) => new Uint8Array(randomBytes(length)),
};
