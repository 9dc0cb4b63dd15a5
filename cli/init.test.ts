import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { runtimeDir, start } from './command.test-support.js';
import { emptyDirectory, installProject } from './project.test-support.js';

const run = promisify(execFile);
const key = 'a-key-for-the-tests-of-init';
const root = fileURLToPath(new URL('../../', import.meta.url));

interface PackageJson {
  readonly name: string;
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

async function packageJson(directory: string): Promise<PackageJson> {
  return JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')) as PackageJson;
}

async function made(t: ExecutionContext, ...more: string[]): Promise<string> {
  const directory = join(await emptyDirectory(t), 'My Robot');
  const { code, stderr } = await start(['init', directory, ...more]).ended;
  t.is(code, 0, stderr);
  return directory;
}

test('godwit init: makes a project that compiles, tests, builds and runs without a network, and whose actors move to an edge', async (t) => {
  const directory = await made(t);
  await installProject(directory);
  const npm = async (...args: string[]) => {
    const env = { ...process.env, XDG_RUNTIME_DIR: runtimeDir, GODWIT_KEY: key, npm_config_offline: 'true' };
    return (await run('npm', args, { cwd: directory, env })).stdout;
  };
  const edge = start(['edge', '--name', 'edge', '--port', '0', '--json'], key);
  t.teardown(() => edge.signal('SIGTERM'));

  t.regex(await npm('test'), /pass 2\n[\s\S]*fail 0\n/);
  t.regex(await npm('run', 'check'), /nothing found/);
  t.regex(await npm('run', 'build'), /countPrimes v1 .*\nword-count v1 /);
  t.regex(await npm('start'), /^here: \[ \[ 'the', 1 \] \] 168$/m);
  const { url } = await edge.entry('edge.listening');
  const away = await npm('start', '--', '--modules', 'modules', '--edge', String(url));

  t.regex(away, /^here: \[ \[ 'the', 1 \] \] 168$/m);
  t.regex(away, /^on edge: \[ \[ 'the', 2 \] \] 168$/m);
  t.regex(away, /^back: \[ \[ 'the', 2 \] \] on device-\S+$/m);
});

test('godwit init: pins the versions that godwit itself was made and tested with', async (t) => {
  const ours = await packageJson(root);
  const project = await packageJson(await made(t, '--json'));

  t.is(project.name, 'my-robot');
  t.deepEqual(project.dependencies, { godwit: ours.version });
  const { '@typescript/native': typescript = '', ...others } = ours.devDependencies;
  t.deepEqual(project.devDependencies, {
    '@types/node': others['@types/node'],
    esbuild: others.esbuild,
    'oxc-parser': others['oxc-parser'],
    typescript: typescript.replace('npm:typescript@', ''),
  });
});

test('godwit init: makes the parents that are missing, and ends where nothing can be made', async (t) => {
  const directory = await emptyDirectory(t);
  const [nested, nowhere] = await Promise.all(
    [
      ['init', join(directory, 'projects', 'robots', 'arm')],
      ['init', '/proc/robots/arm'],
    ].map((args) => start(args).ended),
  );

  t.is(nested?.code, 0, nested?.stderr);
  t.true((await readdir(join(directory, 'projects', 'robots', 'arm'))).includes('package.json'));
  t.regex(nowhere?.stderr ?? '', /^godwit init: cannot make \/proc\/robots\/arm: ENOENT/);
  t.is(nowhere?.code, 1);
});

test('godwit init: replaces nothing, and says what is wrong in one line', async (t) => {
  const directory = await emptyDirectory(t);
  await mkdir(join(directory, 'full'));
  await writeFile(join(directory, 'full', 'mine.txt'), 'mine');
  await writeFile(join(directory, 'file'), 'mine');
  const results = await Promise.all(
    [['full'], ['file'], ['file/inside'], [], ['a', 'b'], ['a', '--name', 'No Name']].map(
      (args) => start(['init', ...args], undefined, { cwd: directory }).ended,
    ),
  );

  const expected: ReadonlyArray<readonly [number, RegExp]> = [
    [1, /full is not empty \(there is mine\.txt\): choose a new directory\n$/],
    [1, /file is there already: choose a new directory\n$/],
    [1, /cannot make .*inside: ENOTDIR/],
    [2, /name the directory, e\.g\. `godwit init my-project`\n$/],
    [2, /one directory at a time: 'b' is too much\n$/],
    [2, /'No Name' cannot be the name of a package: /],
  ];
  for (const [index, [code, message]] of expected.entries()) {
    t.regex(results[index]?.stderr ?? '', message);
    t.is(results[index]?.code, code);
  }
  t.deepEqual((await readdir(directory)).sort(), ['file', 'full']);
  t.deepEqual(await readdir(join(directory, 'full')), ['mine.txt']);
});
