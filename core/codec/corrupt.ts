import { GodwitError } from '../errors.js';

/** The error for bytes that no encoder made. */
export function corrupt(problem: string, cause?: unknown): GodwitError {
  return new GodwitError('DATA_LOSS', `encoded value is corrupt: ${problem}`, { cause });
}
