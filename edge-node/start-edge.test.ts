import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@connectrpc/connect';
import test, { type ExecutionContext } from 'ava';
import { GodwitError, type HostFunction } from '#core';
import { createNativeRuntime } from '#runtimes/native';
import { createServiceTransport } from '#transports/connect';
import { Telemetry } from '#transports/connect/control';
import { type Edge, type EdgeOptions, startEdge } from './start-edge.js';

const echo: HostFunction = { name: 'echo', call: async (_method, args) => args };

async function edgeOf(t: ExecutionContext, more: Partial<EdgeOptions> = {}): Promise<Edge> {
  const edge = await startEdge({ name: 'edge-1', port: 0, key: 'secret', runtimes: [createNativeRuntime()], hostFunctions: [echo], ...more });
  t.teardown(() => edge.close());
  return edge;
}

/** One call as an operator makes it with curl. */
async function call(edge: Edge, method: string, body: unknown, key = 'secret'): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${edge.url}/godwit.control.v1.${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const Map1 = { actor: 'robot-1/map', definition: 'map', version: 1, device: 'robot-1' };
const mapDefinition = { name: 'map', version: 1 } as NonNullable<EdgeOptions['definitions']>[number];

test('edge: answers a request in Connect JSON with an offer that carries measured speed and what is free', async (t) => {
  const edge = await edgeOf(t, { definitions: [mapDefinition], models: ['centernet'], limits: { memoryBytes: 1024 * 1024 * 1024, instances: 2 } });

  const { status, body } = await call(edge, 'OffloadManager/RequestOffload', { ...Map1, needs: { hostFunctions: ['echo'], models: ['centernet'] } });

  t.is(status, 200);
  const [offer] = body.offers as Array<Record<string, unknown>>;
  t.like(offer, {
    host: 'edge-1',
    url: edge.url,
    hostFunctions: ['echo'],
    models: ['centernet'],
    freeInstances: 2,
    freeMemoryBytes: '1073741824',
    expiresInMs: 10_000,
  });
  t.regex(String(offer?.token), /^[0-9a-f]{32}$/);
  const [tier] = (offer?.tiers ?? []) as Array<Record<string, unknown>>;
  t.is(tier?.tier, 'native');
  t.true((tier?.operationsPerSecond as number) > 0);
});

test('edge: an accepted offer is an assignment, shown to the operator by both roles', async (t) => {
  const edge = await edgeOf(t, { definitions: [mapDefinition] });
  const { body } = await call(edge, 'OffloadManager/RequestOffload', Map1);
  const [{ token }] = body.offers as [{ token: string }];

  const accepted = await call(edge, 'OffloadManager/AcceptOffer', { token, device: 'robot-1' });

  t.like(accepted.body.assignment, { token, host: 'edge-1', url: edge.url, expiresInMs: 30_000 });
  for (const method of ['OffloadManager/ListOffloads', 'RemoteOffload/Status']) {
    const [held] = (await call(edge, method, {})).body.reservations as Array<Record<string, unknown>>;
    t.like(held, { actor: 'robot-1/map', device: 'robot-1', host: 'edge-1', status: 'assigned' });
  }
});

test('edge: a URL that no device could dial is refused at once; a path is none of it', async (t) => {
  for (const url of ['nowhere', 'edge.local:7443', 'ftp://edge.local']) {
    const error = await t.throwsAsync(edgeOf(t, { url }), { instanceOf: GodwitError });

    t.is(error.code, 'INVALID_ARGUMENT');
    t.is(error.message, `"${url}" is no address of a node: it looks like https://host:port`);
  }
  t.is((await edgeOf(t, { url: 'https://edge.local:7443/' })).url, 'https://edge.local:7443');
});

test('edge: every control service wants the shared key', async (t) => {
  const edge = await edgeOf(t);
  for (const method of ['OffloadManager/RequestOffload', 'RemoteOffload/Assign', 'Execution/ListInstances', 'Telemetry/Read']) {
    const { status, body } = await call(edge, method, {}, 'wrong');

    t.is(status, 401);
    t.is(body.code, 'unauthenticated');
  }
});

test('edge: malformed requests are refused, naming what is wrong', async (t) => {
  const edge = await edgeOf(t);
  const wrongs: Array<[Record<string, unknown>, RegExp]> = [
    [{ ...Map1, actor: 'nowhere' }, /'nowhere' is no address/],
    [{ ...Map1, device: '../x' }, /device name/],
    [{ ...Map1, version: 0 }, /version of map/],
    [{ ...Map1, needs: { memoryBytes: '18446744073709551615' } }, /more than any host has/],
  ];
  for (const [wrong, message] of wrongs) {
    const { status, body } = await call(edge, 'OffloadManager/RequestOffload', wrong);

    t.is(status, 400);
    t.is(body.code, 'invalid_argument');
    t.regex(String(body.message), message);
  }
});

test('edge: over its limits there is no offer, with RESOURCE_EXHAUSTED and the limit as the reason', async (t) => {
  const edge = await edgeOf(t, { definitions: [mapDefinition], limits: { instances: 0 } });

  const { status, body } = await call(edge, 'OffloadManager/RequestOffload', Map1);

  t.is(status, 200);
  t.is(body.offers, undefined);
  t.like((body.refusals as unknown[])[0], { code: 'RESOURCE_EXHAUSTED', reason: 'host edge-1 has no room: all of its 0 instances are in use' });
});

test('edge: with its control ended it makes no offers, but still shows what runs', async (t) => {
  const edge = await edgeOf(t);
  edge.closeControl();

  t.is((await call(edge, 'OffloadManager/RequestOffload', Map1)).status, 503);
  t.is((await call(edge, 'Execution/ListRuntimes', {})).status, 200);
  t.is((await call(edge, 'RemoteOffload/Status', {})).status, 200);
});

test('edge: tells which blobs it has', async (t) => {
  const edge = await edgeOf(t);
  const absent = 'a'.repeat(64);

  t.is((await call(edge, 'Execution/FindBlobs', { hashes: [absent] })).body.hashes, undefined);
  t.is((await call(edge, 'Execution/FindBlobs', { hashes: ['../etc'] })).status, 400);
});

test('edge: telemetry has a value or a reason for every metric', async (t) => {
  const edge = await edgeOf(t);
  const { body } = await call(edge, 'Telemetry/Read', {});
  const readings = body.readings as Array<{ metric: string; value?: number; unavailable?: string }>;

  t.deepEqual(readings.map(({ metric }) => metric).sort(), [
    'battery',
    'cpu',
    'gpu',
    'linkRtt',
    'memory',
    'networkReceived',
    'networkSent',
    'power',
    'temperature',
  ]);
  for (const { metric, value, unavailable } of readings) t.true(value !== undefined || (unavailable ?? '') !== '', metric);
});

test('edge: telemetry is streamed to who watches, until the watcher leaves', async (t) => {
  const edge = await edgeOf(t);
  const telemetry = createClient(Telemetry, createServiceTransport(edge.url, { key: 'secret' }));
  const counts: number[] = [];

  for await (const { readings } of telemetry.watch({ intervalMs: 100 })) {
    counts.push(readings.length);
    if (counts.length === 2) break;
  }

  t.deepEqual(counts, [9, 9]);
});

test('edge: a tier that cannot be measured says why in its offers', async (t) => {
  const edge = await edgeOf(t, { runtimes: [createNativeRuntime(), { ...createNativeRuntime(), tier: 'script' }] });

  const [native, script] = edge.execution.list();

  t.true((native?.speed.operationsPerSecond ?? 0) > 0);
  t.is(script?.speed.operationsPerSecond, 0);
  t.regex(script?.speed.benchmark ?? '', /^not measured: the edge was given no module source/);
});

test('edge: refuses to start without a key, with a bad name or limit, or on a port in use', async (t) => {
  const edge = await edgeOf(t);
  const codeOf = async (more: Partial<EdgeOptions>) =>
    (await t.throwsAsync(startEdge({ name: 'edge-2', port: 0, key: 'secret', runtimes: [createNativeRuntime()], ...more }), { instanceOf: GodwitError }))?.code;

  t.is(await codeOf({ key: '' }), 'INVALID_ARGUMENT');
  t.is(await codeOf({ name: 'edge 2' }), 'INVALID_ARGUMENT');
  t.is(await codeOf({ limits: { instances: -1 } }), 'INVALID_ARGUMENT');
  t.is(await codeOf({ runtimes: [] }), 'INVALID_ARGUMENT');
  t.is(await codeOf({ port: edge.port }), 'ALREADY_EXISTS');
});

test('edge: with a directory, a shared name is kept for its actor when the edge starts again', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'godwit-edge-'));
  t.teardown(() => rm(dataDir, { recursive: true }));
  const definitions = [mapDefinition];
  const first = await edgeOf(t, { definitions, dataDir });
  const { body } = await call(first, 'OffloadManager/RequestOffload', { ...Map1, sharedName: 'map' });
  const [{ token }] = body.offers as [{ token: string }];
  await call(first, 'OffloadManager/AcceptOffer', { token, device: 'robot-1' });
  const twice = await t.throwsAsync(edgeOf(t, { definitions, dataDir }), { instanceOf: GodwitError });
  await first.close();
  const again = await edgeOf(t, { definitions, dataDir });
  const other = await call(again, 'OffloadManager/RequestOffload', { ...Map1, actor: 'robot-2/map', device: 'robot-2', sharedName: 'map' });
  const same = await call(again, 'OffloadManager/RequestOffload', { ...Map1, sharedName: 'map' });

  t.is(twice?.code, 'FAILED_PRECONDITION');
  t.regex((other.body.refusals as [{ reason: string }])[0].reason, /^the name 'map' is kept for robot-1\/map for \d+ ms more: /);
  t.is((same.body.offers as unknown[]).length, 1);
});
