import { GodwitError } from '#core';

/** The error of whatever `signal` ended: its reason if that is one of ours, else CANCELLED naming `what`. */
export function abortError(signal: AbortSignal, what: string): GodwitError {
  return GodwitError.is(signal.reason) ? signal.reason : new GodwitError('CANCELLED', `${what} was given up`, { cause: signal.reason });
}
