// What may move to an edge: it runs there in a sandbox, so it uses nothing of Node.
import { actor, elastic } from 'godwit';

const source = import.meta.url;

/** Counts words, and remembers them wherever it is. */
export const WordCount = actor('word-count', {
  version: 1,
  source,
  state: () => ({ words: new Map<string, number>() }),
  on: {
    add(state, text: string): void {
      for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) state.words.set(word, (state.words.get(word) ?? 0) + 1);
    },
    most(state, count: number): Array<[string, number]> {
      return [...state.words].sort((a, b) => b[1] - a[1]).slice(0, count);
    },
  },
});

/** A function that is called as any other, and runs on the edge while it is offloaded. */
export const countPrimes = elastic(
  async function countPrimes(below: number): Promise<number> {
    const composite = new Uint8Array(Math.max(0, below));
    let primes = 0;
    for (let candidate = 2; candidate < below; candidate++) {
      if (composite[candidate] === 1) continue;
      primes += 1;
      for (let multiple = candidate * candidate; multiple < below; multiple += candidate) composite[multiple] = 1;
    }
    return primes;
  },
  { name: 'countPrimes', source },
);
