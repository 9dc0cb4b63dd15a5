import { GodwitError } from '../errors.js';
import { type World, type WorldOptions, world } from './world.js';

/** Which worlds {@link forEachSeed} makes. @public */
export interface SeedOptions extends Omit<WorldOptions, 'seed'> {
  /** How many seeds. */
  readonly count: number;
  /** The first of them. Default 1. */
  readonly first?: number;
}

/**
 * Runs `test` in one world after the other, each of the next seed, until one fails.
 * @throws {GodwitError} ABORTED names the seed with which `world({ seed })` fails the same way again; its cause is what `test` threw
 * @public
 */
export async function forEachSeed(options: SeedOptions, test: (world: World) => Promise<void>): Promise<void> {
  const { count, first = 1, ...worldOptions } = options;
  for (let seed = first; seed < first + count; seed++) {
    const w = world({ ...worldOptions, seed });
    try {
      await test(w);
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      const message = `seed ${seed} failed, at ${w.nowMs} virtual ms: ${reason}; world({ seed: ${seed} }) does it again\n${w.describe()}`;
      throw new GodwitError('ABORTED', message, { cause: thrown, retryable: false, details: { seed, atMs: w.nowMs } });
    }
  }
}
