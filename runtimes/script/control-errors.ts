import { transferHandlers } from 'comlink';
import { type ErrorValue, errorFromValue, GodwitError, valueFromError } from '#core';

// Comlink's own handler keeps message, name and stack only: code, details and cause of a GodwitError would be lost (FACTS §1).
const tag = 'godwit';
const maxCauses = 8;
/** Recognises a handler installed by another copy of this module in the same thread. */
const installed = Symbol.for('godwit.comlink.throw');

interface Thrown {
  readonly value: unknown;
}

interface ErrorWire {
  readonly [tag]: ErrorValue;
  readonly cause?: ErrorWire | { readonly plain: unknown };
}

interface ThrowHandler {
  canHandle(value: unknown): value is Thrown;
  serialize(thrown: Thrown): [unknown, Transferable[]];
  deserialize(wire: unknown): never;
  readonly [installed]?: true;
}

type Transferable = ArrayBuffer;

/** Makes GodwitErrors keep their identity (code, details, causes, remote stack) across Comlink in this thread. Idempotent; call it on both sides. */
export function keepErrorIdentity(): void {
  const original = transferHandlers.get('throw') as unknown as ThrowHandler;
  if (original[installed] === true) return;
  const handler: ThrowHandler = {
    [installed]: true,
    canHandle: (value): value is Thrown => original.canHandle(value),
    serialize: (thrown) => (GodwitError.is(thrown.value) ? [wireFromError(thrown.value, 0), []] : original.serialize(thrown)),
    deserialize(wire) {
      if (isErrorWire(wire)) throw errorFromWire(wire);
      return original.deserialize(wire);
    },
  };
  transferHandlers.set('throw', handler);
}

function wireFromError(error: GodwitError, depth: number): ErrorWire {
  const value = valueFromError(error);
  const wire = { [tag]: { ...value, ...(value.details === undefined ? {} : { details: cloneable(value.details) }) } };
  if (error.cause === undefined || depth >= maxCauses) return wire;
  return { ...wire, cause: GodwitError.is(error.cause) ? wireFromError(error.cause, depth + 1) : { plain: cloneable(error.cause) } };
}

function errorFromWire(wire: ErrorWire): GodwitError {
  const error = errorFromValue(wire[tag]);
  if (wire.cause !== undefined)
    Object.defineProperty(error, 'cause', {
      value: isErrorWire(wire.cause) ? errorFromWire(wire.cause) : wire.cause.plain,
      configurable: true,
      writable: true,
    });
  return error;
}

function isErrorWire(wire: unknown): wire is ErrorWire {
  return typeof wire === 'object' && wire !== null && tag in wire;
}

/** What structured clone refuses travels as text. */
function cloneable(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return String(value);
  }
}
