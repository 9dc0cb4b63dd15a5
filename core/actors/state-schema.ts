import { bufferKinds } from '../codec/format.js';
import { isPlain } from '../codec/plain.js';
import { refusal } from '../codec/refusal.js';
import { GodwitError } from '../errors.js';
import type { Digest, Hash } from '../ports/digest.js';
import type { AnyDefinition } from './definition.js';
import { isRef } from './ref.js';

/** Begins what is hashed: another way to write shapes gets another line. */
const domain = 'godwit-state-1\n';
/** What the codec carries as a whole, by brand. */
const whole: ReadonlySet<string> = new Set(['Date', 'RegExp', 'Error', ...bufferKinds.map(({ name }) => name)]);

/**
 * Hash of what a definition's state looks like: SHA-256 of a line that says `godwit-state-1` and the shape of its first state, in
 * UTF-8. A definition declares no schema of its state, so that is what there is: it tells fields and their kinds apart, but not what an
 * empty collection will hold. It depends on nothing but `state()`, so every node and every build comes to the same one.
 * @throws {GodwitError} INVALID_ARGUMENT `state()` throws, or makes what cannot move
 */
export async function stateSchemaOf(definition: Pick<AnyDefinition, 'name' | 'version' | 'state'>, digest: Digest): Promise<Hash> {
  let shape: string;
  try {
    shape = shapeOf(definition.state());
  } catch (thrown) {
    throw new GodwitError('INVALID_ARGUMENT', `the first state of ${definition.name} v${definition.version} cannot move: ${GodwitError.from(thrown).message}`, {
      cause: thrown,
    });
  }
  return digest.sha256(new TextEncoder().encode(domain + shape));
}

/**
 * Fields and kinds of a value as text: `{"by":number,"seen":Map<string,{"at":Date}>,"tags":[]}`. Keys are sorted, alternatives too; `^2` is the
 * object two levels up. A value of any realm.
 * @throws {GodwitError} INVALID_ARGUMENT the codec does not carry it
 */
function shapeOf(root: unknown): string {
  const above: object[] = [];
  const shape = (value: unknown): string => {
    if (value === null) return 'null';
    if (typeof value === 'function' || typeof value === 'symbol') throw refusal(root, value);
    return typeof value === 'object' ? inside(value) : typeof value;
  };
  const inside = (value: object): string => {
    const met = above.lastIndexOf(value);
    if (met >= 0) return `^${above.length - met}`;
    above.push(value);
    const text = ofObject(value);
    above.pop();
    return text;
  };
  const oneOf = (values: Iterable<unknown>) => [...new Set(Array.from(values, shape))].sort().join('|');
  const ofObject = (value: object): string => {
    if (isRef(value)) return 'ref';
    if (Array.isArray(value)) return `[${oneOf(value)}]`;
    const brand = Object.prototype.toString.call(value).slice('[object '.length, -1);
    if (brand === 'Map') return `Map<${oneOf((value as Map<unknown, unknown>).keys())},${oneOf((value as Map<unknown, unknown>).values())}>`;
    if (brand === 'Set') return `Set<${oneOf(value as Set<unknown>)}>`;
    if (whole.has(brand)) return brand;
    if (!isPlain(value)) throw refusal(root, value);
    const fields = Object.keys(value).sort();
    return `{${fields.map((key) => `${JSON.stringify(key)}:${shape((value as Record<string, unknown>)[key])}`).join(',')}}`;
  };
  return shape(root);
}
