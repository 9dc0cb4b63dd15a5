import { isRef } from '../actors/ref.js';
import { maxDepth } from './format.js';

/** Beyond so many objects a Set finds a repeated one faster than a scan of the list (measured on V8 and QuickJS). */
const listedObjects = 24;

/** True for an object that carries nothing but its properties: prototype null, or Object.prototype of any realm. */
export function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === Object.prototype || prototype === null || (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf'));
}

/**
 * True if JSON text keeps `value` whole: a tree, not too deep, of plain objects, full arrays, strings, booleans, null and finite numbers but -0.
 */
export function isJsonTree(value: unknown): boolean {
  return typeof value === 'object' && value !== null ? isJsonObject(value, 0, { list: [], set: undefined }) : isJsonPrimitive(value);
}

/** The objects of a tree so far: one met twice makes it no tree. */
interface Met {
  readonly list: object[];
  set: Set<object> | undefined;
}

function isJsonPrimitive(value: unknown): boolean {
  // A number less itself is 0 exactly if it is finite; -0 would come back as 0.
  return typeof value === 'number'
    ? value === 0
      ? 1 / value > 0
      : value - value === 0
    : typeof value === 'string' || typeof value === 'boolean' || value === null;
}

// Strings and numbers are looked at in place: a call per property costs an interpreter more than the rest of the loop.
function isJsonObject(value: object, depth: number, met: Met): boolean {
  if (depth >= maxDepth || !isFirstMet(value, met)) return false;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const child: unknown = value[i];
      if (typeof child === 'string' || (typeof child === 'number' && child !== 0 && child - child === 0)) continue;
      if (typeof child === 'object' && child !== null ? !isJsonObject(child, depth + 1, met) : !isJsonPrimitive(child)) return false;
    }
    return true;
  }
  if (!isPlain(value) || isRef(value)) return false;
  for (const key in value) {
    const child = (value as Record<string, unknown>)[key];
    if (typeof child === 'string' || (typeof child === 'number' && child !== 0 && child - child === 0)) continue;
    if (typeof child === 'object' && child !== null ? !isJsonObject(child, depth + 1, met) : !isJsonPrimitive(child)) return false;
  }
  return true;
}

function isFirstMet(value: object, met: Met): boolean {
  if (met.set !== undefined) return met.set.size !== met.set.add(value).size;
  if (met.list.includes(value)) return false;
  if (met.list.push(value) > listedObjects) met.set = new Set(met.list);
  return true;
}
