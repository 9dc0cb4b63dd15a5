import { createHash } from 'node:crypto';
import type { Digest, Hash } from '#core';

export function sha256(bytes: Uint8Array): Hash {
  return createHash('sha256').update(bytes).digest('hex') as Hash;
}

export const nodeDigest: Digest = { sha256: async (bytes) => sha256(bytes) };
