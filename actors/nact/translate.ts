/**
 * A message with its references exchanged: a copy of what holds one, through plain objects, arrays, Maps and Sets; the very message if it holds none.
 * @param swap gives what stands for an object on the other side; undefined for an object that is no reference
 */
export function translate(message: unknown, swap: (value: object) => object | undefined): unknown {
  const copies = new Map<object, object>();
  let swapped = false;
  const copyOf = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    const known = copies.get(value);
    if (known !== undefined) return known;
    const other = swap(value);
    if (other !== undefined) {
      swapped = true;
      copies.set(value, other);
      return other;
    }
    return copyInside(value, copies, copyOf);
  };
  const copy = copyOf(message);
  return swapped ? copy : message;
}

/** Before its contents are looked at, a copy is known: a message may hold itself. */
function copyInside(value: object, copies: Map<object, object>, copyOf: (value: unknown) => unknown): object {
  if (Array.isArray(value)) {
    const copy: unknown[] = [];
    copies.set(value, copy);
    for (const item of value) copy.push(copyOf(item));
    return copy;
  }
  if (value instanceof Map) {
    const copy = new Map<unknown, unknown>();
    copies.set(value, copy);
    for (const [key, item] of value) copy.set(copyOf(key), copyOf(item));
    return copy;
  }
  if (value instanceof Set) {
    const copy = new Set<unknown>();
    copies.set(value, copy);
    for (const item of value) copy.add(copyOf(item));
    return copy;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  const copy: Record<string, unknown> = {};
  copies.set(value, copy);
  for (const [key, item] of Object.entries(value)) copy[key] = copyOf(item);
  return copy;
}
