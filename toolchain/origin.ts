import { readFile } from 'node:fs/promises';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { dirname, relative, resolve } from 'node:path';
import { createFinding, type Finding, type FindingText, offsetAt } from './analysis/index.js';

/** The map beside compiled code, with its sources as paths; undefined if there is none. @param code of the file at `path` */
export async function originMap(path: string, code: string): Promise<SourceMapPayload | undefined> {
  const [, name] = /\/\/# sourceMappingURL=(?!data:)(\S+)\s*$/.exec(code) ?? [];
  if (name === undefined) return undefined;
  const mapPath = resolve(dirname(path), name);
  try {
    const map = JSON.parse(await readFile(mapPath, 'utf8')) as SourceMapPayload;
    return { ...map, sources: map.sources.map((source) => resolve(dirname(mapPath), map.sourceRoot ?? '', source)), sourceRoot: '' };
  } catch {
    // It was not shipped: places in the compiled code are still right.
    return undefined;
  }
}

/** A finding in compiled code, told of the source it was compiled from; itself if that is not known or not there. @param code of the file at `path` */
export async function atOrigin(finding: Finding, path: string, code: string): Promise<Finding> {
  const map = await originMap(path, code);
  const entry = map && new SourceMap(map).findEntry(finding.line - 1, finding.column - 1);
  if (entry === undefined || !('originalSource' in entry)) return finding;
  const origin = await readFile(entry.originalSource, 'utf8').catch(() => undefined);
  if (origin === undefined) return finding;
  const start = offsetAt(origin, entry.originalLine + 1, entry.originalColumn + 1);
  const text = code.slice(offsetAt(code, finding.line, finding.column), offsetAt(code, finding.endLine, finding.endColumn));
  const end = start + (origin.startsWith(text, start) ? text.length : 1);
  const { message, fix, name } = finding;
  const told: FindingText = name === undefined ? { message, fix } : { message, fix, name };
  return createFinding({ path: relative('', entry.originalSource), code: origin }, [start, end], finding.code, told);
}
