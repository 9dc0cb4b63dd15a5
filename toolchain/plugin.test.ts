import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { type BuildFailure, context, type BuildOptions as EsbuildOptions, build as esbuild, type Plugin } from 'esbuild';
import { createServer, type PluginOption, build as vite } from 'vite';
import { buildPaths, definitionOfFunction, parseIndex } from '#core';
import { godwit } from './index.js';

const good = `import { half } from './half.js';
console.log('started');
export async function halve(pixels: readonly number[]): Promise<number[]> {
  'use elastic';
  return pixels.map(half);
}
`;
const bad = good.replace('return', 'calls += 1;\n  return').replace('console', 'let calls = 0;\nconsole');
const faultAt = { line: 6, column: 3 };

/** A project that has this package installed. */
async function project(t: ExecutionContext, main: string): Promise<{ readonly folder: string; readonly main: string; write(main: string): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'godwit-plugin-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const files: Record<string, string> = {
    'package.json': '{ "type": "module" }',
    'src/half.ts': 'export const half = (pixel: number): number => pixel / 2;\n',
  };
  const write = async (name: string, text: string) => {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  };
  for (const [name, text] of Object.entries(files)) await write(name, text);
  await write('src/main.ts', main);
  await mkdir(join(folder, 'node_modules'));
  await symlink(fileURLToPath(new URL('../..', import.meta.url)), join(folder, 'node_modules/godwit'));
  return { folder, main: join(folder, 'src/main.ts'), write: (text) => write('src/main.ts', text) };
}

/** What was built does what it did, and is an elastic function to the runtime. */
async function checkBuilt(t: ExecutionContext, file: string): Promise<void> {
  const source = pathToFileURL(file).href;
  const { halve } = (await import(source)) as { readonly halve: (pixels: readonly number[]) => Promise<number[]> };

  t.deepEqual(await halve([2, 4]), [1, 2]);
  t.like(definitionOfFunction(halve), { name: 'halve', source });
  t.deepEqual(await originOf(file, 'pixels.map('), { source: 'main.ts', line: 5, column: 10 });
}

/** Where the source map beside a file says that `text` was written. */
async function originOf(file: string, text: string): Promise<{ readonly source: string; readonly line: number; readonly column: number }> {
  const before = (await readFile(file, 'utf8')).split(text)[0].split('\n');
  const map = new SourceMap(JSON.parse(await readFile(`${file}.map`, 'utf8')) as SourceMapPayload);
  const entry = map.findEntry(before.length - 1, before.at(-1)?.length ?? 0);
  if (!('originalSource' in entry)) throw new Error(`${text} is not mapped`);
  return { source: basename(entry.originalSource), line: entry.originalLine + 1, column: entry.originalColumn + 1 };
}

test('plugin for esbuild: a program with a directive is built and runs', async (t) => {
  const { folder, main } = await project(t, good);
  const outfile = join(folder, 'out/main.js');

  await esbuild({
    entryPoints: [main],
    bundle: true,
    format: 'esm',
    platform: 'node',
    external: ['godwit'],
    outfile,
    sourcemap: true,
    plugins: [godwit.esbuild()],
    logLevel: 'silent',
  });

  await checkBuilt(t, outfile);
});

test('plugin for esbuild: a bad capture fails the build at its place, and in watch mode until it is corrected', async (t) => {
  const { main, write } = await project(t, bad);
  const built = await context({ entryPoints: [main], bundle: true, write: false, format: 'esm', plugins: [godwit.esbuild()], logLevel: 'silent' });
  t.teardown(() => built.dispose());

  const failure = await t.throwsAsync<BuildFailure & Error>(() => built.rebuild());

  t.regex(String(failure?.errors[0]?.text), /main\.ts:6:3: GW1001: elastic function 'halve' captures 'calls'/);
  t.like(failure?.errors[0]?.location, { line: faultAt.line, column: faultAt.column - 1 });
  await write(good);
  t.is((await built.rebuild()).errors.length, 0);
});

test('plugin: writes the modules of what it tagged, for Vite and esbuild the same, and again when the source changes', async (t) => {
  const { folder, main, write } = await project(t, good);
  const [byVite, byEsbuild] = [join(folder, 'by-vite'), join(folder, 'by-esbuild')];
  const built = await context({
    entryPoints: [main],
    bundle: true,
    format: 'esm',
    platform: 'node',
    external: ['godwit'],
    outdir: join(folder, 'out'),
    plugins: [godwit.esbuild({ modules: byEsbuild })],
    logLevel: 'silent',
  });
  t.teardown(() => built.dispose());

  await vite({ root: folder, configFile: false, logLevel: 'silent', plugins: [godwit.vite({ modules: byVite })], build: { ssr: main, outDir: 'out' } });
  await built.rebuild();
  const [vites] = await builtIn(byVite);
  t.like(vites, { definition: 'halve', version: 1 });
  t.true((await readFile(join(byVite, buildPaths.blob(vites.program)), 'utf8')).includes('halve'));
  t.deepEqual(await builtIn(byEsbuild), [vites]);

  await write(good.replace('map(half)', 'map(half).map(half)'));
  await built.rebuild();
  t.not((await builtIn(byEsbuild))[0].program, vites.program);
});

