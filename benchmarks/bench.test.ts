import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { JsonLines } from './baselines/json-lines.js';
import { serveNactMeter } from './baselines/nact-meter.js';
import type { PlainMessage } from './baselines/plain-port.js';
import type { DurabilityRow } from './durability.js';
import type { MessagingRow } from './messaging.js';
import type { MigrationRow } from './migration.js';
import { compare, keepInFlight } from './rounds.js';
import { latencyOf, median, quantile } from './statistics.js';
import type { Report } from './suite.js';
import type { TypesRow } from './types.js';

const program = fileURLToPath(new URL('./main.js', import.meta.url));
const run = (...args: string[]) => promisify(execFile)(process.execPath, [program, ...args], { maxBuffer: 16 * 1024 * 1024 });

/** Runs a suite quickly. @returns what the last line of stdout says */
async function reportOf<Row>(suite: string): Promise<Report<Row>> {
  const { stdout } = await run(suite, '--quick', '--json');
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) as string) as Report<Row>;
}

function checkHead(t: ExecutionContext, report: Report<unknown>, suite: string): void {
  t.is(report.suite, suite);
  t.true(report.quick);
  t.true(Date.parse(report.startedAt) > 0);
  t.is(report.machine.node, process.version);
  t.true(report.machine.cores > 0);
}

test('bench messaging: every operation, place and depth has a row with a rate, raw baselines, nact and verdicts', async (t) => {
  const report = await reportOf<MessagingRow>('messaging');

  checkHead(t, report, 'messaging');
  const names = report.rows.map(({ operation, place, payload, inFlight }) => `${operation} ${place} ${payload} ${inFlight}`);
  const places = [
    ['local', 'object'],
    ['thread', 'object'],
    ['thread', 'bytes'],
    ['loopback', 'object'],
    ['loopback', 'bytes'],
  ];
  const expected = places.flatMap(([place, payload]) =>
    ['tell', 'ask'].flatMap((operation) => [1, 64, 1024].map((depth) => `${operation} ${place} ${payload} ${depth}`)),
  );
  t.deepEqual(names, expected);
  for (const { operation, place, godwit, baselines, verdicts } of report.rows) {
    t.deepEqual(
      baselines.map(({ name }) => name),
      { local: ['ring', 'nact'], thread: ['packed', 'postMessage', 'nact'], loopback: ['connect', 'tcp', 'nact'] }[place],
    );
    for (const measured of [godwit, ...baselines]) {
      t.true(measured.ratePerSecond > 0 && measured.ratio > 0 && measured.samples > 0);
      t.is(measured.latencyMs !== undefined, operation === 'ask');
    }
    for (const { of, bound, measured, met } of verdicts) t.is(met, measured >= bound, of);
  }
});

test('bench migration: every size moves cold and warm to the script tier, and to the native tier, and back', async (t) => {
  const report = await reportOf<MigrationRow>('migration');

  checkHead(t, report, 'migration');
  const kinds = ['script out cold', 'script out warm', 'script back warm', 'native out warm', 'native back warm'];
  const names = report.rows.map(({ size, tier, direction, warm }) => `${size} ${tier} ${direction} ${warm ? 'warm' : 'cold'}`);
  t.deepEqual(names.toSorted(), ['small', '1 MB', '16 MB'].flatMap((size) => kinds.map((kind) => `${size} ${kind}`)).toSorted());
  for (const row of report.rows) {
    t.true(row.stallMs.p50 >= 0 && row.stallMs.p99 >= row.stallMs.p50 && row.stallMs.samples > 0);
    t.true(row.totalMs.p50 > 0 && row.callerWaitMs.p50 > 0 && row.tcpMs.p50 > 0 && row.stallToTcp >= 0);
    t.is(row.bytes.module > 0, !row.warm);
    t.true(row.bytes.capture > { small: 0, '1 MB': 1 << 20, '16 MB': 16 << 20 }[row.size]);
    t.is(row.verdicts.length, row.size === 'small' ? 2 : 0);
  }
});

