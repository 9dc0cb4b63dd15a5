import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { GodwitError, type Hash, type Manifest, type Signer } from '#core';
import { filters } from './fixtures/filters.js';
import { Greeter } from './fixtures/greeter.js';
import { type BuildOptions, build, bundler, check, type Finding } from './index.js';

const fixtures = fileURLToPath(new URL('./fixtures', import.meta.url));
const { privateKey } = generateKeyPairSync('ed25519');
const signer: Signer = { key: 'a'.repeat(64) as Hash, sign: async (bytes) => new Uint8Array(sign(null, bytes, privateKey)) };

async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'godwit-build-'));
  t.teardown(() => rm(path, { recursive: true }));
  return path;
}

/** Every file below a folder, by its path there. */
async function filesOf(path: string): Promise<Map<string, string>> {
  const names = (await readdir(path, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const paths = names.map((entry) => join(entry.parentPath, entry.name)).sort();
  return new Map(await Promise.all(paths.map(async (file) => [file.slice(path.length + 1), (await readFile(file)).toString('base64')] as const)));
}

/** A project of its own: two sources in TypeScript, one of which uses a package of CommonJS. */
async function project(t: ExecutionContext, path: string): Promise<string[]> {
  const lamp = "import { actor } from 'godwit'; import { twice } from 'twice';\n";
  await mkdir(join(path, 'node_modules', 'twice'), { recursive: true });
  await writeFile(join(path, 'node_modules', 'twice', 'package.json'), '{ "name": "twice", "main": "index.js" }');
  await writeFile(join(path, 'node_modules', 'twice', 'index.js'), 'exports.twice = (n) => n * 2;');
  await writeFile(
    join(path, 'lamp.ts'),
    `${lamp}export const Lamp = actor('lamp', { state: () => ({ lit: 0 }), on: { light: (state, by: number) => (state.lit += twice(by)) } });`,
  );
  await cp(join(fixtures, 'greeter.js'), join(path, 'greeter.js'));
  await cp(join(fixtures, 'greeting.js'), join(path, 'greeting.js'));
  t.true((await readdir(path)).includes('lamp.ts'));
  return [join(path, 'lamp.ts'), join(path, 'greeter.js')];
}

const codeOf = async (t: ExecutionContext, options: BuildOptions): Promise<readonly [string | undefined, string]> => {
  const error = await t.throwsAsync(build(options), { instanceOf: GodwitError });
  return [error?.code, error?.message ?? ''];
};

test('build: the same sources and key give the same bytes in every file, wherever they lie', async (t) => {
  const [here, there, out] = [await folder(t), join(await folder(t), 'deep', 'down'), await folder(t)];
  await mkdir(there, { recursive: true });
  const first = await build({ sources: await project(t, here), out: join(out, 'a'), signer });
  await build({ sources: (await project(t, there)).reverse(), out: join(there, 'b'), signer });

  const [a, b] = [await filesOf(join(out, 'a')), await filesOf(join(there, 'b'))];

  t.deepEqual([...b], [...a]);
  const programs = first.map(({ program }) => program).sort();
  t.deepEqual(
    [...a.keys()].sort(),
    [
      'index.json',
      'manifests/greeter@3.json',
      'manifests/lamp@1.json',
      ...programs.map((hash) => `blobs/${hash}`),
      ...programs.map((hash) => `maps/${hash}.map`),
    ].sort(),
  );
  t.deepEqual(
    first.map(({ definition, version, signedBy }) => [definition, version, signedBy]),
    [
      ['greeter', 3, signer.key],
      ['lamp', 1, signer.key],
    ],
  );
  for (const [path, content] of a) {
    const text = Buffer.from(content, 'base64');
    t.false(text.includes(here) || text.includes(fixtures), path);
    if (path.startsWith('blobs/')) t.is(createHash('sha256').update(text).digest('hex'), path.slice('blobs/'.length));
  }
});

test('build: a module is the same as the one that is bundled at run time', async (t) => {
  const out = await folder(t);
  const { manifest } = await bundler([Greeter]).module('greeter', 3);

  await build({ sources: [join(fixtures, 'greeter.js')], out });

  t.deepEqual(JSON.parse(await readFile(join(out, 'manifests', 'greeter@3.json'), 'utf8')), manifest);
});

test('build: the source map leads back to the sources, and is no blob', async (t) => {
  const [path, out] = [await folder(t), await folder(t)];
  const [lamp] = await project(t, path);
  const [report] = await build({ sources: [lamp], out, signer });
  const files = await filesOf(out);
  const map = JSON.parse(await readFile(join(out, 'maps', `${report?.program}.map`), 'utf8')) as { sources: string[]; sourcesContent: string[] };

  t.true(map.sources.includes('lamp.ts'));
  t.true(map.sources.includes('twice/index.js'));
  t.true(
    map.sources.every((source) => !source.startsWith('/') && !source.includes('..')),
    map.sources.join(' '),
  );
  t.regex(map.sourcesContent[map.sources.indexOf('lamp.ts')] ?? '', /actor\('lamp'/);
  t.deepEqual(
    [...files.keys()].filter((name) => name.startsWith('blobs/')),
    [`blobs/${report?.program}`],
  );
  const program = Buffer.from(files.get(`blobs/${report?.program}`) ?? '', 'base64').toString();
  t.notRegex(program, /sourceMappingURL|lamp\.ts/);
  const manifest = JSON.parse(await readFile(join(out, 'manifests', 'lamp@1.json'), 'utf8')) as Manifest;
  t.is(manifest.program, report?.program);
  t.notRegex(JSON.stringify(manifest), /map/);
});

test('build: replaces what a build wrote before, and nothing else', async (t) => {
  const [path, out, mine] = [await folder(t), await folder(t), await folder(t)];
  const [lamp, greeter] = (await project(t, path)) as [string, string];
  await build({ sources: [lamp, greeter], out });
  await build({ sources: [greeter], out });
  const fresh = join(await folder(t), 'fresh');
  await build({ sources: [greeter], out: fresh });
  await writeFile(join(mine, 'index.json'), '{ "mine": true }');

  t.deepEqual([...(await filesOf(out))], [...(await filesOf(fresh))]);
  await mkdir(join(out, 'blobs', '.git'));
  await writeFile(join(out, 'maps', 'NOTES.md'), 'mine');
  await build({ sources: [lamp], out });
  t.deepEqual([await readdir(join(out, 'manifests')), await readFile(join(out, 'maps', 'NOTES.md'), 'utf8')], [['lamp@1.json'], 'mine']);
  t.deepEqual([(await readdir(join(out, 'blobs'))).length, (await readdir(join(out, 'maps'))).length], [2, 2]);
  t.deepEqual(await codeOf(t, { sources: [greeter], out: mine }), [
    'FAILED_PRECONDITION',
    `cannot build into ${mine}: it holds what no build wrote; give a new directory`,
  ]);
  t.deepEqual(await readdir(mine), ['index.json']);
});

test('build: several at a time into one directory give what one gives', async (t) => {
  const [path, out, alone] = [await folder(t), await folder(t), await folder(t)];
  const eyes = join(path, 'eyes.ts');
  const sources = [eyes];
  await writeFile(
    eyes,
    `import { actor } from 'godwit'; export const Eyes = actor('eyes', { state: () => ({}), on: {}, needs: { models: ['faces', 'cars'] } });`,
  );
  const model = async (name: string) => new TextEncoder().encode(name.repeat(1e6));
  await build({ sources, out: alone, model });

  // They begin to write together.
  const count = 4;
  let waiting = 0;
  let release = (): void => undefined;
  const all = new Promise<void>((resolve) => {
    release = resolve;
  });
  const together = async (name: string) => {
    if (name === 'cars' && ++waiting === count) release();
    if (name === 'cars') await all;
    return model(name);
  };
  await Promise.all(Array.from({ length: count }, () => build({ sources, out, model: together })));

  t.deepEqual([...(await filesOf(out))], [...(await filesOf(alone))]);
});

test('build: goes on where a first build ended before it was done, and clears away what that left', async (t) => {
  const [path, out, fresh] = [await folder(t), join(await folder(t), 'out'), await folder(t)];
  const [lamp, greeter] = (await project(t, path)) as [string, string];
  const obstacle = join(out, 'manifests');
  const progress = async () => {
    await mkdir(out, { recursive: true });
    await writeFile(obstacle, 'no folder');
  };
  await t.throwsAsync(build({ sources: [lamp], out, progress: () => void progress() }));
  await rm(obstacle);
  t.not((await readdir(join(out, 'blobs'))).length, 0);

  await build({ sources: [greeter], out });
  await build({ sources: [greeter], out: fresh });

  t.deepEqual([...(await filesOf(out))], [...(await filesOf(fresh))]);
});

test('build: carries the models it is given, and leaves out what is pinned to its device', async (t) => {
  const [path, out] = [await folder(t), await folder(t)];
  const source = join(path, 'robot.ts');
  await writeFile(
    source,
    `import { actor } from 'godwit';
     export const Eyes = actor('eyes', { state: () => ({}), on: { look: () => 1 }, needs: { memory: '2MiB', models: ['faces'] }, limits: { memory: '8MiB', segmentMs: 50 } });
     export const Wheels = actor('wheels', { state: () => ({}), on: { turn: () => 1 }, needs: { pinned: true } });`,
  );

  const reports = await build({ sources: [source], out, model: async () => new Uint8Array([1, 2, 3]) });
  const manifest = JSON.parse(await readFile(join(out, 'manifests', 'eyes@1.json'), 'utf8')) as Manifest;

  t.deepEqual(
    reports.map(({ definition, modelBytes, signedBy }) => [definition, modelBytes, signedBy]),
    [['eyes', 3, undefined]],
  );
  t.deepEqual(manifest.needs, { memoryBytes: 2 * 1024 * 1024, models: ['faces'] });
  t.deepEqual(manifest.limits, { memoryBytes: 8 * 1024 * 1024, segmentMs: 50 });
  t.deepEqual([...(await readFile(join(out, 'blobs', manifest.models.faces as string)))], [1, 2, 3]);
});

const faults: ReadonlyArray<readonly [string, string, RegExp]> = [
  ['what does not parse', 'export const = 1;', /does not bundle: .*fault\.ts:2:/],
  [
    'a top level that needs more than a guest has',
    "const make = () => actor('a', { state: () => ({}), on: {} }); export const A = make(); setTimeout(() => {}, 1);",
    /does not load in a guest.*setTimeout/,
  ],
  ['no actor', 'export const one = 1; console.log(actor);', /exports no actor definition/],
  [
    'a state that cannot move',
    "export const A = actor('a', { state: () => ({ f: () => 1 }), on: {} });",
    /first state of a v1 cannot move: .*function at \$\.f/,
  ],
  [
    'a limit that no guest starts with',
    "export const A = actor('a', { state: () => ({}), on: {}, limits: { memory: '1MiB' } });",
    /limit memoryBytes of a v1 must be an integer ≥ 4194304, not 1048576/,
  ],
  ['a need that is no size', "export const A = actor('a', { state: () => ({}), on: {}, needs: { memory: 'much' } });", /memory 'much' is no size/],
];

for (const [fault, code, message] of faults) {
  test(`build, check: ${fault} is a finding, and nothing is written`, async (t) => {
    const [path, out] = [await folder(t), join(await folder(t), 'out')];
    const source = join(path, 'fault.ts');
    await writeFile(source, `import { actor } from 'godwit';\n${code}`);

    const [code1, message1] = await codeOf(t, { sources: [source], out });
    const findings = await check([source]);

    t.is(code1, 'INVALID_ARGUMENT');
    t.regex(message1, message);
    t.like(findings, [{ source, code: code1, message: message1 }]);
    await t.throwsAsync(readdir(out), { code: 'ENOENT' });
  });
}

test('build, check: what a rule forbids is a finding of that rule, at its place, and nothing is written', async (t) => {
  const [path, out] = [await folder(t), join(await folder(t), 'out')];
  const source = join(path, 'fault.ts');
  await writeFile(
    source,
    `import { actor } from 'godwit';
import { readFileSync } from 'node:fs';
let reads = 0;
export const A = actor('a', { state: () => ({}), on: { read: () => readFileSync(String(reads++)) } });`,
  );

  const [code, message] = await codeOf(t, { sources: [source], out });
  const refusals = await check([source]);

  t.is(code, 'INVALID_ARGUMENT');
  t.regex(message, /fault\.ts cannot move:\n.*:4:68: GW1008: .*:4:88: GW1001: /s);
  t.deepEqual(
    refusals.map(({ code, details }) => [code, (details as Finding).line, (details as Finding).name]),
    [
      ['GW1008', 4, 'readFileSync'],
      ['GW1001', 4, 'reads'],
    ],
  );
  await t.throwsAsync(readdir(out), { code: 'ENOENT' });
});

test('build, check: a global that a file behind an import uses is a finding there, with the way to it', async (t) => {
  const path = await folder(t);
  const [lamp] = (await project(t, path)) as [string];
  const write = (name: string, text: string) => writeFile(join(path, name), text);
  await write('node_modules/twice/index.js', 'exports.twice = (n) => (globalThis.Buffer ? process.env.TWICE : n) * 2;');
  const colours = (guard: string) => `import { hash } from './hash.js';
export const colour = (name: string) => ${guard} ? 1 : hash(name);
export const unused = () => document.title;
`;
  const hash = (text: string) => `export const hash = (name: string): string => ${text};\nexport const shout = () => alert(1);\n`;
  await write('lamp.ts', `import { colour } from './colour.js';\n${(await readFile(lamp, 'utf8')).replace('twice(by)', `twice(by), colour('red')`)}`);

  await write('colour.ts', colours(`typeof navigator === 'object' && navigator.onLine`));
  await write('hash.ts', hash('name.normalize()'));
  t.deepEqual(await check([lamp]), [], 'what nothing uses is not shipped; a file may ask whether a global is there; packages are left alone');

  await write('colour.ts', colours('navigator.onLine'));
  await write('hash.ts', hash(`Buffer.from(name).toString('hex') + Buffer.name`));
  const places = (await check([lamp])).map(({ code, details }) => {
    const { line, column, endColumn, name, file } = details as Finding;
    return [code, name, file.split('/').at(-1), line, column, endColumn];
  });
  t.deepEqual(
    places.sort(([, a], [, b]) => (String(a) < String(b) ? -1 : 1)),
    [
      ['GW1007', 'Buffer', 'hash.ts', 1, 47, 53],
      ['GW1007', 'navigator', 'colour.ts', 2, 41, 50],
    ],
  );
  const [code, message] = await codeOf(t, { sources: [lamp], out: join(path, 'out') });
  t.is(code, 'INVALID_ARGUMENT');
  t.regex(message, /hash\.ts:1:47: GW1007: this file, which what may move imports \(\S*lamp\.ts → \S*colour\.ts → \S*hash\.ts\), uses the global 'Buffer'/);
  t.regex(message, /fix: use Uint8Array/);
});

test('build: a top level finds what a guest has, and nothing else', async (t) => {
  const path = await folder(t);
  const write = (name: string, text: string) => writeFile(join(path, name), text);
  const source = join(path, 'a.ts');
  await write(
    'a.ts',
    `import { actor } from 'godwit';\nimport { v } from './v.js';\nexport const A = actor('a', { state: () => ({}), on: { get: () => v } });`,
  );

  await write(
    'v.ts',
    `export const v = [btoa('x'), atob('eA=='), performance.now(), new DOMException('x').name, new AbortController(), console.debug('x')].length;`,
  );
  t.deepEqual(await check([source]), []);

  await write('v.ts', `export const v = ((g) => { throw new Error([g.Intl, g.WebAssembly, g.Atomics, g.console.table].join('|')); })(globalThis);`);
  t.regex((await check([source]))[0]?.message ?? '', /does not load in a guest.*Error: \|\|\|$/);
});

test('build: ships functions tagged by the directive, exported or not, and what of an application may move', async (t) => {
  const out = join(await folder(t), 'out');

  const reports = await build({
    sources: [join(fixtures, 'filters.js'), fileURLToPath(new URL('../../toolchain/fixtures/application.ts', import.meta.url))],
    out,
  });

  t.deepEqual(
    reports.map(({ definition }) => definition),
    ['filters.each', 'halve', 'hidden'],
  );
  t.deepEqual(await filters.halve([2, 4]), [1, 2], 'what is not built is what it was');
});

test('check: finds nothing where there is nothing to find, and everything elsewhere', async (t) => {
  const path = await folder(t);
  const sources = await project(t, path);
  const lost = join(path, 'lost.ts');

  t.deepEqual(await check(sources), []);
  const findings = await check([...sources, lost, join(fixtures, 'reader.js')]);
  t.deepEqual(
    findings.map(({ source }) => source),
    [lost, join(fixtures, 'reader.js')],
  );
  t.regex(findings[0]?.message ?? '', /lost\.ts does not bundle: Could not resolve/);
});

test('build: refuses no sources at all, and two of the same definition and version', async (t) => {
  const [path, out] = [await folder(t), join(await folder(t), 'out')];
  const [lamp] = (await project(t, path)) as [string];
  const again = join(path, 'again.ts');
  await writeFile(again, "export * from './lamp.js';");

  t.deepEqual(await codeOf(t, { sources: [], out }), ['INVALID_ARGUMENT', 'there is nothing to build: name the files that export actor definitions']);
  t.deepEqual(await codeOf(t, { sources: [lamp, again], out }), ['INVALID_ARGUMENT', `lamp v1 is exported by ${lamp} and by ${again}: name one of them`]);
});
