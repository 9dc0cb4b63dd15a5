// Commands that ask a device or an edge which runs in another process.

import { once } from 'node:events';
import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { type Command, runtimeDir, start } from './command.test-support.js';

const key = 'a-key-for-the-tests-of-control';
const idling = fileURLToPath(new URL('./fixtures/idling.js', import.meta.url));

function running(t: ExecutionContext, args: readonly string[], signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Command {
  const command = start([...args, '--json'], key);
  t.teardown(async () => {
    command.signal(signal);
    await command.ended;
  });
  return command;
}

async function edgeHere(t: ExecutionContext, name = 'edge-1'): Promise<string> {
  const { url } = await running(t, ['edge', '--name', name, '--port', '0']).entry('edge.listening');
  return String(url);
}

/** A device with two actors, `counter` and `stuck`, whose only turn does not end. */
async function deviceHere(t: ExecutionContext, name: string, edges: readonly string[] = []): Promise<Command> {
  const device = running(t, ['device', idling, '--name', name, ...edges.flatMap((url) => ['--edge', url])]);
  await device.entry('app.spawned');
  return device;
}

/** Runs a command to its end. @returns what it printed as JSON, or undefined */
async function ask(...args: string[]): Promise<{ readonly code: number | null; readonly json: Record<string, unknown> | undefined; readonly stderr: string }> {
  const { code, stdout, stderr } = await start([...args, '--json'], key).ended;
  return { code, json: stdout === '' ? undefined : (JSON.parse(stdout) as Record<string, unknown>), stderr };
}

async function actorsOf(...target: string[]): Promise<Array<Record<string, unknown>>> {
  const { json } = await ask('top', '--once', ...target);
  return (json?.actors ?? []) as Array<Record<string, unknown>>;
}

test.serial(
  'godwit offers, offload, top, inspect, recall: an actor of a device that runs elsewhere goes to an edge and comes back with its state',
  async (t) => {
    const url = await edgeHere(t);
    await deviceHere(t, 'robot-1', [url]);

    const offers = await ask('offers', 'counter', '--device', 'robot-1');
    t.like((offers.json as { readonly offers: unknown[] }).offers[0], { host: 'edge-1', url, edge: url });
    const here = await ask('inspect', 'robot-1/counter', '--device', 'robot-1');
    t.like(here.json, { actor: { node: 'robot-1', tier: 'native' }, durable: false });

    const away = await ask('offload', 'counter', '--device', 'robot-1', '--to', 'edge-1');
    t.like(away.json, { actor: 'robot-1/counter', from: 'robot-1', to: 'edge-1', tier: 'script' }, away.stderr);
    const [seen] = await actorsOf('--device', 'robot-1').then((actors) => actors.filter(({ address }) => address === 'robot-1/counter'));
    t.like(seen, { node: 'edge-1', tier: 'script', epoch: away.json?.epoch, lastStallMs: away.json?.stallMs });
    t.is(seen?.mailboxRecords, undefined);
    const [there] = await actorsOf('--edge', url);
    t.like(there, { address: 'robot-1/counter', node: 'edge-1', tier: 'script', mailboxRecords: 0 });

    const elsewhere = await ask('inspect', 'counter', '--device', 'robot-1');
    t.is(elsewhere.code, 3);
    t.regex(elsewhere.stderr, /^godwit inspect: actor robot-1\/counter is on node edge-1: only that can look into it\n$/);
    const inside = await ask('inspect', 'robot-1/counter', '--edge', url);
    t.regex(String(inside.json?.state), /count: 41/);
    t.like(inside.json?.manifest, { definition: 'counter', tier: 'script' });

    const back = await ask('recall', 'counter', '--device', 'robot-1');
    t.like(back.json, { from: 'edge-1', to: 'robot-1', tier: 'native' }, back.stderr);
    const { json } = await ask('inspect', 'counter', '--device', 'robot-1');
    t.regex(String(json?.state), /count: 41/);
    t.deepEqual([offers.code, here.code, away.code, inside.code, back.code], [0, 0, 0, 0, 0]);
  },
);

test.serial('godwit inspect: an actor whose turn does not end is shown without its state, and what it holds cannot drive a terminal', async (t) => {
  await deviceHere(t, 'robot-2');

  const stuck = await start(['inspect', 'stuck', '--device', 'robot-2']).ended;
  const counter = await start(['inspect', 'counter', '--device', 'robot-2']).ended;

  t.is(stuck.code, 0);
  t.regex(stuck.stdout, /robot-2 +0 +1\n[\s\S]*state unavailable: its running turn did not end within 2000 ms\n$/);
  t.regex(counter.stdout, /definition +counter v1\n[\s\S]*state \{ count: 41, notes: Map\(1\) \{ 'red' => '\\x1B\[31mred/);
  t.false(counter.stdout.includes('\u001b'));
});

test.serial('godwit trace: tells what happens from its first line on, filtered by actor and type, until it is ended', async (t) => {
  const url = await edgeHere(t, 'edge-3');
  await deviceHere(t, 'robot-3', [url]);
  const moves = start(['trace', '--device', 'robot-3', '--actor', 'counter', '--type', 'moved', '--json'], key);
  const failures = start(['trace', '--device', 'robot-3', '--type', 'turn-failed'], key);
  const arrivals = start(['trace', '--edge', url, '--type', 'arrived', '--json'], key);
  await Promise.all([moves.line('"tracing"'), failures.line('tracing'), arrivals.line('"tracing"')]);

  const { json } = await ask('offload', 'counter', '--device', 'robot-3');
  const moved = JSON.parse(await moves.line('"moved"')) as Record<string, unknown>;
  const failed = await failures.line('turn-failed');
  const arrived = JSON.parse(await arrivals.line('"arrived"')) as Record<string, unknown>;
  for (const command of [moves, failures, arrivals]) command.signal('SIGINT');
  const ended = await Promise.all([moves.ended, failures.ended, arrivals.ended]);

  t.like(moved, { type: 'moved', actor: 'robot-3/counter', stallMs: json?.stallMs, trigger: 'command', to: { node: 'edge-3' } });
  t.like(arrived, { type: 'arrived', actor: 'robot-3/counter', from: 'robot-3' });
  t.regex(failed, /^\d\d:\d\d:\d\d\.\d{3} {2}turn-failed {2}robot-3\/counter {2}message=fail .*out of\\u\{1b\}\[31m parcels/);
  t.deepEqual(
    ended.map(({ code, stderr }) => [code, stderr]),
    [
      [0, ''],
      [0, ''],
      [0, ''],
    ],
  );
});

test.serial('godwit trace: says so when its device or edge has ended, with exit code 4', async (t) => {
  const edge = running(t, ['edge', '--name', 'edge-9', '--port', '0']);
  const { url } = await edge.entry('edge.listening');
  const device = await deviceHere(t, 'robot-9');
  const watching = [start(['trace', '--device', 'robot-9']), start(['trace', '--edge', String(url)], key)];
  await Promise.all(watching.map((trace) => trace.line('tracing')));

  for (const node of [device, edge]) node.signal('SIGTERM');
  const [ofDevice, ofEdge] = await Promise.all(watching.map(({ ended }) => ended));

  t.like(ofDevice, { code: 4, stderr: 'godwit trace: device robot-9 has ended\n' });
  t.like(ofEdge, { code: 4, stderr: `godwit trace: edge ${String(url)} has ended\n` });
});

test.serial('godwit top: one JSON line a second with turns a second, until it is ended or its device is', async (t) => {
  const device = await deviceHere(t, 'robot-4');
  const watching = start(['top', '--device', 'robot-4', '--json']);
  const plain = start(['top', '--device', 'robot-4']);

  const sample = JSON.parse(await watching.line('turnsPerSecond')) as { readonly actors: Array<Record<string, unknown>> };
  await plain.line('robot-4/counter');
  plain.signal('SIGTERM');
  const read = await plain.ended;
  device.signal('SIGTERM');
  const watched = await watching.ended;

  t.true(Number(sample.actors.find(({ address }) => address === 'robot-4/counter')?.turnsPerSecond) > 0);
  t.regex(watched.stderr, /^godwit top: device robot-4.*\n$/);
  t.is(watched.code, 4);
  t.is(read.code, 0);
  t.regex(read.stdout, /^robot-4 {2}\S+Z {2}2 actors\nactor +definition +node +tier +epoch +mailbox +turns\/s +last stall ms\n/);
});

test.serial('godwit device: where no directory for its control socket can be made, it says so and ends', async (t) => {
  const { code, stderr } = await start(['device', '--name', 'robot-0'], key, { env: { XDG_RUNTIME_DIR: '/proc' } }).ended;

  t.is(code, 1);
  t.regex(stderr, /^godwit device: cannot make the directory of the control socket: ENOENT.*; set XDG_RUNTIME_DIR to one that can be written\n$/);
});

test.serial("godwit device: its control socket is its user's alone; a second device of the name is refused, and a dead one's place is taken", async (t) => {
  const first = running(t, ['device', '--name', 'robot-5'], 'SIGKILL');
  const { socket } = await first.entry('device.control');
  const modes = await Promise.all([String(socket), join(runtimeDir, 'godwit')].map(async (path) => ((await stat(path)).mode & 0o777).toString(8)));
  const second = await start(['device', '--name', 'robot-5', '--json']).ended;
  first.signal('SIGKILL');
  await first.ended;
  const gone = await ask('top', '--once', '--device', 'robot-5');
  const third = running(t, ['device', '--name', 'robot-5']);
  await third.entry('device.control');
  const back = await ask('top', '--once', '--device', 'robot-5');

  t.deepEqual(modes, ['600', '700']);
  t.is(second.code, 1);
  t.is(second.stderr, 'godwit device: a device named robot-5 runs on this machine already: stop it, or give this one another name\n');
  t.is(gone.code, 4);
  t.regex(gone.stderr, /^godwit top: device robot-5 does not run here: .*\n$/);
  t.is(back.code, 0);
});

test.serial('godwit top: a device that is stopped is not waited for', async (t) => {
  const device = await deviceHere(t, 'robot-6');
  device.signal('SIGSTOP');
  const { code, stderr } = await ask('top', '--once', '--device', 'robot-6');
  device.signal('SIGCONT');

  t.is(code, 4);
  t.is(stderr, 'godwit top: device robot-6 did not answer within 5 s: it is stopped, or busy\n');
});

test.serial('godwit offload: what is refused is one clear line and exit code 3; what is not there is 4', async (t) => {
  const url = await edgeHere(t, 'edge-7');
  await deviceHere(t, 'robot-7', [url]);
  await deviceHere(t, 'robot-8', ['http://127.0.0.1:9']);
  // It takes connections, and says nothing.
  const mute = createServer().listen(0, '127.0.0.1');
  t.teardown(() => mute.close());
  await once(mute, 'listening');
  const results = await Promise.all([
    ask('offload', 'nobody', '--device', 'robot-7'),
    ask('offload', 'counter', '--device', 'robot-7', '--to', 'edge-9'),
    ask('offload', 'counter', '--device', 'robot-7', '--tier', 'kernel'),
    ask('offload', 'stuck', '--device', 'robot-7'),
    ask('recall', 'counter', '--device', 'robot-7'),
    ask('offload', 'counter', '--device', 'robot-8'),
    ask('offload', 'counter'),
    ask('trace', '--device', 'robot-8', '--type', 'movd'),
    start(['top', '--once', '--edge', url], 'another-key-of-some-length').ended,
    ask('top', '--once', '--edge', 'http://127.0.0.1:9'),
    ask('inspect', 'counter', '--edge', url),
    ask('trace', '--edge', `http://127.0.0.1:${(mute.address() as AddressInfo).port}`),
  ]);

  const expected: ReadonlyArray<readonly [number, RegExp]> = [
    [3, /actor robot-7\/nobody is not one of device robot-7/],
    [3, /no offer for actor robot-7\/counter: host edge-7 is not edge-9/],
    [3, /no offer for actor robot-7\/counter: host edge-7 does not run counter on tier kernel/],
    [3, /robot-7\/stuck/],
    [3, /robot-7\/counter is not away/],
    [4, /no edge answers device robot-8: .*ECONNREFUSED/],
    [2, /several devices run here: choose one of robot-7, robot-8 with --device NAME/],
    [3, /there is no event 'movd'; there are link-up, /],
    [3, /wants the shared key/],
    [4, /edge http:\/\/127\.0\.0\.1:9: .*ECONNREFUSED/],
    [2, /such as robot-1\/counter/],
    [4, /edge http:\/\/127\.0\.0\.1:\d+ did not answer within 5 s/],
  ];
  for (const [index, [code, message]] of expected.entries()) {
    t.regex(results[index]?.stderr ?? '', message);
    t.is(results[index]?.stderr.split('\n').length, 2);
    t.is(results[index]?.code, code, results[index]?.stderr);
  }
});

test.serial('godwit offload: a host that is asked for is found, however close another one is', async (t) => {
  await deviceHere(t, 'robot-9', await Promise.all([edgeHere(t, 'edge-10'), edgeHere(t, 'edge-11')]));

  for (const host of ['edge-10', 'edge-11']) {
    const away = await ask('offload', 'counter', '--device', 'robot-9', '--to', host);
    t.like(away.json, { to: host }, away.stderr);
    const back = await ask('recall', 'counter', '--device', 'robot-9');
    t.like(back.json, { to: 'robot-9' }, back.stderr);
  }
});

test.serial('godwit device: where others could reach the control socket it does not start, unless it is to have none', async (t) => {
  const open = await mkdtemp(join(tmpdir(), 'godwit-open-'));
  t.teardown(() => rm(open, { recursive: true }));
  const inside = { XDG_RUNTIME_DIR: open };
  const first = start(['device', '--name', 'robot-9', '--json'], undefined, { env: inside });
  await first.entry('device.control');
  first.signal('SIGTERM');
  await first.ended;
  await chmod(join(open, 'godwit'), 0o755);

  const refused = await start(['device', '--name', 'robot-9'], undefined, { env: inside }).ended;
  const without = start(['device', '--name', 'robot-9', '--no-control', '--json'], undefined, { env: inside });
  await without.entry('device.started');
  without.signal('SIGTERM');

  t.is(refused.code, 1);
  t.regex(refused.stderr, /^godwit device: .*godwit must be a directory of this user that nobody else may enter \(mode 700\): .*\n$/);
  t.is((await without.ended).code, 0);
});
