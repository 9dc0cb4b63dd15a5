import type { Hash } from '../ports/digest.js';

/**
 * Serialised actors this node answers for: retained copies of those that moved away, and checkpoints of those whose home is here.
 * A copy stays until the register names a later one: that is what a takeover begins from (I5).
 */
export class Bases {
  private readonly bytesOf = new Map<Hash, Uint8Array>();
  /** Hashes by actor, in the order in which they came. */
  private readonly keptFor = new Map<string, Hash[]>();
  /** Captures of moves: the very bytes may be those of a checkpoint too, and either goes without the other. */
  private readonly retained = new Map<Hash, { readonly actor: string; readonly bytes: Uint8Array }>();

  get(hash: Hash): Uint8Array | undefined {
    return this.bytesOf.get(hash) ?? this.retained.get(hash)?.bytes;
  }

  /** True if this copy is kept for this actor. */
  isFor(actor: string, hash: Hash): boolean {
    return this.keptFor.get(actor)?.includes(hash) === true || this.retained.get(hash)?.actor === actor;
  }

  keep(actor: string, hash: Hash, bytes: Uint8Array): void {
    this.bytesOf.set(hash, bytes);
    const kept = this.keptFor.get(actor);
    if (kept === undefined) this.keptFor.set(actor, [hash]);
    else if (!kept.includes(hash)) kept.push(hash);
  }

  /** A move's frozen copy, until `release`: whatever the register names meanwhile, it may name this next. */
  retain(actor: string, hash: Hash, bytes: Uint8Array): void {
    this.retained.set(hash, { actor, bytes });
  }

  release(hash: Hash): void {
    this.retained.delete(hash);
  }

  /** The register names this copy: those before it are needed no more. A move's copy is later than every checkpoint. */
  prune(actor: string, hash: Hash): void {
    const kept = this.keptFor.get(actor) ?? [];
    const index = kept.indexOf(hash);
    const older = index < 0 && this.isFor(actor, hash) ? kept : kept.slice(0, Math.max(0, index));
    for (const one of [...older]) this.drop(actor, one);
  }

  /** Another node keeps its checkpoints. A move's frozen copy is still this node's. */
  forgetCheckpoints(actor: string): void {
    for (const hash of this.keptFor.get(actor) ?? []) this.bytesOf.delete(hash);
    this.keptFor.delete(actor);
  }

  forget(actor: string): void {
    this.forgetCheckpoints(actor);
    for (const [hash, copy] of this.retained) if (copy.actor === actor) this.retained.delete(hash);
  }

  drop(actor: string, hash: Hash): void {
    this.bytesOf.delete(hash);
    const kept = this.keptFor.get(actor)?.filter((other) => other !== hash) ?? [];
    if (kept.length === 0) this.keptFor.delete(actor);
    else this.keptFor.set(actor, kept);
  }
}
