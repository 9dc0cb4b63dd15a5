import { appendFile, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { freePort, start } from './command.test-support.js';
import { blocksOf, guide, outputOf, patternOf, project, shell } from './guide.test-support.js';

const idling = fileURLToPath(new URL('./fixtures/idling.js', import.meta.url));
const shared = ['--key-file', 'shared.key'];

test('docs/guides/operating.md: its commands do and print what it says, a planned stop costs nothing, and every message of its table is said', async (t) => {
  // Some forty processes.
  t.timeout(180_000);
  const ports = [String(await freePort()), String(await freePort())] as const;
  const markdown = (await readFile(guide('operating.md'), 'utf8')).replaceAll('7443', ports[0]).replaceAll('7444', ports[1]);
  const [build = '', certify = '', begin = '', own = '', second = '', device = '', ...asking] = blocksOf(markdown, 'sh');
  const [doctor = '', health = '', there = '', inside = '', metrics = '', drain = '', backup = ''] = asking;
  const [listening = '', ownPrinted = '', found = '', healthy = '', whatIsThere = '', state = '', scraped = '', drained = ''] = blocksOf(markdown, 'text');
  const path = await project(t, blocksOf(markdown, 'ts'));
  const edge = `${begin.trimEnd()} --port ${ports[0]}`;
  const done = async (block: string) => {
    const { code, output, complaints } = await shell(t, block, path).ended;
    t.is(code, 0, complaints);
    return output;
  };

  await done(build);
  await done(certify);
  t.regex(await done(own), outputOf(ownPrinted));
  const [first, other] = [shell(t, edge, path), shell(t, second, path)];
  await Promise.all([first.shows(listening), other.shows('…edge.listening…\n')]);
  const robot = shell(t, device, path);
  await robot.shows('total 1 on robot-1\n');
  t.regex(await done(doctor), outputOf(found));
  t.regex(await done(health), outputOf(healthy));
  t.regex(await done(there), outputOf(whatIsThere));
  t.regex(await done(inside), outputOf(state));
  t.regex(await done(metrics), outputOf(scraped));
  t.regex(await done(drain), outputOf(drained));
  first.signal('SIGTERM');
  await first.ended;
  await robot.shows('total 1 on edge-2\n');
  await done(backup);
  const again = shell(t, edge, path);
  await again.shows(listening);
  const said = await provoked(t, path, ports);
  other.signal('SIGKILL');
  await robot.shows('…home.tookOver…\n…\ntotal 1 on robot-1\n');

  const totals = robot.lines.flatMap((line) => /^total (\d+) on /.exec(line)?.[1] ?? []).map(Number);
  t.deepEqual(
    totals,
    totals.map((_, index) => index + 1),
  );
  // A line a turn would drown the others.
  t.false([...first.lines, ...other.lines].some((line) => line.includes('node.checkpoint')));
  const all = [...said, ...robot.lines, ...first.lines, ...other.lines, ...again.lines].join('\n');
  const [, table = ''] = markdown.split('## Troubleshooting\n');
  const messages = [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, message = '']) => message);
  t.true(messages.length > 10);
  t.deepEqual(
    messages.filter((message) => !new RegExp(patternOf(message)).test(all)),
    [],
  );
});

/** What commands say that go wrong, in the ways that the guide tells of, beside the guide's two edges and its device. */
async function provoked(t: ExecutionContext, path: string, ports: readonly [string, string]): Promise<string[]> {
  const [url, secondUrl] = ports.map((port) => `https://localhost:${port}`) as [string, string];
  const trusting = { NODE_EXTRA_CA_CERTS: join(path, 'edge.crt') };
  const said: string[] = [];
  const fails = async (args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
    const { code, stdout, stderr } = await start(args, undefined, { cwd: path, env }).ended;
    said.push(stdout, stderr);
    t.not(code, 0, `${args.join(' ')}: ${stdout}`);
  };
  const runs = (args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
    const command = start([...args, ...shared, '--json'], undefined, { cwd: path, env });
    const stop = async () => {
      command.signal('SIGTERM');
      const { stdout, stderr } = await command.ended;
      said.push(stdout, stderr);
    };
    t.teardown(stop);
    return { ...command, stop };
  };

  await fails(['edge']);
  await fails(['edge', '--key', 'abc']);
  await fails(['edge', '--port', ports[0], ...shared]);
  await fails(['edge', '--tls-cert', 'edge.crt', ...shared]);
  await fails(['edge', '--trust', 'godwit.key', ...shared]);
  await fails(['edge', '--data', 'edge-1-data', '--port', '0', ...shared]);
  await fails(['edge', '--data', 'no/where', '--port', '0', ...shared]);
  await fails(['device', '--name', 'robot-1', ...shared]);
  await fails(['top', '--once', '--edge', url, ...shared]);
  await fails(['top', '--once', '--edge', url, '--key', 'not-the-key-of-that-edge'], trusting);
  await fails(['top', '--once', '--edge', `https://localhost:${await freePort()}`, ...shared]);
  await fails(['offload', 'tally', '--device', 'robot-1', '--to', 'edge-9']);

  await unfinished(path, 'torn');
  await lost(path, 'damaged');
  await fails(['device', '--name', 'robot-3', '--data', 'damaged', ...shared]);
  const small = runs(['edge', '--name', 'edge-9', '--host', '0.0.0.0', '--port', '0', '--max-actors', '1', '--data', 'torn'], trusting);
  const { port } = new URL(String((await small.entry('edge.listening')).url));
  const idle = runs(['device', idling, '--name', 'robot-2', '--edge', `http://127.0.0.1:${port}`, '--edge', secondUrl], trusting);
  await idle.entry('app.spawned');
  t.is((await start(['offload', 'counter', '--device', 'robot-2', '--to', 'edge-9']).ended).code, 0);
  await fails(['offload', 'stuck', '--device', 'robot-2', '--to', 'edge-9']);
  await fails(['offload', 'counter', '--device', 'robot-2', '--to', 'edge-2']);
  const namesake = runs(['device', '--name', 'edge-9', '--edge', `http://127.0.0.1:${port}`]);
  await namesake.entry('edge.given-up');
  await Promise.all([namesake, idle, small].map(({ stop }) => stop()));
  return said;
}

/** A store of which a crash cut the last write. */
async function unfinished(path: string, name: string): Promise<void> {
  await mkdir(join(path, name));
  await cp(join(path, 'edge-1-data', 'store.log'), join(path, name, 'store.log'));
  await appendFile(join(path, name, 'store.log'), 'unfinished');
}

/** A store of which the disk lost some bytes. */
async function lost(path: string, name: string): Promise<void> {
  await mkdir(join(path, name));
  const bytes = await readFile(join(path, 'robot-1-data', 'store.log'));
  bytes.fill(1, 60, 64);
  await writeFile(join(path, name, 'store.log'), bytes);
}
