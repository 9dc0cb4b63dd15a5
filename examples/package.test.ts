import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import { build } from 'esbuild';

interface PackageJson {
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>;
}

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
// DESIGN §10: what a browser loads for `import 'godwit'`.
const maxBrowserBytes = 30 * 1024;

test('package: every entry point, import name and command leads to a built file', async (t) => {
  const { exports, imports, bin } = await packageJson();

  const targets = [...Object.values(exports), ...Object.values(imports), ...Object.values(bin)].filter((target) => !target.includes('*'));

  t.deepEqual(
    targets.filter((target) => !existsSync(`${root}${target}`)),
    [],
  );
});

test('package: ships its entry points, types, error pages, README, LICENSE and template, and no test, benchmark or example', async (t) => {
  const { exports, bin } = await packageJson();

  const { stdout } = await run('npm', ['pack', '--dry-run', '--json'], { cwd: root });
  const [packed] = JSON.parse(stdout) as [{ readonly files: ReadonlyArray<{ readonly path: string }> }];
  const paths = new Set(packed.files.map(({ path }) => path));

  const wanted = [...Object.values(exports), ...Object.values(bin)].map((target) => target.replace(/^\.\//, ''));
  const types = wanted.filter((path) => path.endsWith('/index.js')).map((path) => path.replace(/\.js$/, '.d.ts'));
  t.deepEqual(
    [
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'cli/template/package.json',
      'cli/template/gitignore',
      'cli/template/src/actors.test.ts',
      ...wanted,
      ...types,
    ].filter((path) => !paths.has(path)),
    [],
  );
  t.deepEqual(
    [...paths].filter(
      (path) =>
        !path.startsWith('cli/template/') &&
        /\.test[.-]|\/test-|\/fixtures\/|tsbuildinfo|^dist\/(benchmarks|examples)\/|^(?!dist\/|docs\/errors\/|README\.md|LICENSE|CHANGELOG\.md|package\.json)/.test(
          path,
        ),
    ),
    [],
  );
});

test('package: heavy packages are optional peers, tested here', async (t) => {
  const { peerDependencies, peerDependenciesMeta, devDependencies } = await packageJson();

  const heavy = Object.keys(peerDependencies);

  t.true(heavy.length > 0);
  t.deepEqual(
    heavy.filter((name) => peerDependenciesMeta[name]?.optional !== true || devDependencies[name] === undefined),
    [],
  );
});

for (const entry of ['.', './web'])
  test(`package: ${entry} imports no Node builtin, so a browser can bundle it`, async (t) => {
    await t.notThrowsAsync(browserBundle(entry));
  });

test('package: all of godwit is at most 30 KB minified and gzipped', async (t) => {
  const bundle = await browserBundle('.');

  const bytes = gzipSync(bundle).byteLength;

  t.true(bytes > 0 && bytes <= maxBrowserBytes, `${bytes} bytes, limit ${maxBrowserBytes}`);
});

test('package: no type that a user meets says any', async (t) => {
  const { exports } = await packageJson();
  const entries = Object.values(exports).filter((target) => target.endsWith('.js'));
  const { files, sayAny } = await declarationsFrom(entries.map((target) => join(root, target.replace(/\.js$/, '.d.ts'))));

  t.true(files > entries.length);
  t.deepEqual(sayAny, []);
});

/** Walks the declarations from the entry points on. @returns how many there are, and the lines of code in which `any` is a type */
async function declarationsFrom(entries: readonly string[]) {
  const names = (await packageJson()).imports;
  const seen = new Set(entries);
  const sayAny: string[] = [];
  // A Set is walked in the order of insertion, additions included.
  for (const file of seen) {
    const code = (await readFile(file, 'utf8')).replace(/\/\*[\s\S]*?\*\/|\/\/.*|'[^'\n]*'(?!\s*;?\s*$)/gm, '');
    const text = await readFile(file, 'utf8');
    for (const [index, line] of code.split('\n').entries())
      if (/[:<|&,(=]\s*any\b/.test(line)) sayAny.push(`${relative(root, file)}:${index + 1}: ${line.trim()}`);
    for (const [, specifier] of text.matchAll(/(?:from|import\()\s*'([^']+)'/g)) {
      if (specifier === undefined) continue;
      const room = Object.entries(names).find(([name]) => (name.endsWith('*') ? specifier.startsWith(name.slice(0, -1)) : name === specifier));
      const target = specifier.startsWith('.')
        ? resolve(dirname(file), specifier)
        : room === undefined
          ? undefined
          : join(root, room[1].replace('*', specifier.slice(room[0].length - 1)));
      if (target !== undefined) seen.add(target.replace(/\.js$/, '.d.ts'));
    }
  }
  return { files: seen.size, sayAny };
}

async function browserBundle(entry: string): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [join(root, (await packageJson()).exports[entry] ?? '')],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    logLevel: 'silent',
  });
  const [bundle] = outputFiles;
  if (bundle === undefined) throw new Error('esbuild wrote no bundle');
  return bundle.contents;
}

async function packageJson(): Promise<PackageJson> {
  return JSON.parse(await readFile(`${root}package.json`, 'utf8')) as PackageJson;
}
