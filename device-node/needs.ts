import type { Needs } from '#core';

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
