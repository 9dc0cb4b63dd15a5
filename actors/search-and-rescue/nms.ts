import { type Box, overlap } from './boxes.js';

/** Something seen at a place with some confidence. */
export interface Scored {
  readonly label: string;
  /** Confidence from 0 to 1. */
  readonly score: number;
  readonly box: Box;
}

/**
 * Non-maximum suppression per label: of several boxes on one thing the one with the highest score stays. Equal scores keep their order.
 * @param maxOverlap intersection over union above which a box counts as the same thing
 * @returns highest score first
 */
export function suppress<T extends Scored>(found: readonly T[], maxOverlap: number): T[] {
  const kept: T[] = [];
  for (const candidate of [...found].sort((a, b) => b.score - a.score)) {
    const same = kept.some((other) => other.label === candidate.label && overlap(other.box, candidate.box) > maxOverlap);
    if (!same) kept.push(candidate);
  }
  return kept;
}
