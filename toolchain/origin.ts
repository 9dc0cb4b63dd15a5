import { readFile } from 'node:fs/promises';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { dirname, relative, resolve } from 'node:path';
import { createFinding, type Finding, type FindingText, offsetAt } from './analysis/index.js';

/** A finding in compiled code, told of the source it was compiled from; itself if that is not known or not there. @param code of the file at `path` */
export async function atOrigin(finding: Finding, path: string, code: string): Promise<Finding> {
  const [, name] = /\/\/# sourceMappingURL=(?!data:)(\S+)\s*$/.exec(code) ?? [];
  if (name === undefined) return finding;
  try {
    const mapPath = resolve(dirname(path), name);
    const map = new SourceMap(JSON.parse(await readFile(mapPath, 'utf8')) as SourceMapPayload);
    const entry = map.findEntry(finding.line - 1, finding.column - 1);
    if (!('originalSource' in entry)) return finding;
    const originPath = resolve(dirname(mapPath), entry.originalSource);
    const origin = await readFile(originPath, 'utf8');
    const start = offsetAt(origin, entry.originalLine + 1, entry.originalColumn + 1);
    const text = code.slice(offsetAt(code, finding.line, finding.column), offsetAt(code, finding.endLine, finding.endColumn));
    const end = start + (origin.startsWith(text, start) ? text.length : 1);
    const { message, fix, name: captured } = finding;
    const told: FindingText = captured === undefined ? { message, fix } : { message, fix, name: captured };
    return createFinding({ path: relative('', originPath), code: origin }, [start, end], finding.code, told);
  } catch {
    // The map or the source was not shipped: the place in the compiled code is still right.
    return finding;
  }
}
