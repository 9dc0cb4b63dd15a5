import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { bundledPhotos } from '#actors/search-and-rescue';
import type { DemoReport } from './report.js';

const program = fileURLToPath(new URL('./main.js', import.meta.url));
/** DESIGN: it ends by itself in under a minute. */
const maxRunMs = 60_000;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function demo(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [program, ...args], { timeout: maxRunMs, killSignal: 'SIGKILL', maxBuffer: 2 ** 26 }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}

const reportFrom = ({ stdout }: Ended) => JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as DemoReport;

/** What must hold of every report, whatever was asked for. */
function checkReport(t: ExecutionContext, report: DemoReport, frames: number): void {
  t.like(report.frames, { sent: frames, answered: frames, lost: 0, duplicated: 0, outOfOrder: 0 });
  t.deepEqual(report.faults, []);
  t.true(report.ok);
  t.is(
    report.phases.reduce((sum, phase) => sum + phase.frames, 0),
    frames,
  );
  t.true(report.phases.every(({ frames: answered, responseMs }) => answered > 0 && responseMs.p50 > 0 && responseMs.p95 >= responseMs.p50));
  t.true(
    report.migrations.every(({ stallMs, totalMs, bytes, captureBytes }) => stallMs > 0 && totalMs >= stallMs && bytes >= captureBytes && captureBytes > 0),
  );
  t.true(report.migrations.every(({ stateHash }) => /^[0-9a-f]{64}$/.test(stateHash.before) && stateHash.before === stateHash.after));
  t.true(report.boxes.compared > 0);
  t.is(report.boxes.equal, report.boxes.compared);
  t.is(report.boxes.backends.device, report.boxes.backends.edge);
  t.true(report.detections.every(({ score, box: [x1, y1, x2, y2] }) => score >= 0.3 && score <= 1 && x2 > x1 && y2 > y1));
  for (const node of ['robot-1', 'edge-1'])
    t.true(
      report.detections.some((found) => found.node === node && found.label === 'person'),
      `no person found on ${node}`,
    );
  const { device, edge } = report.processes;
  t.not(device, edge);
  for (const { node, tier, place } of report.phases) {
    t.is(tier, node === 'edge-1' ? 'script' : 'native');
    t.regex(place, new RegExp(tier === 'script' ? `^script \\(.*thread \\d+ of process ${edge}\\)$` : `^native \\(process ${device}\\)$`));
  }
}

test.serial('demo: detection moves to the edge and back twice; process, thread and tier change, nothing is lost and the state is kept', async (t) => {
  const ended = await demo('--frames', '12', '--json');
  const report = reportFrom(ended);
  const { device, edge } = report.processes;

  t.is(ended.code, 0, ended.stderr);
  checkReport(t, report, 12);
  const here = ['robot-1', 'native', `native (process ${device})`];
  const there = ['edge-1', 'script', report.phases[1]?.place ?? ''];
  t.regex(there[2] ?? '', new RegExp(`^script \\(.*thread \\d+ of process ${edge}\\)$`));
  t.deepEqual(
    report.phases.map(({ node, tier, place }) => [node, tier, place]),
    [here, there, here, there, here],
  );
  t.deepEqual(
    report.migrations.map(({ actor, from, to, trigger, warm }) => [actor, from, to, trigger, warm]),
    [
      ['robot-1/detection', 'robot-1', 'edge-1', 'battery low', false],
      ['robot-1/detection', 'edge-1', 'robot-1', 'battery charged', true],
      ['robot-1/detection', 'robot-1', 'edge-1', 'battery low', true],
      ['robot-1/detection', 'edge-1', 'robot-1', 'battery charged', true],
    ],
  );
  const [cold, , warm] = report.migrations;
  t.true((cold?.moduleBytes ?? 0) > 0);
  t.is(warm?.moduleBytes, 0);
  t.is(report.frames.reexecuted, 0);
  t.is(report.killed, null);
  t.true((report.map.byLabel.person ?? 0) > 0);
});

test.serial('demo: the edge is killed while it detects; detection resumes on the device from its checkpoint, and no frame gets two answers', async (t) => {
  const ended = await demo('--frames', '12', '--json', '--kill-edge');
  const report = reportFrom(ended);

  t.is(ended.code, 0, ended.stderr);
  checkReport(t, report, 12);
  t.deepEqual(
    report.phases.map(({ node, tier }) => [node, tier]),
    [
      ['robot-1', 'native'],
      ['edge-1', 'script'],
      ['robot-1', 'native'],
    ],
  );
  t.is(report.migrations.length, 1);
  t.is(report.killed?.pid, report.processes.edge);
  t.is(report.killed?.resumedAt.place, `native (process ${report.processes.device})`);
  // Nobody answers to that process number any more.
  t.throws(() => process.kill(report.processes.edge, 0), { code: 'ESRCH' });
  // The frame it died over was detected again, unless its answer had just left.
  const answeredAtEdge = (report.phases[0]?.frames ?? 0) + (report.phases[1]?.frames ?? 0);
  t.true(report.frames.reexecuted >= 1 || report.killed?.frame === answeredAtEdge - 1);
  t.regex(ended.stderr, /resumed on robot-1 from its checkpoint/);
  t.regex(ended.stderr, /killed {3}edge process \d+ by kill -9 .* detection resumed on robot-1/);
});

