import { GodwitError } from '../errors.js';
import { maxDepth } from './format.js';

/**
 * The error for a value that cannot travel. It looks for `culprit` again from the root, so that encoding itself need not keep track of where it is.
 * @param problem what is wrong with it; default: what it is
 */
export function refusal(root: unknown, culprit: unknown, problem = describe(culprit)): GodwitError {
  const path = pathTo(root, culprit, '$', 0, new Set());
  return new GodwitError('INVALID_ARGUMENT', `payload is not serialisable: ${problem}${path === undefined ? '' : ` at ${path}`}`);
}

function describe(value: unknown): string {
  if (typeof value !== 'object' || value === null) return typeof value;
  const brand = Object.prototype.toString.call(value).slice('[object '.length, -1);
  if (brand !== 'Object') return brand;
  const name = (Object.getPrototypeOf(value) as { constructor?: { name?: unknown } } | null)?.constructor?.name;
  return `instance of class ${typeof name === 'string' && name !== '' ? name : '(anonymous)'}`;
}

function pathTo(value: unknown, culprit: unknown, path: string, depth: number, visited: Set<object>): string | undefined {
  if (value === culprit) return path;
  if (typeof value !== 'object' || value === null || visited.has(value) || depth > maxDepth) return undefined;
  visited.add(value);
  for (const [step, child] of children(value)) {
    const found = pathTo(child, culprit, path + step, depth + 1, visited);
    if (found !== undefined) return found;
  }
  return undefined;
}

function* children(value: object): Iterable<[step: string, child: unknown]> {
  if (ArrayBuffer.isView(value)) return;
  if (value instanceof Map) {
    let entry = 0;
    for (const [key, item] of value) {
      yield [`.<key ${entry}>`, key];
      yield [typeof key === 'string' ? `.get(${JSON.stringify(key)})` : `.<value ${entry}>`, item];
      entry++;
    }
  } else if (value instanceof Set) {
    let entry = 0;
    for (const item of value) yield [`.<item ${entry++}>`, item];
  } else if (value instanceof Error) {
    yield ['.cause', value.cause];
    yield ['.details', (value as { details?: unknown }).details];
  } else {
    for (const key of Object.keys(value)) yield [step(key, Array.isArray(value)), (value as Record<string, unknown>)[key]];
  }
}

function step(key: string, inArray: boolean): string {
  if (inArray) return `[${key}]`;
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}
