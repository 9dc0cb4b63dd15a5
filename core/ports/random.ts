/** Randomness as a node sees it; seeded in tests. */
export interface Random {
  /** `length` fresh random bytes. */
  bytes(length: number): Uint8Array;
}
