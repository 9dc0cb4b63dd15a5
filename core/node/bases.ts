import type { Hash } from '../ports/digest.js';

interface Kept {
  readonly hash: Hash;
  readonly turns: number;
}

/**
 * Serialised actors this node answers for: retained copies of those that moved away, and checkpoints of those whose home is here.
 * A copy stays until the register names a later one: that is what a takeover begins from (I5).
 */
export class Bases {
  private readonly bytesOf = new Map<Hash, Uint8Array>();
  private readonly keptFor = new Map<string, Kept[]>();

  get(hash: Hash): Uint8Array | undefined {
    return this.bytesOf.get(hash);
  }

  keep(actor: string, hash: Hash, turns: number, bytes: Uint8Array): void {
    this.bytesOf.set(hash, bytes);
    const kept = this.keptFor.get(actor);
    if (kept === undefined) this.keptFor.set(actor, [{ hash, turns }]);
    else if (!kept.some((other) => other.hash === hash)) kept.push({ hash, turns });
  }

  /** The register names a copy with `turns` behind it: older ones are needed no more. */
  prune(actor: string, turns: number): void {
    const kept = this.keptFor.get(actor);
    if (kept === undefined) return;
    for (const old of kept) if (old.turns < turns) this.bytesOf.delete(old.hash);
    this.keptFor.set(
      actor,
      kept.filter((other) => other.turns >= turns),
    );
  }

  forget(actor: string): void {
    for (const { hash } of this.keptFor.get(actor) ?? []) this.bytesOf.delete(hash);
    this.keptFor.delete(actor);
  }

  drop(actor: string, hash: Hash): void {
    this.bytesOf.delete(hash);
    const kept = this.keptFor.get(actor)?.filter((other) => other.hash !== hash) ?? [];
    if (kept.length === 0) this.keptFor.delete(actor);
    else this.keptFor.set(actor, kept);
  }
}
