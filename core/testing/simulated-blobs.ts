import { GodwitError } from '../errors.js';
import type { Blobs } from '../ports/blobs.js';
import type { Hash } from '../ports/digest.js';
import { sha256 } from './sha256.js';

/** The blobs of one life of a node: in its memory, gone with it. */
export class SimulatedBlobs implements Blobs {
  private readonly bytesOf = new Map<Hash, Uint8Array>();
  private readonly offered = new Set<string>();

  constructor(private readonly node: string) {}

  has(hash: Hash): Promise<boolean> {
    return Promise.resolve(this.bytesOf.has(hash));
  }

  async get(hash: Hash): Promise<Uint8Array> {
    const bytes = this.bytesOf.get(hash);
    if (bytes === undefined) throw new GodwitError('NOT_FOUND', `no blob ${hash} on node ${this.node}`);
    return bytes;
  }

  put(bytes: Uint8Array): Promise<Hash> {
    const hash = sha256(bytes);
    this.bytesOf.set(hash, bytes);
    return Promise.resolve(hash);
  }

  async delete(hash: Hash): Promise<void> {
    this.bytesOf.delete(hash);
  }

  /** @throws {GodwitError} NOT_FOUND it is not here */
  async offer(peer: string, hash: Hash): Promise<void> {
    await this.get(hash);
    this.offered.add(`${peer} ${hash}`);
  }

  /** What `peer` may have. */
  offeredTo(peer: string, hash: Hash): Uint8Array | undefined {
    return this.offered.has(`${peer} ${hash}`) ? this.bytesOf.get(hash) : undefined;
  }
}
