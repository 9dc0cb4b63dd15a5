import { corrupt } from './corrupt.js';
import { maxDepth, maxRegexpBrackets, maxTextBrackets } from './format.js';

// Text that an engine parses by recursion, guarded: what could nest deep enough to end the engine is never handed to it.

/** Brackets that open in JSON text, those in its strings included: never less than its depth. */
export function bracketsIn(text: string): number {
  // Native on every engine; a loop over the characters is 100 times slower in an interpreter.
  return text.split('[').length + text.split('{').length - 2;
}

/** The value of JSON text from elsewhere. @throws {GodwitError} DATA_LOSS if it could be deep enough to end an engine · SyntaxError if it is no JSON */
export function parseJson(text: string): unknown {
  const brackets = text.length <= maxDepth ? 0 : bracketsIn(text);
  if (brackets > maxTextBrackets) throw corrupt(`JSON text of more than ${maxTextBrackets} brackets`);
  const value: unknown = JSON.parse(text);
  if (brackets > maxDepth) checkDepth(value, 0);
  return value;
}

function checkDepth(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth >= maxDepth) throw corrupt(`nested deeper than ${maxDepth} levels`);
  if (Array.isArray(value)) for (let i = 0; i < value.length; i++) checkDepth(value[i], depth + 1);
  else for (const key in value) checkDepth((value as Record<string, unknown>)[key], depth + 1);
}

/** True if every engine can make a regular expression of this source without running out of stack. */
export function isSafeRegexpSource(source: string): boolean {
  return source.length <= maxRegexpBrackets || source.split('[').length + source.split('(').length - 2 <= maxRegexpBrackets;
}