test('bench durability: every place, state, handler and depth has a row, and keeping nothing sends the standby nothing', async (t) => {
  const report = await reportOf<DurabilityRow>('durability');

  checkHead(t, report, 'durability');
  const synchronous = ['tell synchronous 1', 'tell synchronous 64', 'tell synchronous 1024', 'ask synchronous 1', 'ask synchronous 64'];
  const awaiting = ['tell awaiting 64', 'ask awaiting 1', 'ask awaiting 64'];
  const expected = {
    'home native small': [...synchronous, ...awaiting],
    'home native 100 kB': synchronous,
    'away native small': [...synchronous, ...awaiting],
    'away native 100 kB': synchronous,
    'away script small': ['tell synchronous 64', 'ask synchronous 64', 'ask awaiting 1'],
  };
  t.deepEqual(
    report.rows.map(({ place, tier, state, operation, handler, inFlight }) => `${place} ${tier} ${state} ${operation} ${handler} ${inFlight}`),
    Object.entries(expected).flatMap(([setting, loads]) => loads.map((load) => `${setting} ${load}`)),
  );
  for (const { place, operation, handler, keeps } of report.rows) {
    t.deepEqual(
      keeps.map(({ name }) => name),
      place === 'home' ? ['none', 'durable', 'durable (memory)'] : ['none', 'checkpoints', 'durable', 'durable (memory)'],
    );
    for (const { name, ratePerSecond, ratio, samples, latencyMs, perMessage } of keeps) {
      t.true(ratePerSecond > 0 && ratio > 0 && samples > 0);
      t.is(latencyMs !== undefined, operation === 'ask');
      t.is(perMessage.captures > 0 && perMessage.bytes > 0 && perMessage.diskBytes > 0, name !== 'none');
      t.is(perMessage.journals > 0, handler === 'awaiting' && name.startsWith('durable'));
      if (name === 'none') t.deepEqual(perMessage, { captures: 0, journals: 0, bytes: 0, diskBytes: 0 });
    }
  }
});

test('bench: an unknown suite, none, or an unknown flag is refused with the suites that there are', async (t) => {
  for (const args of [['telepathy'], [], ['messaging', 'migration']]) {
    const { code, stderr } = await t.throwsAsync<Error & { code: number; stderr: string }>(run(...args));
    t.is(code, 1);
    t.regex(stderr, /there are messaging, migration, durability/);
  }
  const { code, stderr } = await t.throwsAsync<Error & { code: number; stderr: string }>(run('messaging', '--quik'));
  t.is(code, 1);
  t.regex(stderr, /--quik/);
});

test('statistics: the median is the middle, a quantile the nearest rank', (t) => {
  t.is(median([3, 1, 2]), 2);
  t.is(quantile([1, 2, 3, 4], 0.99), 4);
  t.is(quantile([1, 2, 3, 4], 0.25), 1);
  t.deepEqual(latencyOf([5]), { p50: 5, p99: 5, samples: 1 });
  t.true(Number.isNaN(median([])));
});

test('rounds: contestants take turns, and ratios are taken round by round', async (t) => {
  const turns: string[] = [];
  const contestant = (name: string) => ({
    name,
    async run(count: number, timesMs?: number[]) {
      turns.push(name);
      await keepInFlight(count, 2, () => new Promise((resolve) => setImmediate(resolve)), timesMs);
    },
  });
  const [a, b] = await compare([contestant('a'), contestant('b')], 2, { rounds: 3, roundMs: 1, latencySamples: 6, moves: 0 }, true);

  t.deepEqual(turns.slice(-12), ['a', 'b', 'a', 'b', 'a', 'b', 'a', 'b', 'a', 'b', 'a', 'b']);
  t.is(a?.ratio, 1);
  t.true((b?.ratio ?? 0) > 0);
  t.is(a?.latencyMs?.samples, 6);
});

test('nact meter: answers the asks that come as lines, whole, in order and with their bytes', async (t) => {
  const server = createServer((socket) => serveNactMeter(new JsonLines(socket))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const lines = new JsonLines(socket);
  // The text is longer than any chunk of a socket, and its characters than a byte.
  const payloads = [{ type: 'inc', a: 1 }, new Uint8Array([0, 10, 255]), { text: 'a\n€'.repeat(100_000) }, new Uint8Array(0)];
  const answers: unknown[] = [];
  const all = new Promise<void>((resolve) => {
    lines.on('message', ({ payload }: PlainMessage) => {
      answers.push(payload instanceof Uint8Array ? new Uint8Array(payload) : payload);
      if (answers.length === payloads.length) resolve();
    });
  });

  for (const payload of payloads) {
    lines.postMessage({ ask: false, payload });
    lines.postMessage({ ask: true, payload });
  }
  await all;

  t.deepEqual(answers, payloads);
  socket.destroy();
  server.close();
});

test('bench types: the compiler takes godwit’s actors, plain classes and nothing', async (t) => {
  const report = await reportOf<TypesRow>('types');

  checkHead(t, report, 'types');
  const [row] = report.rows;
  t.is(row?.actors, 200);
  t.true(row !== undefined && row.emptyMs > 0 && row.plainMs > 0 && row.godwitMs > 0);
  t.is(row?.verdicts.length, 1);
});
