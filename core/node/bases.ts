import type { Hash } from '../ports/digest.js';

/**
 * Serialised actors this node answers for: retained copies of those that moved away, and checkpoints of those whose home is here.
 * A copy stays until the register names a later one: that is what a takeover begins from (I5).
 */
export class Bases {
  private readonly bytesOf = new Map<Hash, Uint8Array>();
  /** Hashes by actor, in the order in which they came. */
  private readonly keptFor = new Map<string, Hash[]>();
  /** Captures of moves under way: whatever the register names meanwhile, it may name them next. */
  private readonly pinned = new Set<Hash>();

  get(hash: Hash): Uint8Array | undefined {
    return this.bytesOf.get(hash);
  }

  /** True if this copy is kept for this actor. */
  isFor(actor: string, hash: Hash): boolean {
    return this.keptFor.get(actor)?.includes(hash) ?? false;
  }

  keep(actor: string, hash: Hash, bytes: Uint8Array): void {
    this.bytesOf.set(hash, bytes);
    const kept = this.keptFor.get(actor);
    if (kept === undefined) this.keptFor.set(actor, [hash]);
    else if (!kept.includes(hash)) kept.push(hash);
  }

  pin(hash: Hash): void {
    this.pinned.add(hash);
  }

  unpin(hash: Hash): void {
    this.pinned.delete(hash);
  }

  /** The register names this copy: those before it are needed no more. */
  prune(actor: string, hash: Hash): void {
    const kept = this.keptFor.get(actor) ?? [];
    for (const older of kept.slice(0, Math.max(0, kept.indexOf(hash)))) if (!this.pinned.has(older)) this.drop(actor, older);
  }

  forget(actor: string): void {
    for (const hash of this.keptFor.get(actor) ?? []) this.bytesOf.delete(hash);
    this.keptFor.delete(actor);
  }

  drop(actor: string, hash: Hash): void {
    this.bytesOf.delete(hash);
    const kept = this.keptFor.get(actor)?.filter((other) => other !== hash) ?? [];
    if (kept.length === 0) this.keptFor.delete(actor);
    else this.keptFor.set(actor, kept);
  }
}
