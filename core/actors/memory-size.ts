import { GodwitError } from '../errors.js';

const unitBytes: Readonly<Record<string, number>> = { '': 1, B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** Bytes meant by a number or by text like '64MiB'. @throws {GodwitError} INVALID_ARGUMENT */
export function bytesFrom(memory: number | string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB|)\s*$/.exec(String(memory));
  const bytes = match === null ? Number.NaN : Math.ceil(Number(match[1]) * unitBytes[match[2]]);
  if (!Number.isSafeInteger(bytes)) throw new GodwitError('INVALID_ARGUMENT', `memory '${memory}' is no size: it looks like 67108864 or '64MiB'`);
  return bytes;
}
