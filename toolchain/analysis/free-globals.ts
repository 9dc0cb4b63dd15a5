import { GodwitError } from '#core';
import { parseModule } from './parse.js';
import { isFeatureTest } from './syntax.js';

/** Offsets of the globals in a program, by name. */
interface FreeGlobals {
  /** Where it uses them. */
  readonly free: ReadonlyMap<string, readonly number[]>;
  /** Where it asks by `typeof` whether there are any. */
  readonly tested: ReadonlyMap<string, readonly number[]>;
}

/** The globals that a program, bundled to plain JavaScript, uses by their names. @throws {GodwitError} FAILED_PRECONDITION the parser is not installed */
export async function freeGlobals(program: string): Promise<FreeGlobals> {
  const { module, fault } = await parseModule(program, 'program.js');
  if (module === undefined) throw new GodwitError('INTERNAL', `the program of a bundler does not parse: ${fault.message}`);
  const [free, tested] = [new Map<string, number[]>(), new Map<string, number[]>()];
  for (const { identifier } of module.references) {
    if (module.resolved.has(identifier)) continue;
    const places = isFeatureTest(identifier) ? tested : free;
    const { name, range } = identifier as { readonly name: string; readonly range: readonly [number, number] };
    places.set(name, [...(places.get(name) ?? []), range[0]]);
  }
  return { free, tested };
}
