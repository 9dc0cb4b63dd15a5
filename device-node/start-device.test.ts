import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { actor, bytesFrom, GodwitError, spawn } from '#core';
import { joinNeeds } from './needs.js';
import { type DeviceOptions, startDevice } from './start-device.js';

const Counter = actor('counter', { state: () => ({ total: 0 }), on: { add: (state, by: number) => (state.total += by) } });
const Camera = actor('camera', { state: () => ({}), on: { look: () => 'seen' }, needs: { pinned: true } });

test('device: works at once without any edge in sight', async (t) => {
  // Port 9 (discard) is not served here: the edge is not there.
  await using device = await startDevice({ name: 'robot-1', edges: ['http://127.0.0.1:9'], key: 'secret' });
  const counter = spawn(device, Counter, 'counter');

  t.is(await counter.add(2), 2);
  t.like(device.edges()[0], { url: 'http://127.0.0.1:9', linked: false });
  const error = await t.throwsAsync(device.offload.request(counter), { instanceOf: GodwitError });
  t.is(error?.code, 'UNAVAILABLE');
  t.regex(error?.message ?? '', /no edge answers device robot-1.*127\.0\.0\.1:9/);
});

test('device: refuses to start with edges and no key', async (t) => {
  const error = await t.throwsAsync(startDevice({ name: 'robot-1', edges: ['http://127.0.0.1:9'] }), { instanceOf: GodwitError });

  t.is(error?.code, 'INVALID_ARGUMENT');
  t.regex(error?.message ?? '', /no shared key/);
});

test('device: refuses an edge address that is no URL', async (t) => {
  const error = await t.throwsAsync(startDevice({ name: 'robot-1', edges: ['edge-1'], key: 'secret' }), { instanceOf: GodwitError });

  t.is(error?.code, 'INVALID_ARGUMENT');
});

test('device: has its directory for itself until it is closed, or did not start', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'godwit-device-'));
  t.teardown(() => rm(dataDir, { recursive: true }));
  const codeOf = async (more: Partial<DeviceOptions>) =>
    (await t.throwsAsync(startDevice({ name: 'robot-1', dataDir, ...more }), { instanceOf: GodwitError }))?.code;
  const refused = await codeOf({ edges: ['edge-1'], key: 'secret' });
  const device = await startDevice({ name: 'robot-1', dataDir });
  const counter = spawn(device, Counter, 'counter');
  const total = await counter.add(2);
  const second = await codeOf({});
  const missing = await codeOf({ dataDir: join(dataDir, 'not', 'there') });
  await device.close();
  await (await startDevice({ name: 'robot-1', dataDir })).close();

  t.deepEqual([refused, total, second, missing], ['INVALID_ARGUMENT', 2, 'FAILED_PRECONDITION', 'NOT_FOUND']);
  t.true((await readdir(dataDir)).includes('store.log'));
});

test('offload handler: a pinned actor is never requested for, nor one of another device', async (t) => {
  await using device = await startDevice({ name: 'robot-1' });
  await using other = await startDevice({ name: 'robot-2' });
  const camera = spawn(device, Camera, 'camera');

  const pinned = await t.throwsAsync(device.offload.request(camera), { instanceOf: GodwitError });
  const strange = await t.throwsAsync(other.offload.request(camera), { instanceOf: GodwitError });

  t.is(pinned?.code, 'FAILED_PRECONDITION');
  t.regex(pinned?.message ?? '', /pinned/);
  t.is(strange?.code, 'NOT_FOUND');
});

test('needs: memory is read as bytes, with binary units', (t) => {
  t.is(bytesFrom(1024), 1024);
  t.is(bytesFrom('64MiB'), 64 * 1024 * 1024);
  t.is(bytesFrom('1.5 KiB'), 1536);
  for (const wrong of ['64MB', '-1', 'many', '']) t.is(t.throws(() => bytesFrom(wrong), { instanceOf: GodwitError })?.code, 'INVALID_ARGUMENT');
});

test('needs: a request overrides the memory of the definition and adds to its lists', (t) => {
  const joined = joinNeeds({ memory: '1MiB', hostFunctions: ['nn'], pinned: true }, { memory: '2MiB', hostFunctions: ['nn', 'image'], models: ['m'] });

  t.deepEqual(joined, { memory: '2MiB', hostFunctions: ['nn', 'image'], models: ['m'], pinned: true });
});
