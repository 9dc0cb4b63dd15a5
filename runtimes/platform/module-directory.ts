// The output of a build as a module source. Nothing is kept: a build made again is seen by the next move.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BuiltModule, blobsOf, buildPaths, GodwitError, type Hash, type Manifest, type ModuleSource, parseIndex, parseManifest } from '#core';

/**
 * The modules that `godwit build` wrote into a directory. Each blob is checked against its hash when it is read. Its `module` fails with
 * NOT_FOUND where there is no such directory or module, and DATA_LOSS where a file of it is missing, torn or changed: the actor then stays where it is.
 * @public
 */
export function moduleDirectory(path: string): ModuleSource {
  return {
    async module(definition, version) {
      const modules = await indexOf(path);
      const [entry] = modules.filter((built) => built.definition === definition).sort((a, b) => b.version - a.version);
      if (entry === undefined || entry.version < version) {
        const has = modules.map((built) => `${built.definition} v${built.version}`).join(', ') || 'nothing';
        throw new GodwitError('NOT_FOUND', `no module of ${definition} v${version} in ${path}, which has ${has}: build it with \`godwit build\``);
      }
      const manifest = await manifestOf(path, entry);
      const blobs = new Map<Hash, Uint8Array>();
      for (const hash of blobsOf(manifest)) blobs.set(hash, await blobOf(path, entry, hash));
      const map = await mapOf(path, manifest.program);
      return { manifest, blobs, ...(map === undefined ? {} : { map }) };
    },
  };
}

async function indexOf(path: string): Promise<readonly BuiltModule[]> {
  const file = join(path, buildPaths.index);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (thrown) {
    throw new GodwitError('NOT_FOUND', `${path} is no output of a build: ${GodwitError.from(thrown).message}`, { cause: thrown });
  }
  return within(file, () => parseIndex(text));
}

async function manifestOf(path: string, entry: BuiltModule): Promise<Manifest> {
  const file = join(path, buildPaths.manifest(entry));
  const text = new TextDecoder().decode(await bytesOf(file, entry));
  const manifest = within(file, () => parseManifest(JSON.parse(text)));
  if (manifest.definition === entry.definition && manifest.version === entry.version && manifest.program === entry.program) return manifest;
  throw damaged(entry, `${file} is the manifest of another module`);
}

async function blobOf(path: string, entry: BuiltModule, hash: Hash): Promise<Uint8Array> {
  const file = join(path, buildPaths.blob(hash));
  const bytes = await bytesOf(file, entry);
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual !== hash) throw damaged(entry, `${file} hashes to ${actual}`);
  return bytes;
}

/** Maps may have been left behind. */
async function mapOf(path: string, program: Hash): Promise<string | undefined> {
  return readFile(join(path, buildPaths.map(program)), 'utf8').catch(() => undefined);
}

async function bytesOf(file: string, entry: BuiltModule): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(file));
  } catch (thrown) {
    throw damaged(entry, GodwitError.from(thrown).message, thrown);
  }
}

function within<T>(file: string, parse: () => T): T {
  try {
    return parse();
  } catch (thrown) {
    const { code, message } = GodwitError.from(thrown, 'DATA_LOSS');
    throw new GodwitError(code === 'INVALID_ARGUMENT' ? 'DATA_LOSS' : code, `cannot read ${file}: ${message}`, { cause: thrown });
  }
}

function damaged({ definition, version }: BuiltModule, reason: string, cause?: unknown): GodwitError {
  return new GodwitError('DATA_LOSS', `the module of ${definition} v${version} is damaged: ${reason}; build it again`, { cause });
}
