import { GodwitError } from '../errors.js';
import type { AnyDefinition } from './definition.js';

/**
 * A captured state as the definition wants it.
 * @param version of the code that left it
 * @throws {GodwitError} FAILED_PRECONDITION it is of a later version, or the definition has no way from it to its own
 */
export function upgraded(definition: AnyDefinition | undefined, state: unknown, version: number, address: string): unknown {
  if (definition === undefined || version === definition.version) return state;
  const { name, upgrade } = definition;
  if (version > definition.version) {
    throw new GodwitError(
      'FAILED_PRECONDITION',
      `actor ${address} is of version ${version} of ${name}, and here is version ${definition.version}: update it here first`,
    );
  }
  if (upgrade === undefined) {
    throw new GodwitError(
      'FAILED_PRECONDITION',
      `actor ${address} is of version ${version} of ${name}, and version ${definition.version} does not say how to read its state: give its definition \`upgrade(state, version)\``,
    );
  }
  try {
    return upgrade(state, version);
  } catch (thrown) {
    const cause = GodwitError.from(thrown);
    throw new GodwitError(
      'FAILED_PRECONDITION',
      `actor ${address} cannot be upgraded from version ${version} of ${name} to ${definition.version}: ${cause.message}`,
      { cause },
    );
  }
}
