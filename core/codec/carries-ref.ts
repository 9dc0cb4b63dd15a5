import { isRef } from '../actors/ref.js';

/** Objects after which a walk stops trusting that the graph is small and begins to remember what it saw. */
const objectBudget = 256;
/** Depth at which the quick walk gives up: cycles end here, and so does the use of stack. */
const quickDepth = 32;

let objectsLeft = 0;

/**
 * True if a ref can be reached in `value`, through whatever the codec carries. For every payload that stays on its node, hence the
 * quick walk: no set and no allocation for payloads of up to 256 objects; larger, deeper and cyclic ones are walked again with a set.
 */
export function carriesRef(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  objectsLeft = objectBudget;
  return quickly(value, 0) ?? thoroughly(value);
}

/** @returns undefined if the budget did not suffice, or something other than plain objects and arrays was met */
function quickly(value: object, depth: number): boolean | undefined {
  if (depth >= quickDepth || --objectsLeft < 0) return undefined;
  // Not Object.getPrototypeOf, which costs more than the whole walk over a small object.
  if (value.constructor !== Object) return quicklyOther(value, depth);
  for (const key in value) {
    const child = (value as Record<string, unknown>)[key];
    if (typeof child !== 'object' || child === null) continue;
    const found = quickly(child, depth + 1);
    if (found !== false) return found;
  }
  return false;
}

function quicklyOther(value: object, depth: number): boolean | undefined {
  if (!Array.isArray(value)) return isRef(value) || (isLeaf(value) ? false : undefined);
  for (let i = 0; i < value.length; i++) {
    const child: unknown = value[i];
    if (typeof child !== 'object' || child === null) continue;
    const found = quickly(child, depth + 1);
    if (found !== false) return found;
  }
  return false;
}

function thoroughly(root: object): boolean {
  const met = new Set<object>([root]);
  const meet = (child: unknown) => {
    if (typeof child === 'object' && child !== null) met.add(child);
  };
  // A Set is walked in the order of insertion, additions during the walk included: it is the queue as well.
  for (const value of met) {
    if (isRef(value)) return true;
    if (isLeaf(value)) continue;
    if (Array.isArray(value)) value.forEach(meet);
    else if (value instanceof Map) {
      for (const [key, item] of value) {
        meet(key);
        meet(item);
      }
    } else if (value instanceof Set) for (const item of value) meet(item);
    else {
      if (value instanceof Error) {
        meet(value.cause);
        meet((value as { details?: unknown }).details);
      }
      for (const key in value) meet((value as Record<string, unknown>)[key]);
    }
  }
  return false;
}

/** Carries bytes or a fixed content, never another value. */
function isLeaf(value: object): boolean {
  return ArrayBuffer.isView(value) || value instanceof Date || value instanceof RegExp || value instanceof ArrayBuffer;
}
