import { type Code, GodwitError } from '#core';
import { type Finding, type FindingCode, formatFindings } from './analysis/index.js';
import { modulesOf } from './source-modules.js';

/** What keeps a source from leaving its device. @public */
export interface Refusal {
  /** The source as it was given. */
  readonly source: string;
  /** Of the rule that it breaks (docs/errors); of the error, if there is no such rule. */
  readonly code: Code | FindingCode;
  /** What is wrong, where, and how to mend it. */
  readonly message: string;
  /** If a rule is broken: the {@link Finding}. */
  readonly details?: unknown;
}

/**
 * Everything that a build of these sources would refuse; nothing is written.
 * @throws {GodwitError} FAILED_PRECONDITION esbuild or the parser is not installed
 * @public
 */
export async function check(sources: readonly string[]): Promise<readonly Refusal[]> {
  const refusals: Refusal[] = [];
  for (const source of sources) refusals.push(...(await refusalsOf(source)));
  return refusals;
}

/** The one place where refusals come from. */
async function refusalsOf(source: string): Promise<readonly Refusal[]> {
  try {
    await modulesOf(source, {});
    return [];
  } catch (thrown) {
    const { code, message, details } = GodwitError.from(thrown, 'INTERNAL');
    if (code === 'FAILED_PRECONDITION') throw thrown;
    const { findings } = (details ?? {}) as { readonly findings?: readonly Finding[] };
    if (findings !== undefined) return findings.map((finding) => ({ source, code: finding.code, message: formatFindings([finding]), details: finding }));
    return [{ source, code, message, ...(details === undefined ? {} : { details }) }];
  }
}
