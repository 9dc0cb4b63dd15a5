// The commands that make modules, and modules on their way between processes, as a developer and an operator use them.
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { start } from './command.test-support.js';

const key = 'a-key-for-the-tests-of-the-command';
const counting = fileURLToPath(new URL('./fixtures/counting.js', import.meta.url));
const program = fileURLToPath(new URL('./main.js', import.meta.url));
const ownerOnly = 0o600;
const permissions = 0o777;

async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'godwit-cli-'));
  t.teardown(() => rm(path, { recursive: true }));
  return path;
}

const run = (cwd: string, ...args: string[]) => start(args, undefined, { cwd }).ended;

async function contentsOf(path: string): Promise<Array<readonly [string, string]>> {
  const files = (await readdir(path, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(files.sort().map(async (file) => [file.slice(path.length), (await readFile(file)).toString('base64')] as const));
}

test.serial('godwit keygen: makes a pair whose private half only its owner can read, and replaces none unless it is told to', async (t) => {
  const home = await folder(t);

  const made = await run(home, 'keygen', '--json');
  const first = await readFile(join(home, 'godwit.key'), 'utf8');
  const again = await run(home, 'keygen');
  const kept = await readFile(join(home, 'godwit.key'), 'utf8');
  const forced = await run(home, 'keygen', '--force');
  const other = await run(home, 'keygen', '--out', 'other');

  const said = JSON.parse(made.stdout) as Record<string, string>;
  t.like(said, { privateKeyFile: 'godwit.key', publicKeyFile: 'godwit.key.pub' });
  t.regex(String(said.key), /^[0-9a-f]{64}$/);
  t.false(made.stdout.includes('PRIVATE'));
  t.regex(first, /^-----BEGIN PRIVATE KEY-----\n/);
  t.deepEqual([again.code, kept], [1, first]);
  t.regex(again.stderr, /^godwit keygen: godwit\.key is there already: choose another --out, or replace it with --force\n$/);
  t.is(forced.code, 0);
  t.not(await readFile(join(home, 'godwit.key'), 'utf8'), first);
  t.regex(other.stdout, /^key {10}[0-9a-f]{64}\nprivate key {2}other .*godwit build --key other\npublic key {3}other\.pub .*godwit edge --trust other\.pub\n$/);
  t.deepEqual((await readdir(home)).sort(), ['godwit.key', 'godwit.key.pub', 'other', 'other.pub']);
  for (const file of ['godwit.key', 'other']) t.is((await stat(join(home, file))).mode & permissions, ownerOnly);
});

test.serial('godwit keygen: half a pair is not left behind', async (t) => {
  const home = await folder(t);
  await writeFile(join(home, 'godwit.key.pub'), 'mine');

  const { code } = await run(home, 'keygen');

  t.is(code, 1);
  t.deepEqual(await readdir(home), ['godwit.key.pub']);
  t.is(await readFile(join(home, 'godwit.key.pub'), 'utf8'), 'mine');
});

test.serial('godwit keygen: --force that cannot replace the public key leaves the pair as it was', async (t) => {
  const home = await folder(t);
  await run(home, 'keygen');
  const before = await readFile(join(home, 'godwit.key'), 'utf8');
  await rm(join(home, 'godwit.key.pub'));
  await mkdir(join(home, 'godwit.key.pub', 'in the way'), { recursive: true });

  const { code, stderr } = await run(home, 'keygen', '--force');

  t.is(code, 1);
  t.regex(stderr, /^godwit keygen: cannot write the key: .*godwit\.key\.pub/);
  t.is(await readFile(join(home, 'godwit.key'), 'utf8'), before);
  t.deepEqual((await readdir(home)).sort(), ['godwit.key', 'godwit.key.pub']);
});

test.serial('godwit keygen: where nothing can be written it leaves nothing, and the next try is none the worse', async (t) => {
  const home = await folder(t);

  const full = await new Promise<{ readonly failed: boolean; readonly stderr: string }>((resolve) => {
    // As a full disk does: the file is made, and no byte of it can be written.
    const args = ['-c', 'ulimit -f 0; exec "$0" "$@"', process.execPath, program, 'keygen'];
    execFile('sh', args, { cwd: home }, (error, _stdout, stderr) => resolve({ failed: error !== null, stderr }));
  });
  const left = await readdir(home);
  const { code } = await run(home, 'keygen');

  t.true(full.failed);
  t.regex(full.stderr, /^godwit keygen: cannot write the key: EFBIG/);
  t.deepEqual(left, []);
  t.is(code, 0);
});

test.serial('godwit build, godwit check: what a source says does not reach the terminal as a command, and code keeps its tabs', async (t) => {
  const home = await folder(t);
  await writeFile(join(home, 'rude.js'), "throw new Error('\\u001b[2Jgone');\n");
  await writeFile(join(home, 'counting.ts'), "let count = 0;\nexport function next() {\n\t'use elastic';\n\treturn ++count;\n}\n");

  const built = await run(home, 'build', 'rude.js', '--out', 'modules');
  const checked = await run(home, 'check', 'rude.js', 'counting.ts');

  t.is(built.code, 1);
  t.regex(built.stderr, /\\u\{1b\}\[2Jgone/);
  t.regex(checked.stdout, /\\u\{1b\}\[2Jgone/);
  t.regex(checked.stdout, /^ {2}3 \| \t'use elastic';$/m);
  t.false(`${built.stderr}${checked.stdout}`.includes('\u001b'));
});

test.serial('godwit build: the same from wherever it is run, with a table of sizes or JSON', async (t) => {
  const [home, elsewhere] = [await folder(t), await folder(t)];
  await cp(counting, join(home, 'actors.js'));
  const keys = JSON.parse((await run(home, 'keygen', '--json')).stdout) as { readonly key: string };

  const table = await run(home, 'build', 'actors.js', '--out', 'modules', '--key', 'godwit.key');
  const json = await run(elsewhere, 'build', join(home, 'actors.js'), '--out', 'm', '--key', join(home, 'godwit.key'), '--json');
  const unsigned = await run(home, 'build', 'actors.js', '--out', 'unsigned');

  t.regex(table.stdout, new RegExp(`^module +program +models +source\\ncounter v1 +\\d+ B +- +actors\\.js\\n\\nmodules: signed by key ${keys.key}\\n$`));
  const report = JSON.parse(json.stdout) as { readonly signedBy: string; readonly modules: ReadonlyArray<Record<string, unknown>> };
  t.like(report, { out: 'm', signedBy: keys.key, modules: [{ definition: 'counter', version: 1, source: join(home, 'actors.js'), modelBytes: 0 }] });
  t.true((report.modules[0]?.programBytes as number) > 0 && (report.modules[0]?.mapBytes as number) > 0);
  t.deepEqual(await contentsOf(join(elsewhere, 'm')), await contentsOf(join(home, 'modules')));
  t.regex(unsigned.stdout, /\nunsigned: not signed: edges that were given --trust refuse it\n$/);
  t.deepEqual([table.code, json.code, unsigned.code], [0, 0, 0]);
  t.deepEqual([table.stderr, json.stderr, unsigned.stderr], ['', '', '']);
});

test.serial('godwit check, godwit build: a fault of a source is exit code 1, and said by both', async (t) => {
  const home = await folder(t);
  await cp(counting, join(home, 'actors.js'));
  await writeFile(
    join(home, 'fault.ts'),
    "import { actor } from 'godwit'; import { hostname } from 'node:os'; export const A = actor('a', { state: () => ({}), on: { a: () => hostname() } });",
  );

  const sound = await run(home, 'check', 'actors.js');
  const faulty = await run(home, 'check', 'actors.js', 'fault.ts', '--json');
  const text = await run(home, 'check', 'fault.ts');
  const built = await run(home, 'build', 'fault.ts', '--out', 'modules');

  t.deepEqual([sound.code, sound.stdout], [0, 'nothing found\n']);
  t.deepEqual([faulty.code, text.code, built.code], [1, 1, 1]);
  const { findings } = JSON.parse(faulty.stdout) as { readonly findings: ReadonlyArray<{ readonly message: string }> };
  t.like(findings, [{ source: 'fault.ts', code: 'GW1008', details: { line: 1, name: 'hostname' } }]);
  t.regex(findings[0]?.message ?? '', /^fault\.ts:1:133: GW1008: .* captures 'hostname', from node:os[\s\S]*fix: [\s\S]*docs\/errors\/GW1008\.md$/);
  t.is(text.stdout, `${findings[0]?.message}\n`);
  t.true(built.stderr.startsWith('godwit build: ') && built.stderr.includes(findings[0]?.message ?? 'nothing'), built.stderr);
  t.deepEqual((await readdir(home)).sort(), ['actors.js', 'fault.ts']);
});

const mistakes: ReadonlyArray<readonly [string, readonly string[], RegExp]> = [
  ['a build of nothing', ['build', '--out', 'modules'], /^godwit build: name the files that export your actors, .*\n$/],
  ['a build to nowhere', ['build', counting], /^godwit build: say where to build with --out DIR\n$/],
  ['a key that is not there', ['build', counting, '--out', 'modules', '--key', 'lost.key'], /^godwit build: --key lost\.key: ENOENT.*\n$/],
  ['a key that is none', ['build', counting, '--out', 'modules', '--key', counting], /^godwit build: --key .*counting\.js: this is no private key in PEM.*\n$/],
  ['a check of nothing', ['check'], /^godwit check: name the files that export your actors, .*\n$/],
  [
    'an edge that trusts no key',
    ['edge', '--port', '0', '--key', key, '--trust', counting],
    /^godwit edge: --trust .*counting\.js: this is no public key in PEM.*\n$/,
  ],
];

for (const [mistake, args, message] of mistakes) {
  test.serial(`godwit: ${mistake} is one clear line and exit code 2`, async (t) => {
    const home = await folder(t);

    const { code, stdout, stderr } = await run(home, ...args);

    t.regex(stderr, message);
    t.is(stdout, '');
    t.is(code, 2);
    t.deepEqual(await readdir(home), []);
  });
}

test.serial('godwit: every command that makes modules has help with examples', async (t) => {
  for (const command of ['keygen', 'check', 'build']) {
    const { code, stdout } = await start([command, '--help']).ended;

    t.regex(stdout, new RegExp(`^godwit ${command} [\\s\\S]*--json[\\s\\S]*Examples:\\n {2}godwit ${command}`));
    t.is(code, 0);
  }
});

test.serial('godwit build, edge, device: a signed module moves to the edge that trusts its key, and not to one that trusts another', async (t) => {
  const home = await folder(t);
  await run(home, 'keygen');
  await run(home, 'keygen', '--out', 'another.key');
  await run(home, 'build', counting, '--out', 'modules', '--key', 'godwit.key');
  const edge = (publicKey: string) => start(['edge', '--name', 'edge', '--port', '0', '--json', '--trust', publicKey], key, { cwd: home });
  const device = async (host: ReturnType<typeof edge>) => {
    const { url } = await host.entry('edge.listening');
    return start(['device', counting, '--name', 'device', '--json', '--edge', String(url), '--modules', 'modules'], key, { cwd: home });
  };
  const [trusting, other] = [edge('godwit.key.pub'), edge('another.key.pub')];

  const moved = await device(trusting);
  const counted = await moved.entry('app.counted');
  const { code, stderr } = await moved.ended;
  const refused = await (await device(other)).ended;
  const refusal = await other.entry('module.refused');
  for (const host of [trusting, other]) host.signal('SIGTERM');
  const said = await Promise.all([trusting, other].map((host) => host.ended));

  t.like(counted, { here: 1, there: 2, tier: 'script' });
  t.regex(String(counted.place), new RegExp(`thread \\d+ of process ${trusting.pid}\\)$`));
  t.deepEqual([code, stderr], [0, '']);
  t.is(refused.code, 1);
  t.regex(
    refused.stderr,
    /^godwit device: the application failed: node edge does not run the module of counter v1: the node does not trust key [0-9a-f]{64}, .*\n$/,
  );
  t.like(refusal, { level: 'warn', node: 'edge', actor: 'device/counter', definition: 'counter', version: 1 });
  for (const { code: ended, stdout } of said) {
    t.is(ended, 0);
    t.false(stdout.includes('edge.trusts-every-module'));
  }
});
