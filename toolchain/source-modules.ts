// The modules of one source file: its program, and each definition that the program itself says it has. Whatever a build ships comes
// by this road, so what is described is what is shipped.
import { resolve } from 'node:path';
import { type Context, createContext, runInContext } from 'node:vm';
import { type AnyDefinition, GodwitError, type Manifest } from '#core';
import { guestGlobals } from './analysis/index.js';
import { createModule, type Module, type ModuleOptions } from './module.js';
import { bundleProgram } from './program.js';

/** What became of one source file. */
export interface SourceModules {
  /** As it was given. */
  readonly source: string;
  /** One per definition, but those pinned to their device. */
  readonly modules: readonly Module[];
  readonly map: string;
}

/** Milliseconds a program may take to load: its top level only defines things. */
const loadMs = 10_000;

/**
 * Bundles a source file and makes its modules.
 * @throws {GodwitError} INVALID_ARGUMENT it does not bundle, does not load where there is only ECMAScript, or exports no definition that may
 * leave its device; a definition's state cannot move · FAILED_PRECONDITION esbuild is not installed
 */
export async function modulesOf(source: string, options: ModuleOptions): Promise<SourceModules> {
  const { bytes, map } = await bundleProgram(resolve(source), source);
  const definitions = definitionsOf(bytes, source).filter(({ needs }) => needs.pinned !== true);
  if (definitions.length === 0)
    throw new GodwitError('INVALID_ARGUMENT', `${source} exports no actor definition that may leave its device: export what actor() returns`);
  const modules: Module[] = [];
  for (const definition of definitions) modules.push(await createModule(definition, bytes, options));
  return { source, modules, map };
}

/** 'map-server v2' */
export function nameOf({ definition, version }: Pick<Manifest, 'definition' | 'version'>): string {
  return `${definition} v${version}`;
}

/** Runs the program's top level in a realm that has what a guest has. The definitions are of that realm. */
function definitionsOf(program: Uint8Array, source: string): AnyDefinition[] {
  const realm: { godwitGuest?: { readonly definitions: ReadonlyMap<string, AnyDefinition> } } = guestRealm();
  try {
    runInContext(new TextDecoder().decode(program), realm, { timeout: loadMs });
  } catch (thrown) {
    throw new GodwitError('INVALID_ARGUMENT', `${source} does not load in a guest, which has ECMAScript and little more: ${String(thrown)}`, {
      cause: thrown,
    });
  }
  return [...(realm.godwitGuest?.definitions.values() ?? [])];
}

/** What the script engine has beside ECMAScript. */
const ofTheEngine = { atob, btoa, DOMException, queueMicrotask, performance: { now: () => performance.now(), timeOrigin: performance.timeOrigin } };
/** What a realm of Node has and a guest has not, or has of its own: the guest loop brings a console. */
const notOfGuests = (name: string) => name === 'console' || (name !== 'eval' && !guestGlobals.has(name));

/** The globals of a guest, but for those of ECMAScript that this version of Node does not have yet. */
function guestRealm(): Context {
  const realm = createContext({});
  const names = runInContext('Object.getOwnPropertyNames(globalThis)', realm) as string[];
  for (const name of names.filter(notOfGuests)) runInContext(`delete globalThis.${name}`, realm);
  return Object.assign(realm, ofTheEngine);
}
