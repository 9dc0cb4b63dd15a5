import { GodwitError } from '../errors.js';
import type { AnyDefinition } from './definition.js';

/**
 * A payload that came from another node, as the definition's schema gives it; a promise if the schema is asynchronous.
 * @throws {GodwitError} INVALID_ARGUMENT it does not fit, with the schema's reasons
 */
export function conform(definition: AnyDefinition, message: string, value: unknown, address: string): unknown {
  const schema = definition.schema[message];
  if (schema === undefined) return value;
  const accept = (result: { readonly value?: unknown; readonly issues?: ReadonlyArray<{ readonly message: string }> | undefined }): unknown => {
    if (result.issues === undefined) return result.value;
    throw new GodwitError(
      'INVALID_ARGUMENT',
      `payload of '${message}' for actor ${address} does not fit its schema: ${result.issues.map((issue) => issue.message).join('; ')}`,
    );
  };
  const result = schema['~standard'].validate(value);
  return isThenable(result) ? result.then((settled) => accept(settled as never)) : accept(result);
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
