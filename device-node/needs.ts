import { GodwitError, type Needs } from '#core';

const unitBytes: Readonly<Record<string, number>> = { '': 1, B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** Bytes meant by a number or by text like '64MiB'. @throws {GodwitError} INVALID_ARGUMENT */
export function bytesFrom(memory: number | string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB|)\s*$/.exec(String(memory));
  const bytes = match === null ? Number.NaN : Math.ceil(Number(match[1]) * unitBytes[match[2]]);
  if (!Number.isSafeInteger(bytes)) throw new GodwitError('INVALID_ARGUMENT', `memory '${memory}' is no size: it looks like 67108864 or '64MiB'`);
  return bytes;
}

/** What the definition needs, with what a request says instead or in addition: lists are joined. */
export function joinNeeds(definition: Needs, request: Needs): Needs {
  const memory = request.memory ?? definition.memory;
  return {
    ...(memory === undefined ? {} : { memory }),
    hostFunctions: [...new Set([...(definition.hostFunctions ?? []), ...(request.hostFunctions ?? [])])],
    models: [...new Set([...(definition.models ?? []), ...(request.models ?? [])])],
    pinned: definition.pinned === true || request.pinned === true,
  };
}
