// How the output of a build lies in its directory: whoever writes it and whoever reads it agree by this file.
//
//   index.json                       what there is
//   manifests/<definition>@<n>.json  one a definition and version
//   blobs/<sha256>                   what manifests name: programs and models
//   maps/<sha256 of a program>.map   source maps, which stay where the build was made: no manifest names one
import { GodwitError } from '../errors.js';
import type { Hash } from '../ports/digest.js';

/** A later format is refused. */
const format = 1;

/** One entry of the index. */
export interface BuiltModule {
  readonly definition: string;
  readonly version: number;
  readonly program: Hash;
}

/** Paths inside the directory, with slashes. */
export const buildPaths = {
  index: 'index.json',
  manifest: ({ definition, version }: Pick<BuiltModule, 'definition' | 'version'>): string => `manifests/${definition}@${version}.json`,
  blob: (hash: Hash): string => `blobs/${hash}`,
  map: (program: Hash): string => `maps/${program}.map`,
} as const;

/** The text of an index. */
export function formatIndex(modules: readonly BuiltModule[]): string {
  return `${JSON.stringify({ format, modules }, null, 2)}\n`;
}

/** @throws {GodwitError} DATA_LOSS it is no index · FAILED_PRECONDITION a later version of Godwit wrote it */
export function parseIndex(text: string): readonly BuiltModule[] {
  const index = jsonFrom(text) as { readonly format?: unknown; readonly modules?: unknown } | null;
  if (typeof index?.format === 'number' && index.format > format)
    throw new GodwitError('FAILED_PRECONDITION', `its format is ${index.format}, and this version of godwit reads ${format}: update godwit, or build again`);
  if (index?.format !== format || !Array.isArray(index.modules) || !index.modules.every((built) => built instanceof Object))
    throw new GodwitError('DATA_LOSS', 'it is no index of a build');
  return index.modules as readonly BuiltModule[];
}

function jsonFrom(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GodwitError('DATA_LOSS', 'it is no JSON', { cause });
  }
}
