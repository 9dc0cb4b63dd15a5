import { type Blobs, type BlobTransfer, type Digest, GodwitError, type Hash } from '#core';

/** What a memory store holds unless told otherwise: 1 GiB, room for the largest model and a few captures beside it. */
const defaultMaxBytes = 1024 * 1024 * 1024;

/** A blob store in this process's memory. @param maxBytes bound of all blobs together, default 1 GiB @public */
export function createMemoryBlobs(options: { readonly digest: Digest; readonly maxBytes?: number }): Blobs {
  const maxBytes = options.maxBytes ?? defaultMaxBytes;
  const blobs = new Map<Hash, Uint8Array>();
  let held = 0;
  return {
    has: async (hash) => blobs.has(hash),
    async get(hash) {
      const bytes = blobs.get(hash);
      if (bytes === undefined) throw new GodwitError('NOT_FOUND', `no blob ${hash} in this store`);
      return bytes;
    },
    async put(bytes) {
      const hash = await options.digest.sha256(bytes);
      if (blobs.has(hash)) return hash;
      if (held + bytes.byteLength > maxBytes) {
        throw new GodwitError('RESOURCE_EXHAUSTED', `a blob of ${bytes.byteLength} bytes does not fit the store: ${held} of ${maxBytes} bytes are in use`);
      }
      held += bytes.byteLength;
      blobs.set(hash, bytes);
      return hash;
    },
    async delete(hash) {
      held -= blobs.get(hash)?.byteLength ?? 0;
      blobs.delete(hash);
    },
  };
}

/** The transfer of one node of this process: peers are found by name, and obtaining copies from their store to the own one. @public */
export function createMemoryBlobTransfer(options: { readonly blobs: Blobs; readonly peers: (peer: string) => Pick<Blobs, 'get'> | undefined }): BlobTransfer {
  return {
    async offer(_peer, hash) {
      if (!(await options.blobs.has(hash))) throw new GodwitError('NOT_FOUND', `blob ${hash} is not in the store that offers it`);
    },
    async obtain(peer, hash) {
      if (await options.blobs.has(hash)) return options.blobs.get(hash);
      const source = options.peers(peer);
      if (source === undefined) throw new GodwitError('NOT_FOUND', `no node ${peer} to obtain blob ${hash} from`);
      const bytes = (await source.get(hash)).slice();
      const stored = await options.blobs.put(bytes);
      if (stored === hash) return bytes;
      await options.blobs.delete(stored);
      throw new GodwitError('DATA_LOSS', `blob ${hash} of ${peer} hashes to ${stored}`);
    },
  };
}
