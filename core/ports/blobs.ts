import type { Hash } from './digest.js';

/** A node's own store of content-addressed bytes. What `put` returned stays until `delete`. */
export interface Blobs {
  has(hash: Hash): Promise<boolean>;
  /** @throws {GodwitError} NOT_FOUND */
  get(hash: Hash): Promise<Uint8Array>;
  /** Stores bytes under their SHA-256, which it returns. @throws {GodwitError} RESOURCE_EXHAUSTED over the store's limit */
  put(bytes: Uint8Array): Promise<Hash>;
  delete(hash: Hash): Promise<void>;
}

/**
 * Bulk bytes between two linked nodes, beside the link so that bulk never delays a message.
 * A source calls `offer`, then tells the target over the link; the target calls `obtain`. Whichever end can dial carries the bytes.
 */
export interface BlobTransfer {
  /** Makes the blob obtainable for `peer`; on the dialling side it uploads (resuming what an earlier try left). The blob is in the local store. */
  offer(peer: string, hash: Hash): Promise<void>;
  /**
   * The bytes of a blob that `peer` offered, verified against `hash`, also put into the local store.
   * @throws {GodwitError} NOT_FOUND never offered · DATA_LOSS the bytes do not match · RESOURCE_EXHAUSTED over the limit
   */
  obtain(peer: string, hash: Hash): Promise<Uint8Array>;
}
