import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { type Command, freePort, start } from './command.test-support.js';

const key = 'a-key-for-the-tests-of-the-command';
const counting = fileURLToPath(new URL('./fixtures/counting.js', import.meta.url));
const failing = fileURLToPath(new URL('./fixtures/failing.js', import.meta.url));
const stubborn = fileURLToPath(new URL('./fixtures/stubborn.js', import.meta.url));
const library = fileURLToPath(new URL('./fixtures/library.js', import.meta.url));
const edge = (...more: string[]) => start(['edge', '--name', 'edge', '--json', ...more], key);

async function ask(url: string, method: string, bearer?: string): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const headers = { 'content-type': 'application/json', ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }) };
  const response = await fetch(`${url}/godwit.control.v1.${method}`, { method: 'POST', headers, body: '{}' });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function stop(...commands: readonly Command[]): Promise<Array<number | null>> {
  for (const command of commands) command.signal('SIGTERM');
  return Promise.all(commands.map(async (command) => (await command.ended).code));
}

test.serial('godwit: says what there is, and its version', async (t) => {
  const [help, version, edgeHelp, deviceHelp] = await Promise.all(
    [['--help'], ['--version'], ['edge', '--help'], ['device', '--help']].map((args) => start(args).ended),
  );

  t.regex(help?.stdout ?? '', /edge[\s\S]*device[\s\S]*Exit codes: 0 /);
  t.regex(version?.stdout ?? '', /^\d+\.\d+\.\d+\n$/);
  t.regex(edgeHelp?.stdout ?? '', /--port[\s\S]*GODWIT_KEY[\s\S]*curl/);
  t.regex(deviceHelp?.stdout ?? '', /main\(device, [\s\S]*--edge URL[\s\S]*--data DIR/);
  t.deepEqual([help?.code, version?.code, edgeHelp?.code, deviceHelp?.code], [0, 0, 0, 0]);
});

const mistakes: ReadonlyArray<readonly [string, readonly string[], RegExp]> = [
  ['an unknown command', ['egde'], /^godwit: there is no command 'egde'; there are init, doctor, keygen, .*, offload and recall\n$/],
  ['an unknown option', ['edge', '--prot', '1'], /^godwit edge: Unknown option '--prot'.*\n$/],
  ['a bad port', ['edge', '--port', '70000', '--key', key], /^godwit edge: --port must be an integer from 0 to 65535, not '70000'\n$/],
  ['a bad name', ['edge', '--port', '0', '--name', 'a b', '--key', key], /^godwit edge: node name 'a b' must be .*\n$/],
  ['an edge without a key', ['edge', '--port', '0'], /^godwit edge: no shared key.*openssl rand -hex 32.*\n$/],
  ['a device without a key', ['device', '--edge', 'http://127.0.0.1:1'], /^godwit device: no shared key.*openssl rand -hex 32.*\n$/],
  [
    'a key that can be guessed, which is not repeated',
    ['edge', '--port', '0', '--key', 'guessme'],
    /^(?!.*guessme)godwit edge: the shared key of --key must be .*\n$/,
  ],
  ['a key file that is not there', ['edge', '--key-file', '/does/not/exist'], /^godwit edge: cannot read the key file \/does\/not\/exist: .*\n$/],
  ['half of TLS', ['edge', '--tls-cert', 'cert.pem', '--key', key], /^godwit edge: --tls-cert and --tls-key belong together\n$/],
  ['an edge that is no URL', ['device', '--edge', 'nowhere', '--key', key], /^godwit device: .*nowhere.*\n$/],
  ['an application that is not there', ['device', '/does/not/exist.js'], /^godwit device: cannot load the application \/does\/not\/exist\.js: .*\n$/],
  ['a module that is no application', ['device', library], /^godwit device: .*library\.js exports no function main: .*\n$/],
];

for (const [mistake, args, message] of mistakes) {
  test.serial(`godwit: ${mistake} is one clear line and exit code 2`, async (t) => {
    const { code, stdout, stderr } = await start(args).ended;

    t.regex(stderr, message);
    t.is(stdout, '');
    t.is(code, 2);
  });
}

test.serial('godwit edge: answers its services to who has the key, and health to everybody; SIGTERM ends it with exit code 0 and frees the port', async (t) => {
  const running = edge('--port', '0', '--max-actors', '3');
  const { url } = await running.entry('edge.listening');
  const health = await fetch(`${String(url)}/healthz`);
  const hosts = await ask(String(url), 'OffloadManager/ListHosts', key);
  const runtimes = await ask(String(url), 'Execution/ListRuntimes', key);
  const telemetry = await ask(String(url), 'Telemetry/Read', key);
  const stranger = await ask(String(url), 'OffloadManager/ListHosts');
  const wrong = await ask(String(url), 'OffloadManager/ListHosts', 'another-key-of-some-length');
  const codes = await stop(running);

  t.deepEqual(await health.json(), { status: 'SERVING' });
  const [host] = hosts.body.hosts as Array<Record<string, unknown>>;
  t.like(host, { name: 'edge', url, instances: 3, freeInstances: 3, hostFunctions: ['image', 'nn'], models: ['centernet'] });
  const speeds = (runtimes.body.runtimes as Array<{ readonly speed: { readonly tier: string; readonly operationsPerSecond: number } }>).map(
    ({ speed }) => speed,
  );
  t.deepEqual(
    speeds.map(({ tier, operationsPerSecond }) => [tier, operationsPerSecond > 0]),
    [
      ['script', true],
      ['native', true],
    ],
  );
  t.true((telemetry.body.readings as unknown[]).length > 0);
  t.deepEqual([stranger.status, wrong.status], [401, 401]);
  t.deepEqual(codes, [0]);
  await t.throwsAsync(fetch(`${String(url)}/healthz`));
});

test.serial('godwit edge: has the directory of --data for itself; after a SIGKILL the next one takes it over', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'godwit-data-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const data = join(directory, 'edge');
  const first = edge('--port', '0', '--data', data);
  await first.entry('edge.listening');
  const second = await edge('--port', '0', '--data', data).ended;
  first.signal('SIGKILL');
  await first.ended;
  const third = edge('--port', '0', '--data', data);
  await third.entry('store.taken-over');
  await third.entry('edge.listening');
  const codes = await stop(third);

  t.is(second.code, 1);
  t.is(second.stderr, `godwit edge: cannot open the store ${data}: process ${first.pid} has it open, and one process at a time writes a directory\n`);
  t.deepEqual(codes, [0]);
});