test('plugin: refuses to build modules with a bundler that does not tell what it bundled', (t) => {
  t.throws(() => void godwit.farm({ modules: 'modules' }), { code: 'UNIMPLEMENTED', message: /with farm.*run godwit build/ } as never);
  t.notThrows(() => void godwit.farm());
});

/** A module that defines the actor that its name says. */
const actorNamed = (name: string) =>
  `import { actor } from 'godwit';\nexport const ${name} = actor('${name}', { state: () => ({ n: 0 }), on: { next: (state) => state.n++ } });\n`;
const importing = (...names: string[]) => names.map((name) => `export * from './${name}.js';\n`).join('');

for (const bundler of ['esbuild', 'Vite'] as const) {
  test(`plugin for ${bundler}: a bundle that is made again brings the modules of what it is made of now, and none while it has errors`, async (t) => {
    const { folder, main, write } = await project(t, importing('a', 'b'));
    const source = (name: string, text: string) => writeFile(join(folder, 'src', `${name}.ts`), text);
    const modules = join(folder, 'modules');
    const plugin = bundler === 'Vite' ? godwit.vite({ modules }) : godwit.esbuild({ modules });
    const options: EsbuildOptions = { entryPoints: [main], bundle: true, format: 'esm', external: ['godwit'], outdir: join(folder, 'out'), logLevel: 'silent' };
    const built = bundler === 'esbuild' ? await context({ ...options, plugins: [plugin as Plugin] }) : undefined;
    t.teardown(() => built?.dispose());
    const viteOptions = { ssr: main, outDir: 'out', rollupOptions: { external: ['godwit'] } };
    const rebuild = () =>
      built?.rebuild() ?? vite({ root: folder, configFile: false, logLevel: 'silent', plugins: [plugin as PluginOption], build: viteOptions });
    const names = async () => {
      await rebuild();
      return (await builtIn(modules)).map(({ definition }) => definition);
    };

    await source('a', actorNamed('A'));
    await source('b', actorNamed('B'));
    t.deepEqual(await names(), ['A', 'B']);

    await source('b', `${actorNamed('B')}const x = (;\n`);
    await t.throwsAsync(rebuild);
    t.is((await builtIn(modules)).length, 2, 'an error leaves the modules as they are');

    await source('b', 'export const plain = 1;\n');
    t.deepEqual(await names(), ['A'], 'moved out of a file that stays');

    await source('c', actorNamed('C'));
    await source('b', actorNamed('B'));
    await write(importing('a', 'c'));
    t.deepEqual(await names(), ['A', 'C'], 'no longer imported');

    await rm(join(folder, 'src/a.ts'));
    await rm(join(folder, 'src/b.ts'));
    await write(importing('c'));
    t.deepEqual(await names(), ['C'], 'deleted');
  });
}

const builtIn = async (modules: string) => parseIndex(await readFile(join(modules, buildPaths.index), 'utf8'));

test('plugin for Vite: a program with a directive is built and runs', async (t) => {
  const { folder, main } = await project(t, good);

  await vite({ root: folder, configFile: false, logLevel: 'silent', plugins: [godwit.vite()], build: { ssr: main, outDir: 'out', sourcemap: true } });

  await checkBuilt(t, join(folder, 'out/main.js'));
});

test('plugin for Vite: a bad capture fails the build at its place', async (t) => {
  const { folder, main } = await project(t, bad);

  const failure = await t.throwsAsync<Error & { readonly loc?: unknown; readonly errors?: readonly unknown[] }>(() =>
    vite({ root: folder, configFile: false, logLevel: 'silent', plugins: [godwit.vite()], build: { ssr: main, outDir: 'out' } }),
  );

  t.regex(String(failure?.message), /main\.ts:6:3: GW1001: elastic function 'halve' captures 'calls'/);
  t.regex(String(failure?.message), /> 6 \| {3}calls \+= 1;\n {4}\| {3}\^\^\^\^\^/);
});

test('plugin for Vite: the dev server serves what was rewritten, refuses a bad capture, and serves again when it is corrected', async (t) => {
  const { folder, write, main } = await project(t, good);
  let updated = (): void => undefined;
  const server = await createServer({
    root: folder,
    configFile: false,
    logLevel: 'silent',
    plugins: [godwit.vite(), { name: 'tells-updates', handleHotUpdate: () => updated() }],
    // Told of changes by the test: when a file watcher is ready, nobody says.
    server: { middlewareMode: true, ws: false, watch: null },
    optimizeDeps: { noDiscovery: true },
    appType: 'custom',
  });
  t.teardown(() => server.close());
  const change = async (text: string) => {
    const seen = new Promise<void>((resolve) => {
      updated = resolve;
    });
    await write(text);
    server.watcher.emit('change', main);
    await seen;
  };
  const request = () => server.transformRequest('/src/main.ts');

  t.regex(String((await request())?.code), /export const halve = .*elastic\$\(halve\$local, \{\s+name: "halve",\s+source: import\.meta\.url/);

  await change(bad);
  const failure = await t.throwsAsync<Error & { readonly loc: object; readonly pluginCode: string }>(request);
  t.like(failure, { loc: { file: main, line: faultAt.line, column: faultAt.column - 1 }, pluginCode: 'GW1001' });

  await change(good);
  t.regex(String((await request())?.code), /elastic\$\(/);
});
