import { isRef } from '../actors/ref.js';
import { maxDepth } from './format.js';
import { isPlain } from './plain.js';
import { refusal } from './refusal.js';

const loneSurrogate = /\p{Surrogate}/u;

/**
 * The one JSON text of a value: keys in the order of their UTF-16 code units, no space, numbers as ECMAScript writes them (-0 as 0).
 * @throws {GodwitError} INVALID_ARGUMENT something in it has no JSON of its own, or is in it twice: the text of a tree is about as long as the tree
 * @see RFC 8785, JSON Canonicalization Scheme
 */
export function canonicalJson(root: unknown): string {
  const met = new Set<object>();
  const textOf = (value: unknown, depth: number): string => {
    if (value === null || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return JSON.stringify(value);
    if (typeof value === 'string') {
      if (loneSurrogate.test(value)) throw refusal(root, value, 'half a surrogate pair');
      return JSON.stringify(value);
    }
    if (typeof value !== 'object') throw refusal(root, value);
    if (met.has(value)) throw refusal(root, value, 'an object met twice');
    if (depth >= maxDepth) throw refusal(root, value, `nesting deeper than ${maxDepth} levels`);
    met.add(value);
    // `from` also meets the holes of an array, which `map` passes over.
    if (Array.isArray(value)) return `[${Array.from(value, (item: unknown) => textOf(item, depth + 1)).join(',')}]`;
    if (!isPlain(value) || isRef(value)) throw refusal(root, value);
    const fields = Object.keys(value).sort();
    return `{${fields.map((key) => `${textOf(key, depth)}:${textOf((value as Record<string, unknown>)[key], depth + 1)}`).join(',')}}`;
  };
  return textOf(root, 0);
}
