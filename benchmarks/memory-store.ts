import type { Store } from '#core';

/** What a node keeps in memory alone: all that a file store does but the disk. */
export function createMemoryStore(): Store {
  const content = new Map<string, Uint8Array>();
  return {
    found: new Map(),
    async write(changes) {
      for (const [key, bytes] of changes) {
        if (bytes === undefined) content.delete(key);
        else content.set(key, bytes);
      }
    },
  };
}
