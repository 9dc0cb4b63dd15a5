import { maxDepth } from './format.js';

/** Beyond so many objects a Set finds a repeated one faster than a scan of the list (measured on V8 and QuickJS). */
const listedObjects = 24;

/** True for an object that carries nothing but its properties: prototype null, or Object.prototype of any realm. */
export function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf'));
}

/** True if JSON text keeps `value` whole: a tree, not too deep, of plain objects, full arrays, strings, booleans, null and finite numbers but -0. */
export function isJsonTree(value: unknown): boolean {
  return new JsonCheck().accepts(value, 0);
}

class JsonCheck {
  #list: object[] = [];
  #set: Set<object> | undefined;

  accepts(value: unknown, depth: number): boolean {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return true;
      case 'number':
        return value === 0 ? 1 / value > 0 : value - value === 0;
      case 'object':
        return value === null || (depth < maxDepth && this.#firstMet(value) && this.#children(value, depth + 1));
      default:
        return false;
    }
  }

  #children(value: object, depth: number): boolean {
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) if (!this.accepts(value[i], depth)) return false;
      return true;
    }
    if (!isPlain(value)) return false;
    for (const key in value) if (!this.accepts((value as Record<string, unknown>)[key], depth)) return false;
    return true;
  }

  #firstMet(value: object): boolean {
    if (this.#set === undefined) {
      if (this.#list.includes(value)) return false;
      if (this.#list.push(value) > listedObjects) this.#set = new Set(this.#list);
      return true;
    }
    return this.#set.size !== this.#set.add(value).size;
  }
}
