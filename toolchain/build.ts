// Builds sources into a directory that a device takes its modules from.
//
// R1  The same sources and key give the same bytes in every file, wherever and whenever: nothing of the machine or the time goes in.
// R2  Every file is written whole, and the index last: until then a reader finds the build before, or an index of nothing, by which the next build
//     knows what one that was killed left behind. What builds before left over goes after the index.
// R3  A source map is in no blob, and no manifest names it: nothing that moves an actor can ask for it.
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type BuiltModule, buildPaths, formatIndex, GodwitError, type Hash, parseIndex } from '#core';
import type { ModuleOptions } from './module.js';
import { modulesOf, nameOf, type SourceModules } from './source-modules.js';

/** What {@link build} takes. @public */
export interface BuildOptions extends ModuleOptions {
  /** Files that export actor definitions, TypeScript or JavaScript. */
  readonly sources: readonly string[];
  /** Directory to write to: a new one, an empty one, or one that a build wrote before, of which what is no longer built is removed. */
  readonly out: string;
  /** Called before each source. @param done sources behind it */
  readonly progress?: (source: string, done: number) => void;
}

/** One module of a build. All sizes in bytes. @public */
export interface BuildReport extends BuiltModule {
  readonly source: string;
  readonly programBytes: number;
  readonly modelBytes: number;
  readonly mapBytes: number;
  /** Id of the key that signed it. */
  readonly signedBy: Hash | undefined;
}

/**
 * Bundles every definition that the sources export, but those pinned to their device, into a module directory.
 * @returns what was built, by name and version
 * @throws {GodwitError} INVALID_ARGUMENT a source has a fault, or two have the same definition and version · FAILED_PRECONDITION esbuild is not
 * installed, or `out` holds something else
 * @public
 */
export async function build(options: BuildOptions): Promise<readonly BuildReport[]> {
  const { sources, out, progress } = options;
  if (sources.length === 0) throw new GodwitError('INVALID_ARGUMENT', 'there is nothing to build: name the files that export actor definitions');
  await mustBeOurs(out);
  const built: SourceModules[] = [];
  for (const source of sources) {
    progress?.(source, built.length);
    built.push(await modulesOf(source, options));
  }
  const reports = built.flatMap(reportsOf).sort((a, b) => (a.definition === b.definition ? a.version - b.version : a.definition < b.definition ? -1 : 1));
  mustDiffer(reports);
  await write(out, filesOf(built), formatIndex(reports.map(({ definition, version, program }) => ({ definition, version, program }))));
  return reports;
}

function reportsOf({ source, modules, map }: SourceModules): BuildReport[] {
  const mapBytes = new TextEncoder().encode(map).length;
  return modules.map(({ manifest: { definition, version, program, programBytes, signature }, blobs }) => {
    const modelBytes = [...blobs].reduce((sum, [hash, bytes]) => (hash === program ? sum : sum + bytes.length), 0);
    return { definition, version, program, source, programBytes, modelBytes, mapBytes, signedBy: signature?.key };
  });
}

/** R3 */
function filesOf(built: readonly SourceModules[]): Map<string, Uint8Array | string> {
  const files = new Map<string, Uint8Array | string>();
  for (const { modules, map } of built) {
    for (const { manifest, blobs } of modules) {
      for (const [hash, bytes] of blobs) files.set(buildPaths.blob(hash), bytes);
      files.set(buildPaths.map(manifest.program), map);
      files.set(buildPaths.manifest(manifest), `${JSON.stringify(manifest, null, 2)}\n`);
    }
  }
  return files;
}

function mustDiffer(reports: readonly BuildReport[]): void {
  reports.forEach((report, n) => {
    const before = reports[n - 1];
    if (before?.definition === report.definition && before.version === report.version)
      throw new GodwitError('INVALID_ARGUMENT', `${nameOf(report)} is exported by ${before.source} and by ${report.source}: name one of them`);
  });
}

/** A directory of somebody else's is not built into. */
async function mustBeOurs(out: string): Promise<void> {
  const refuse = (reason: string, cause?: unknown) => new GodwitError('FAILED_PRECONDITION', `cannot build into ${out}: ${reason}`, { cause });
  const entries: string[] = await readdir(out).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return [];
    throw refuse(thrown.message, thrown);
  });
  if (entries.length === 0) return;
  try {
    parseIndex(await readFile(join(out, buildPaths.index), 'utf8'));
  } catch (thrown) {
    throw refuse('it holds what no build wrote; give a new directory', thrown);
  }
}

/** R2 */
async function write(out: string, files: ReadonlyMap<string, Uint8Array | string>, index: string): Promise<void> {
  const beganMs = Date.now();
  await mkdir(out, { recursive: true });
  await writeFile(join(out, buildPaths.index), formatIndex([]), { flag: 'wx' }).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code !== 'EEXIST') throw thrown;
  });
  for (const [path, content] of files) await writeWhole(join(out, path), content);
  await writeWhole(join(out, buildPaths.index), index);
  await removeLeftOver(out, files, beganMs);
}

const unfinished = '.unfinished';
const hash = '[0-9a-f]{64}';
/** The names that a build gives its files, whole or not, by folder: whatever else is there, somebody else put there. */
const ourNames = Object.entries({ blobs: hash, maps: `${hash}\\.map`, manifests: '[\\w.-]+@\\d+\\.json' }).map(
  ([folder, name]) => [folder, new RegExp(`^${name}(\\.[0-9a-f-]+\\${unfinished})?$`)] as const,
);

/** What was written since `beganMs` is of a build beside this one. */
async function removeLeftOver(out: string, files: ReadonlyMap<string, unknown>, beganMs: number): Promise<void> {
  for (const [folder, form] of ourNames) {
    for (const name of await readdir(join(out, folder))) {
      if (!form.test(name) || files.has(`${folder}/${name}`)) continue;
      const path = join(out, folder, name);
      const found = await stat(path).catch(() => undefined);
      if (found?.isFile() === true && found.mtimeMs < beganMs) await rm(path, { force: true });
    }
  }
}

async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const part = `${path}.${randomUUID()}${unfinished}`;
  await writeFile(part, content);
  await rename(part, path);
}
