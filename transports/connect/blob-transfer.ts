import { type Blobs, type BlobTransfer, GodwitError, type Hash } from '#core';
import { type BlobClient, createBlobClient } from './blob-client.js';
import type { ClientOptions } from './session.js';

/** A node's blob transfer, as DESIGN §6 wants it: whoever can dial carries the bytes, in either direction. @public */
export interface ConnectBlobTransfer extends BlobTransfer {
  /** Ends the sessions it opened. */
  close(): void;
}

/**
 * @param blobs the node's own store; the server of this node serves the same one
 * @param peers the address of a peer that this node dials, undefined for one that dials this node: then the peer fetches what is
 *   offered, and has put what is obtained
 * @public
 */
export function createBlobTransfer(
  options: ClientOptions & { readonly blobs: Blobs; readonly peers: (peer: string) => string | undefined },
): ConnectBlobTransfer {
  const { blobs } = options;
  const clients = new Map<string, BlobClient>();
  const underway = new Map<string, Promise<unknown>>();

  const clientOf = (peer: string): BlobClient | undefined => {
    const address = options.peers(peer);
    if (address === undefined) return undefined;
    let client = clients.get(address);
    if (client === undefined) {
      client = createBlobClient(address, options);
      clients.set(address, client);
    }
    return client;
  };
  // Two moves that want the same blob share one transfer.
  const once = <T>(key: string, run: () => Promise<T>): Promise<T> => {
    const running = underway.get(key) as Promise<T> | undefined;
    if (running !== undefined) return running;
    const started = run().finally(() => underway.delete(key));
    underway.set(key, started);
    return started;
  };

  return {
    offer: (peer, hash) =>
      once(`offer ${peer} ${hash}`, async () => {
        const bytes = await blobs.get(hash);
        await clientOf(peer)?.upload(hash, bytes);
      }),
    obtain: (peer, hash) =>
      once(`obtain ${peer} ${hash}`, async () => {
        if (await blobs.has(hash)) return blobs.get(hash);
        const client = clientOf(peer);
        if (client === undefined) throw new GodwitError('NOT_FOUND', `${peer} did not put blob ${hash} here`);
        const bytes = await client.download(hash);
        await store(blobs, hash, bytes);
        return bytes;
      }),
    close() {
      for (const client of clients.values()) client.close();
      clients.clear();
    },
  };
}

async function store(blobs: Blobs, hash: Hash, bytes: Uint8Array): Promise<void> {
  const stored = await blobs.put(bytes);
  if (stored !== hash) throw new GodwitError('INTERNAL', `the store files blob ${hash} as ${stored}: its digest is not SHA-256`);
}