test.serial('godwit device: a directory that cannot be made is one clear line and exit code 1', async (t) => {
  const { code, stderr } = await start(['device', '--data', '/does/not/exist']).ended;

  t.is(code, 1);
  t.is(stderr, 'godwit device: cannot open the store /does/not/exist: there is no such file or directory: its parent must exist (ENOENT)\n');
});

test.serial('godwit edge: a port in use is one clear line and exit code 1', async (t) => {
  const first = edge('--port', '0');
  const { url } = await first.entry('edge.listening');
  const { port } = new URL(String(url));
  const second = await edge('--port', port).ended;
  await stop(first);

  t.is(second.code, 1);
  t.is(second.stderr, `godwit edge: port ${port} of 127.0.0.1 is in use: stop what listens there, or choose another port (0 takes a free one)\n`);
});

test.serial('godwit device: runs without its edge, links when the edge appears, and logs telemetry and offers', async (t) => {
  const port = String(await freePort());
  const device = start(['device', '--name', 'device', '--json', '--edge', `http://127.0.0.1:${port}`], key);
  await device.entry('device.started');
  const telemetry = await device.entry('device.telemetry');
  const early = await device.entry('device.no-offer');
  const host = edge('--port', port);
  const linked = await device.entry('node.link-up');
  const offer = await device.entry('device.offer');
  const codes = await stop(device, host);

  t.regex(String(telemetry.cpu), /fraction$/);
  t.is(early.code, 'UNAVAILABLE');
  t.is(linked.peer, 'edge');
  t.like(offer, { host: 'edge', url: `http://127.0.0.1:${port}`, price: 0 });
  t.deepEqual(codes, [0, 0]);
});

test.serial('godwit device: runs an application, whose actor moves to `godwit edge`, and ends when it returns', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'godwit-cli-'));
  const keyFile = join(folder, 'key');
  await writeFile(keyFile, `${key}\n`, { mode: 0o600 });
  const host = edge('--port', '0');
  const { url } = await host.entry('edge.listening');
  const device = start(['device', counting, '--name', 'device', '--json', '--edge', String(url), '--key-file', keyFile]);
  const counted = await device.entry('app.counted');
  const { code, stderr } = await device.ended;
  await stop(host);
  await rm(folder, { recursive: true });

  t.like(counted, { here: 1, there: 2, tier: 'script' });
  t.regex(String(counted.place), new RegExp(`thread \\d+ of process ${host.pid}\\)$`));
  t.is(stderr, '');
  t.is(code, 0);
});

test.serial('godwit device: an application that fails is one clear line and exit code 1', async (t) => {
  const { code, stderr } = await start(['device', failing, '--json']).ended;

  t.is(stderr, 'godwit device: the application failed: the arm is stuck\n');
  t.is(code, 1);
});

test.serial('godwit device: a second signal ends it at once, though its application does not end', async (t) => {
  const device = start(['device', stubborn, '--json']);
  await device.entry('device.started');
  device.signal('SIGINT');
  await device.entry('device.stopping');
  device.signal('SIGTERM');
  const { code } = await device.ended;

  t.is(code, 143);
});
