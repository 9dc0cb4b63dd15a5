// The globals that a program uses in files that tag nothing: those are bundled as they are, and what of them is still there when the bundler has left
// out what nothing uses is what an actor takes along. The program itself is looked at, and each use told of where it was written.
//
// Packages are left out: they ask at run time where they are, in more ways than can be told from a mistake. A file may do so by `typeof`.
import { SourceMap, type SourceMapPayload } from 'node:module';
import { dirname, relative, resolve, sep } from 'node:path';
import { createFinding, type Finding, freeGlobals, guestGlobals, insteadOf, offsetAt } from './analysis/index.js';
import { packageFolder } from './source-map.js';

/** A global as a file of the user's uses it. */
interface Use {
  readonly name: string;
  /** The file, absolute. */
  readonly source: string;
  /** As that file has them: from 0. */
  readonly line: number;
  readonly column: number;
}

/**
 * A finding for each global that a guest lacks and a file uses, at its first place there.
 * @param chainOf the files that lead from the program's entry to one of them, if that is known
 */
export async function checkImportedGlobals(
  program: string,
  map: SourceMapPayload,
  mapPath: string,
  chainOf: (path: string) => readonly string[],
): Promise<Finding[]> {
  const { free, tested } = await freeGlobals(program);
  const lines = lineStarts(program);
  const sourceMap = new SourceMap(map);
  const useAt = (name: string, offset: number): Use | undefined => {
    const line = lines.findLastIndex((start) => start <= offset);
    const entry = sourceMap.findEntry(line, offset - (lines[line] ?? 0));
    // A package's own map may name no file.
    if (!('originalSource' in entry) || isUrl(entry.originalSource)) return undefined;
    return { name, source: resolve(dirname(mapPath), entry.originalSource), line: entry.originalLine, column: entry.originalColumn };
  };
  const usesOf = (found: ReadonlyMap<string, readonly number[]>) => [...found].flatMap(([name, at]) => at.flatMap((offset) => useAt(name, offset) ?? []));
  const excused = new Set(usesOf(tested).map(keyOf));
  const first = new Map<string, Use>();
  for (const use of usesOf(free))
    if (!guestGlobals.has(use.name) && isUsers(use.source) && !excused.has(keyOf(use)) && !first.has(keyOf(use))) first.set(keyOf(use), use);
  return [...first.values()].flatMap((use) => findingOf(use, map, mapPath, chainOf) ?? []);
}

function findingOf(
  { name, source, line, column }: Use,
  map: SourceMapPayload,
  mapPath: string,
  chainOf: (path: string) => readonly string[],
): Finding | undefined {
  const at = map.sources.findIndex((one) => resolve(dirname(mapPath), one) === source);
  const code = map.sourcesContent?.[at];
  if (code === undefined || code === null) return undefined;
  const start = offsetAt(code, line + 1, column + 1);
  const end = code.startsWith(name, start) ? start + name.length : start + 1;
  const way = chainOf(source);
  const message = `this file${way.length > 1 ? `, which what may move imports (${way.join(' → ')}),` : ''} uses the global '${name}', which may not be used in a guest`;
  return createFinding({ path: relative('', source), code }, [start, end], 'GW1007', { message, fix: insteadOf(name), name });
}

function keyOf({ name, source }: Use): string {
  return `${name} ${source}`;
}

/** True for a file that is neither of a package nor of ours. */
export function isUsers(path: string): boolean {
  return !path.startsWith(packageFolder + sep) && !path.includes(`${sep}node_modules${sep}`);
}

function isUrl(source: string): boolean {
  return /^[a-z][\w+.-]+:/i.test(source);
}

function lineStarts(text: string): number[] {
  return [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
}