test.serial('demo: with two robots the second map is merged into the first, which was offloaded under a shared name', async (t) => {
  const ended = await demo('--frames', '12', '--json', '--robots', '2');
  const report = reportFrom(ended);

  t.is(ended.code, 0, ended.stderr);
  checkReport(t, report, 12);
  t.like(report.migrations.at(-1), { actor: 'robot-1/map', from: 'robot-1', to: 'edge-1', toTier: 'script' });
  t.like(report.sharedMap, { actor: 'robot-1/map', node: 'edge-1', complete: true });
  const { first = 0, second = 0, merged = 0 } = report.sharedMap?.objects ?? {};
  t.true(first > 0 && second > 0 && merged >= Math.max(first, second) && merged <= first + second);
});

test.serial('demo: piped, it tells its story in plain lines', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'godwit-demo-'));
  const [photo] = await bundledPhotos();
  await writeFile(join(folder, 'mine.jpg'), photo?.jpeg ?? '');

  const { code, stdout, stderr } = await demo('--frames', '12', '--images', folder, '--seed', '7');
  await rm(folder, { recursive: true });

  t.is(code, 0, stderr);
  const story = [
    'listens on http://127.0.0.1:',
    'camera over 1 photos',
    '1 local execution',
    'battery (simulated)',
    'offer: edge-1',
    'choice: edge-1',
    'moved to edge-1',
  ];
  let at = 0;
  for (const part of [...story, '2 remote execution', 'recall', '3 local', '4 remote', '5 local', '12 of 12 answered', 'equal boxes', 'map ', 'OK:']) {
    const found = stdout.indexOf(part, at);
    t.true(found >= at, `'${part}' does not come next in:\n${stdout}`);
    at = found;
  }
  t.false(stdout.includes('\u001b'));
});

test.serial('demo: bad options are one clear line and exit code 2', async (t) => {
  for (const [args, message] of [
    [['--frames', 'many'], /^demo: --frames must be an integer from 12 to 10000, not 'many'.*\n$/],
    [['--frames', '3'], /^demo: --frames must be an integer from 12 to 10000, not '3'.*\n$/],
    [['--seed', '1.5'], /^demo: --seed must be an integer .*\n$/],
    [['--robots', '2', '--kill-edge'], /^demo: --robots 2 needs the edge to the end.*\n$/],
    [['--bogus'], /^demo: Unknown option '--bogus'.*\n$/],
    [['--images', '/does/not/exist'], /^demo: cannot read the folder of photos \/does\/not\/exist: .*\n$/],
  ] as const) {
    const { code, stdout, stderr } = await demo(...args);
    t.regex(stderr, message);
    t.is(stdout.trimEnd().split('\n').at(-1)?.startsWith('{') ?? false, false);
    t.is(code, 2);
  }
});

test.serial('demo: a folder without JPEGs, a file that is none, and one cut short are each named, with exit code 2', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'godwit-demo-'));
  const empty = await demo('--images', folder);
  await writeFile(join(folder, 'a.jpg'), 'no picture');
  const text = await demo('--images', folder);
  const [photo] = await bundledPhotos();
  await writeFile(join(folder, 'a.jpg'), photo?.jpeg.subarray(0, 20_000) ?? '');
  const cut = await demo('--images', folder);
  await rm(folder, { recursive: true });

  t.regex(empty.stderr, /^demo: no \.jpg or \.jpeg file in the folder .*\n$/);
  t.regex(text.stderr, /^demo: photo a\.jpg: .*not a JPEG.*\n$/);
  t.regex(cut.stderr, /^demo: photo a\.jpg: .*truncated.*\n$/);
  t.deepEqual([empty.code, text.code, cut.code], [2, 2, 2]);
});

test.serial('demo: a port in use is one clear line and exit code 1', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };

  const { code, stderr } = await demo('--port', String(port));
  server.close();

  t.regex(stderr, new RegExp(`^demo: port ${port} of 127\\.0\\.0\\.1 is in use: .*\\n$`));
  t.is(code, 1);
});
