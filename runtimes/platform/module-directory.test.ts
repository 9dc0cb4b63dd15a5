import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { buildPaths, formatIndex, GodwitError, type Hash, type Manifest } from '#core';
import { moduleDirectory } from './index.js';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex') as Hash;
const program = new TextEncoder().encode('// a program');
const model = new Uint8Array([1, 2, 3]);
const manifest: Manifest = {
  definition: 'map',
  version: 2,
  tier: 'script',
  program: sha256(program),
  programBytes: program.length,
  hostFunctions: [],
  models: { faces: sha256(model) },
  needs: { memoryBytes: 0, models: ['faces'] },
  limits: {},
};
const paths = {
  index: buildPaths.index,
  manifest: buildPaths.manifest(manifest),
  program: buildPaths.blob(manifest.program),
  model: buildPaths.blob(sha256(model)),
};

/** A directory as a build leaves it. @returns a way to change one of its files */
async function directory(t: ExecutionContext) {
  const path = await mkdtemp(join(tmpdir(), 'godwit-modules-'));
  t.teardown(() => rm(path, { recursive: true }));
  const write = async (file: string, content: string | Uint8Array) => {
    await mkdir(dirname(join(path, file)), { recursive: true });
    await writeFile(join(path, file), content);
  };
  await write(paths.program, program);
  await write(paths.model, model);
  await write(paths.manifest, JSON.stringify(manifest));
  await write(paths.index, formatIndex([manifest]));
  return { path, write };
}

const failure = async (t: ExecutionContext, path: string, version = 2): Promise<string> => {
  const error = await t.throwsAsync(moduleDirectory(path).module('map', version), { instanceOf: GodwitError });
  return `${error?.code} ${error?.message}`;
};

test('module directory: gives the manifest with every blob it names', async (t) => {
  const { path } = await directory(t);

  const module = await moduleDirectory(path).module('map', 2);

  t.deepEqual(module.manifest, manifest);
  t.deepEqual(
    [...module.blobs].map(([hash, bytes]) => [hash, [...bytes]]),
    [
      [manifest.program, [...program]],
      [manifest.models.faces, [...model]],
    ],
  );
});

test('module directory: says what there is where something else is asked for', async (t) => {
  const { path } = await directory(t);

  t.regex(await failure(t, path, 3), /^NOT_FOUND no module of map v3 in .*, which has map v2: build it with `godwit build`$/);
  t.is((await moduleDirectory(path).module('map', 1)).manifest.version, 2, 'later code reads what an earlier version left');
  t.regex(await failure(t, join(path, 'elsewhere')), /^NOT_FOUND .*elsewhere is no output of a build: ENOENT/);
});

test('module directory: a torn, changed or missing file is DATA_LOSS, and names the file', async (t) => {
  const changes: ReadonlyArray<readonly [string, (path: string, write: (file: string, content: string) => Promise<void>) => Promise<void>, RegExp]> = [
    [
      'torn program',
      (path) => truncate(join(path, paths.program), 3),
      new RegExp(`module of map v2 is damaged: .*${paths.program} hashes to \\w{64}; build it again$`),
    ],
    ['changed model', (_path, write) => write(paths.model, 'xyz'), new RegExp(`${paths.model} hashes to`)],
    ['missing model', (path) => rm(join(path, paths.model)), /module of map v2 is damaged: ENOENT/],
    ['missing manifest', (path) => rm(join(path, paths.manifest)), /module of map v2 is damaged: ENOENT/],
    ['torn manifest', (path) => truncate(join(path, paths.manifest), 30), /cannot read .*map@2\.json/],
    ['malformed manifest', (_path, write) => write(paths.manifest, '{}'), /cannot read .*map@2\.json: .*field 'definition'/],
    [
      'manifest of another',
      (_path, write) => write(paths.manifest, JSON.stringify({ ...manifest, version: 3 })),
      /map@2\.json is the manifest of another module/,
    ],
    ['torn index', (path) => truncate(join(path, paths.index), 30), /cannot read .*index\.json: it is no JSON/],
    ['another index', (_path, write) => write(paths.index, '[]'), /cannot read .*index\.json: it is no index of a build/],
  ];

  for (const [change, make, message] of changes) {
    const { path, write } = await directory(t);
    await make(path, write);

    const said = await failure(t, path);

    t.regex(said, message, change);
    t.true(said.startsWith('DATA_LOSS '), said);
  }
});

test('module directory: a later format is refused, and a build made again is seen', async (t) => {
  const { path, write } = await directory(t);
  const modules = moduleDirectory(path);
  await write(paths.index, '{ "format": 2 }');

  t.regex(await failure(t, path), /^FAILED_PRECONDITION .*its format is 2, and this version of godwit reads 1: update godwit, or build again/);
  await write(paths.index, formatIndex([manifest]));
  t.deepEqual((await modules.module('map', 2)).manifest, manifest);
});
