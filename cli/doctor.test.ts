import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { freePort, start } from './command.test-support.js';
import { emptyDirectory } from './project.test-support.js';

const key = 'a-key-for-the-tests-of-doctor';

interface Finding {
  readonly level: string;
  readonly check: string;
  readonly found: string;
  readonly remedy?: string;
}

async function doctor(
  args: readonly string[],
  withKey?: string,
): Promise<{ readonly code: number | null; readonly ok: boolean; readonly findings: readonly Finding[] }> {
  const { code, stdout } = await start(['doctor', '--port', String(await freePort()), ...args, '--json'], withKey).ended;
  return { code, ...(JSON.parse(stdout) as { ok: boolean; findings: Finding[] }) };
}

async function edgeHere(t: ExecutionContext): Promise<string> {
  const edge = start(['edge', '--name', 'edge', '--port', '0', '--json'], key);
  t.teardown(async () => {
    edge.signal('SIGTERM');
    await edge.ended;
  });
  return String((await edge.entry('edge.listening')).url);
}

test.serial('godwit doctor: says of everything that it is in order, where it is', async (t) => {
  const url = await edgeHere(t);
  const data = join(await emptyDirectory(t), 'made-by-the-node');

  const { code, ok, findings } = await doctor(['--edge', url, '--data', data], key);

  const levels = new Map(findings.map(({ check, level }) => [check, level]));
  for (const check of ['node', 'godwit', 'quickjs-wasi', 'esbuild', 'control socket', `edge ${url}`]) t.is(levels.get(check), 'ok', check);
  t.true(findings.some(({ check, found }) => check === `data ${data}` && /^\d+\.\d ms an fsync$/.test(found)));
  t.true(findings.some(({ check, found }) => check === `edge ${url}` && /^clock differs by 0 s$/.test(found)));
  t.true(ok);
  t.is(code, 0);
});

test.serial('godwit doctor: what does not work comes with its remedy, and makes the exit code 1', async (t) => {
  const url = await edgeHere(t);
  const nobody = `http://127.0.0.1:${await freePort()}`;
  const deaf = createServer(() => {}).listen(0, '127.0.0.1');
  t.teardown(() => closed(deaf));
  await once(deaf, 'listening');
  const hanging = `http://127.0.0.1:${(deaf.address() as AddressInfo).port}`;

  const results = await Promise.all([
    doctor(['--edge', url], 'another-key-of-some-length'),
    doctor(['--edge', url]),
    doctor(['--edge', nobody, '--data', '/does/not/exist'], key),
    doctor(['--edge', hanging], key),
  ]);

  const failures = results.map(({ findings }) => findings.filter(({ level }) => level === 'fail').map(({ check, found }) => `${check}: ${found}`));
  t.deepEqual(failures[0], [`edge ${url}: answers, but has another key`]);
  t.deepEqual(failures[1], [`edge ${url}: answers, but no key was given`]);
  t.regex(failures[2]?.[0] ?? '', /^data \/does\/not\/exist: ENOENT/);
  t.regex(failures[2]?.[1] ?? '', new RegExp(`^edge ${nobody}: .*ECONNREFUSED`));
  t.is(failures[3]?.length, 1);
  t.true(results.every(({ findings }) => findings.every(({ level, remedy }) => (level === 'ok') === (remedy === undefined))));
  t.deepEqual(
    results.map(({ code, ok }) => [code, ok]),
    [
      [1, false],
      [1, false],
      [1, false],
      [1, false],
    ],
  );
});

test.serial('godwit doctor: for people, one line a check and the remedy below it; a port in use is a warning', async (t) => {
  const url = await edgeHere(t);
  const { port } = new URL(url);

  const { code, stdout } = await start(['doctor', '--port', port]).ended;
  const bad = await start(['doctor', '--edge', 'nowhere'], key).ended;

  t.is(code, 0);
  t.regex(stdout, /^ok +node +\d+\.\d+\.\d+$/m);
  t.regex(stdout, new RegExp(`^warn +port ${port} .*EADDRINUSE.*\\n +→ if that is no edge of yours: give godwit edge another --port$`, 'm'));
  t.is(bad.code, 2);
  t.regex(bad.stderr, /^godwit doctor: "nowhere" is no address of a node: .*\n$/);
});

function closed(server: Server): void {
  server.close();
  server.closeAllConnections();
}
