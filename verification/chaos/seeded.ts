/** Choices that a seed makes: the same seed and label make the same ones in the same order. */
export interface Seeded {
  /** From 0 to 1, excluding 1. */
  share(): number;
  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number;
  /** One of them. */
  pick<T>(items: readonly T[]): T;
}

/** @see splitmix32, after Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014 */
export function seeded(seed: number, label: string): Seeded {
  let state = seed | 0;
  const next = () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  for (const character of label) state ^= next() ^ (character.codePointAt(0) ?? 0);
  const share = () => next() / 2 ** 32;
  return {
    share,
    between: (low, high) => low + Math.floor(share() * (high - low + 1)),
    pick: (items) => items[Math.floor(share() * items.length)],
  };
}
