// Words that a stream of records says often (message names, targets) are sent once and by slot from then on. ECMAScript only.
// Slots are reused in turn: the stream is ordered, so a slot is always filled anew before it is used with its new meaning.
import type { Target } from '#core';

/** Slots of one direction of one instance; bounds the memory a chatty stream costs on both sides. Slot 0 is 'none'. */
const slotCount = 512;

/** Two slots that one record uses. */
export interface Slots {
  word: number;
  target: number;
}

/** Writing side. `define` is called before the first use of a slot's meaning. */
export class Dictionary {
  private readonly both: Slots = { word: 0, target: 0 };
  private words = new Map<string, number>();
  private targets = new Map<string, { readonly protocol: unknown; readonly slot: number }>();
  private readonly owners: Array<{ readonly map: Map<string, unknown>; readonly key: string } | undefined> = [];
  private last = 0;

  constructor(private readonly define: (slot: number, value: unknown) => void) {}

  word(word: string): number {
    const known = this.words.get(word);
    if (known !== undefined) return known;
    const slot = this.take(this.words, word);
    this.words.set(word, slot);
    this.define(slot, word);
    return slot;
  }

  target(target: Target): number {
    const { $address, $protocol } = target;
    const known = this.targets.get($address);
    if (known !== undefined && known.protocol === $protocol) return known.slot;
    const slot = this.take(this.targets, $address);
    this.targets.set($address, { protocol: $protocol, slot });
    const { definition, version, messages } = $protocol;
    this.define(slot, { $address, $protocol: { definition, version, messages } });
    return slot;
  }

  /** Slots of a word and of a target or second word that one record uses; valid until the next call. */
  pair(word: string, beside: Target | string): Slots {
    const { both } = this;
    this.word(word);
    both.target = typeof beside === 'string' ? this.word(beside) : this.target(beside);
    // Filling the second slot may have taken the first one's; filling that anew takes the next one, never the second.
    both.word = this.word(word);
    return both;
  }

  /** Forgets all meanings: some definitions were dropped with their segment. */
  forget(): void {
    this.words.clear();
    this.targets.clear();
    this.owners.length = 0;
  }

  private take(map: Map<string, unknown>, key: string): number {
    this.last = (this.last % slotCount) + 1;
    const owner = this.owners[this.last];
    // A target that was defined again with another protocol has left its first slot to nobody.
    const current = owner?.map.get(owner.key);
    if (owner !== undefined && (typeof current === 'number' ? current : (current as { slot?: number } | undefined)?.slot) === this.last)
      owner.map.delete(owner.key);
    this.owners[this.last] = { map, key };
    return this.last;
  }
}

/** True for a slot that a writer may fill. */
export function isSlot(slot: number): boolean {
  return slot >= 1 && slot <= slotCount;
}
