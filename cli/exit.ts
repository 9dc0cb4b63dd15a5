// The exit codes of the command, all of them, and which failure has which.
import type { Code, GodwitError } from '#core';

/** It ended in order, also when it was told to by a signal. */
export const exitOk = 0;
/** It could not start, or an application failed. */
export const exitFailed = 1;
/** Wrong options, a missing key, or an application file that is none: fix the command line. */
export const exitUsage = 2;
/** The node that was asked said no: no such actor, no offer, a wrong key. */
const exitRefused = 3;
/** The node that was asked does not run, cannot be reached, or did not answer in time. */
const exitUnreachable = 4;

/** What each code means, as the help says it. */
export const exitCodes: ReadonlyArray<readonly [code: number, meaning: string]> = [
  [exitOk, 'ended in order'],
  [exitFailed, 'failed'],
  [exitUsage, 'wrong options'],
  [exitRefused, 'the device or edge that was asked refused'],
  [exitUnreachable, 'it does not run, or did not answer'],
];

const unreachable: ReadonlySet<Code> = new Set<Code>(['UNAVAILABLE', 'DEADLINE_EXCEEDED']);

/** @param asks true for a command that asks a running node */
export function exitFor(error: GodwitError, asks: boolean): number {
  if (error.code === 'INVALID_ARGUMENT') return exitUsage;
  if (!asks) return exitFailed;
  return unreachable.has(error.code) ? exitUnreachable : exitRefused;
}
