// A developer's loop, as real processes: an edge, a device that watches what a build writes, a build that watches the sources.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { type Command, start } from './command.test-support.js';

const key = 'a-key-for-the-developers-loop';
const core = fileURLToPath(new URL('../core/godwit.js', import.meta.url));
const counter = (step: string) => `
import { actor } from '${core}';
export const Counter = actor('counter', {
  state: () => ({ count: 0 }),
  on: { next(state) { state.count += ${step}; return state.count; } },
});
`;
const application = `
import { spawn } from '${core}';
import { Counter } from './src/counter.js';
export async function main(device, { signal, logger }) {
  const counter = spawn(device, Counter, 'counter');
  const [offer] = await device.offload.request(counter);
  await device.offload.accept(offer);
  logger.log('info', 'app.away', { count: await counter.next() });
  while (!signal.aborted) {
    const count = await counter.next();
    if (count > 1_000_000) logger.log('info', 'app.renewed', { node: counter.$where.node });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
`;

test('godwit build --watch, godwit device --watch: a changed source runs on the edge a moment later, with its state; a fault is told and waited out', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'godwit-loop-'));
  const source = join(home, 'src', 'counter.js');
  const commands: Command[] = [];
  t.teardown(async () => {
    for (const command of commands) command.signal('SIGTERM');
    await Promise.all(commands.map(({ ended }) => ended));
    await rm(home, { recursive: true, force: true });
  });
  const run = (...args: string[]): Command => {
    const command = start(args, key, { cwd: home });
    commands.push(command);
    return command;
  };
  await mkdir(join(home, 'src'));
  await writeFile(source, counter('1'));
  await writeFile(join(home, 'app.js'), application);

  const { url } = await run('edge', '--name', 'edge-1', '--port', '0', '--json').entry('edge.listening');
  const build = run('build', 'src/counter.js', '--out', 'modules', '--watch');
  await build.line('modules: not signed');
  const device = run('device', 'app.js', '--name', 'robot-1', '--edge', String(url), '--modules', 'modules', '--watch', '--json');
  await device.entry('app.away');

  await writeFile(source, 'this is no program');
  await build.complaint('counter.js');
  await writeFile(source, counter('1_000_000'));

  t.like(await device.entry('device.renewed'), { actors: ['robot-1/counter'] });
  t.like(await device.entry('app.renewed'), { node: 'edge-1' });
});

test('godwit device --watch: waits for a directory that the first build makes, and for one that is made anew', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'godwit-loop-'));
  const modules = join(home, 'modules');
  const build = async () => t.is((await start(['build', 'counter.js', '--out', 'modules'], undefined, { cwd: home }).ended).code, 0);
  await writeFile(join(home, 'counter.js'), counter('1'));
  const device = start(['device', '--name', 'robot-2', '--modules', 'modules', '--watch', '--json', '--no-control'], undefined, { cwd: home });
  t.teardown(async () => {
    device.signal('SIGTERM');
    await device.ended;
    await rm(home, { recursive: true, force: true });
  });

  t.like(await device.entry('device.no-modules'), { level: 'warn', modules });
  await build();
  t.like(await device.entry('device.renewed'), { actors: [] });

  const gone = device.entries('device.no-modules', 2);
  await rm(modules, { recursive: true });
  await gone;
  const renewed = device.entries('device.renewed', 2);
  await build();

  t.is((await renewed).length, 2);
});

test('godwit build --watch: a directory that is not there is told, not watched in silence', async (t) => {
  const { code, stderr } = await start(['build', '/does/not/exist/actors.js', '--out', '/does/not/exist/modules', '--watch']).ended;

  t.is(code, 1);
  t.regex(stderr, /cannot watch \/does\/not\/exist: ENOENT/);
});

test('godwit device --watch: without --modules there is nothing to watch', async (t) => {
  const { code, stderr } = await start(['device', '--watch'], key).ended;

  t.is(code, 2);
  t.regex(stderr, /--watch watches what was built: name it with --modules DIR/);
});
