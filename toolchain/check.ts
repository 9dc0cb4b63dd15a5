import { type Code, GodwitError } from '#core';
import { modulesOf } from './source-modules.js';

/** What keeps a source from leaving its device. @public */
export interface Finding {
  /** The source as it was given. */
  readonly source: string;
  readonly code: Code;
  /** What is wrong, where, and how to mend it. */
  readonly message: string;
  readonly details?: unknown;
}

/**
 * Everything that a build of these sources would refuse; nothing is written.
 * @throws {GodwitError} FAILED_PRECONDITION esbuild is not installed
 * @public
 */
export async function check(sources: readonly string[]): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const source of sources) findings.push(...(await findingsOf(source)));
  return findings;
}

/** The one place where findings come from. */
async function findingsOf(source: string): Promise<readonly Finding[]> {
  try {
    await modulesOf(source, {});
    return [];
  } catch (thrown) {
    const { code, message, details } = GodwitError.from(thrown, 'INTERNAL');
    if (code === 'FAILED_PRECONDITION') throw thrown;
    return [{ source, code, message, ...(details === undefined ? {} : { details }) }];
  }
}
