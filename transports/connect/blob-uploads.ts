// Blobs on their way in. Bytes are hashed as they arrive; a blob reaches the store only when all are there and match.
// U1  One writer per blob: a second upload of it waits for the first to end, and then finds the blob or goes on from where it stopped.
// U2  Memory for a blob is set aside once, after its length passed both limits; it is given back when the blob is stored, refused, or idle too long.
import { createHash, type Hash as Hasher } from 'node:crypto';
import { type Blobs, type Cancel, GodwitError, type Hash } from '#core';
import type { Bounds } from './limits.js';

interface Partial {
  readonly bytes: Uint8Array;
  readonly hasher: Hasher;
  received: number;
  /** Settles when the present writer is done; undefined between writers. */
  writing: Promise<void> | undefined;
  cancelExpiry: Cancel;
}

/** What an upload came to. */
export type UploadEnd = 'stored' | 'present' | { readonly received: number };

export class BlobUploads {
  readonly #blobs: Blobs;
  readonly #bounds: Bounds;
  readonly #partials = new Map<Hash, Partial>();
  #reserved = 0;

  constructor(blobs: Blobs, bounds: Bounds) {
    this.#blobs = blobs;
    this.#bounds = bounds;
  }

  /** How many bytes of a blob that is not complete are here. */
  received(hash: Hash): number {
    return this.#partials.get(hash)?.received ?? 0;
  }

  /**
   * Takes bytes of a blob from `offset` on.
   * @param total length of the whole blob in bytes
   * @throws {GodwitError} RESOURCE_EXHAUSTED over a limit · ABORTED `offset` is not where the upload stands · DATA_LOSS the bytes do not match ·
   *   INVALID_ARGUMENT more bytes than announced · what `chunks` throws: then what came is kept
   */
  async write(hash: Hash, offset: number, total: number, chunks: AsyncIterable<Uint8Array>): Promise<UploadEnd> {
    if (total > this.#bounds.maxBlobBytes)
      throw new GodwitError('RESOURCE_EXHAUSTED', `blob ${hash} of ${total} bytes exceeds the limit of ${this.#bounds.maxBlobBytes} bytes`);
    for (;;) {
      if (await this.#blobs.has(hash)) return 'present';
      const writing = this.#partials.get(hash)?.writing;
      if (writing === undefined) break;
      await writing; // U1
    }
    const partial = this.#partials.get(hash) ?? this.#reserve(hash, total);
    if (partial.received !== offset || partial.bytes.length !== total) {
      this.#release(hash, partial);
      throw new GodwitError(
        'ABORTED',
        `the upload of blob ${hash} stands at ${partial.received} of ${partial.bytes.length} bytes, not at ${offset} of ${total}`,
      );
    }
    let done: () => void = () => {};
    partial.writing = new Promise((resolve) => (done = resolve));
    partial.cancelExpiry();
    try {
      await fill(hash, partial, chunks);
      if (partial.received < total) return { received: partial.received };
      await this.#store(hash, partial);
      return 'stored';
    } finally {
      partial.writing = undefined;
      this.#release(hash, partial);
      done();
    }
  }

  #reserve(hash: Hash, total: number): Partial {
    const { maxUploadBytes } = this.#bounds;
    if (this.#reserved + total > maxUploadBytes) {
      throw new GodwitError('RESOURCE_EXHAUSTED', `no room for blob ${hash} of ${total} bytes: uploads hold ${this.#reserved} of ${maxUploadBytes} bytes`);
    }
    this.#reserved += total;
    const partial: Partial = { bytes: new Uint8Array(total), hasher: createHash('sha256'), received: 0, writing: undefined, cancelExpiry: () => {} };
    this.#partials.set(hash, partial);
    return partial;
  }

  /** Leaves an upload that has no writer now to whoever resumes it in time; one that never got a byte is forgotten at once. */
  #release(hash: Hash, partial: Partial): void {
    if (this.#partials.get(hash) !== partial) return;
    partial.cancelExpiry();
    if (partial.received === 0) this.#forget(hash, partial);
    else partial.cancelExpiry = this.#bounds.clock.after(this.#bounds.uploadIdleMs, () => this.#forget(hash, partial));
  }

  #forget(hash: Hash, partial: Partial): void {
    partial.cancelExpiry();
    if (this.#partials.get(hash) !== partial) return;
    this.#partials.delete(hash);
    this.#reserved -= partial.bytes.length;
  }

  async #store(hash: Hash, partial: Partial): Promise<void> {
    try {
      const actual = partial.hasher.digest('hex');
      if (actual !== hash) throw new GodwitError('DATA_LOSS', `the ${partial.received} bytes that came for blob ${hash} hash to ${actual}`);
      await this.#blobs.put(partial.bytes);
    } finally {
      this.#forget(hash, partial);
    }
  }

  /** Forgets every upload. */
  close(): void {
    for (const [hash, partial] of this.#partials) this.#forget(hash, partial);
  }
}

async function fill(hash: Hash, partial: Partial, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of chunks) {
    if (partial.received + chunk.length > partial.bytes.length) {
      throw new GodwitError('INVALID_ARGUMENT', `more than the announced ${partial.bytes.length} bytes came for blob ${hash}`);
    }
    partial.bytes.set(chunk, partial.received);
    partial.hasher.update(chunk);
    partial.received += chunk.length;
  }
}
