import { isRef } from '../actors/ref.js';
import { maxDepth } from './format.js';
import { isPlain } from './plain.js';
import { refusal } from './refusal.js';

const loneSurrogate = /\p{Surrogate}/u;

/**
 * The one JSON text of a value: keys in the order of their UTF-16 code units, no space, numbers as ECMAScript writes them.
 * @throws {GodwitError} INVALID_ARGUMENT something in it has no JSON of its own: then two values would share a text
 * @see RFC 8785, JSON Canonicalization Scheme
 */
export function canonicalJson(value: unknown): string {
  return textOf(value, value, 0);
}

function textOf(value: unknown, root: unknown, depth: number): string {
  if (value === null || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return JSON.stringify(value);
  if (typeof value === 'string') {
    if (loneSurrogate.test(value)) throw refusal(root, value, 'half a surrogate pair');
    return JSON.stringify(value);
  }
  if (typeof value !== 'object') throw refusal(root, value);
  if (depth >= maxDepth) throw refusal(root, value, `nesting deeper than ${maxDepth} levels`);
  // `from` also meets the holes of an array, which `map` passes over.
  if (Array.isArray(value)) return `[${Array.from(value, (item: unknown) => textOf(item, root, depth + 1)).join(',')}]`;
  if (!isPlain(value) || isRef(value)) throw refusal(root, value);
  const fields = Object.keys(value)
    .sort()
    .map((key) => `${textOf(key, root, depth)}:${textOf((value as Record<string, unknown>)[key], root, depth + 1)}`);
  return `{${fields.join(',')}}`;
}
