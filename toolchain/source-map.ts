import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What this looks at of https://tc39.es/ecma426/ */
interface SourceMap {
  readonly sources: readonly string[];
  readonly sourcesContent?: ReadonlyArray<string | null>;
}

const core = fileURLToPath(import.meta.resolve('#core'));
/** Where this package lies. */
export const packageFolder = join(dirname(core), '..', '..');
const modulesFolder = '/node_modules/';

/**
 * A source map that is the same wherever its sources lie: their names are relative to `folder`, those of packages begin with the package's.
 * @param entry name of the source that is no file, and whose text says where the files lay: it goes
 */
export function portableMap(text: string, folder: string, entry: string): string {
  const map = JSON.parse(text) as SourceMap;
  const isEntry = (source: string) => source === entry || source.endsWith(`/${entry}`);
  const sources = map.sources.map((source) => (isEntry(source) ? entry : portableName(resolve(folder, source), folder)));
  const sourcesContent = map.sourcesContent?.map((content, n) => (isEntry(map.sources[n]) ? null : content));
  return JSON.stringify({ ...map, sources, ...(sourcesContent === undefined ? {} : { sourcesContent }) });
}

function portableName(path: string, folder: string): string {
  if (path.startsWith(packageFolder + sep)) return `godwit/${slashed(relative(packageFolder, path))}`;
  const whole = slashed(path);
  const at = whole.lastIndexOf(modulesFolder);
  return at < 0 ? slashed(relative(folder, path)) : whole.slice(at + modulesFolder.length);
}

function slashed(path: string): string {
  return path.replaceAll('\\', '/');
}
