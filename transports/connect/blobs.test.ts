import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { GodwitError, type Hash } from '#core';
import { createMemoryBlobs } from '../memory/index.js';
import { relay } from '../relay/index.js';
import { nodeDigest, sha256 } from '../test-support/digest.js';
import { key, startNode } from '../test-support/node.js';
import { createBlobClient, createBlobTransfer } from './index.js';

const authorization = `Bearer ${key}`;
const megabyte = 1 << 20;

function bytesOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >>> 9)) & 0xff);
}

test('blobs: an upload arrives, is not sent twice, and comes back the same', async (t) => {
  const { url, blobs } = await startNode(t);
  const client = createBlobClient(url, { key });
  t.teardown(() => client.close());
  const bytes = bytesOf(3 * megabyte + 5);
  const hash = sha256(bytes);

  const sent = [await client.upload(hash, bytes), await client.upload(hash, bytes)];

  t.deepEqual(sent, [bytes.length, 0]);
  t.true(await client.has(hash));
  t.is(sha256(await blobs.get(hash)), hash);
  t.is(sha256(await client.download(hash)), hash);
});

test('blobs: an upload and a download that break in the middle go on where they stopped', async (t) => {
  const { server, blobs } = await startNode(t);
  const passed = { up: 0, down: 0 };
  const passedAtReset = { up: 0, down: 0 };
  const relayed = await relay({
    to: { host: '127.0.0.1', port: server.port },
    onPiece(count, direction) {
      passed[direction] += count;
      if (passedAtReset[direction] > 0 || passed[direction] < 10 * megabyte) return;
      passedAtReset[direction] = passed[direction];
      relayed.reset();
    },
  });
  t.teardown(() => relayed.close());
  const client = createBlobClient(relayed.url, { key });
  t.teardown(() => client.close());
  const bytes = bytesOf(24 * megabyte);
  const hash = sha256(bytes);

  const sent = await client.upload(hash, bytes);

  t.true(sent > 0 && sent < bytes.length, `the last try sent ${sent} of ${bytes.length} bytes`);
  t.is(sha256(await blobs.get(hash)), hash);

  t.is(sha256(await client.download(hash)), hash);
  t.true(passedAtReset.up > 0 && passedAtReset.down > 0);
  const afresh = passedAtReset.down + bytes.length;
  t.true(passed.down < afresh, `a fresh start would have fetched ${afresh} bytes or more, ${passed.down} came`);
});

function createBlobClientOnce(t: { teardown(run: () => void): void }, url: string) {
  const client = createBlobClient(url, { key });
  t.teardown(() => client.close());
  return client;
}

test('blobs: plain HTTP puts in pieces, sees where it stands, and gets ranges', async (t) => {
  const { url } = await startNode(t);
  const bytes = bytesOf(100);
  const at = `${url}/blobs/${sha256(bytes)}`;

  const first = await fetch(at, { method: 'PUT', headers: { authorization, 'upload-length': '100' }, body: bytes.slice(0, 60) });
  const head = await fetch(at, { method: 'HEAD', headers: { authorization } });
  const wrong = await fetch(at, { method: 'PUT', headers: { authorization, 'content-range': 'bytes 10-99/100' }, body: bytes.slice(10) });
  const rest = await fetch(at, { method: 'PUT', headers: { authorization, 'content-range': 'bytes 60-99/100' }, body: bytes.slice(60) });
  const range = await fetch(at, { headers: { authorization, range: 'bytes=90-' } });
  const beyond = await fetch(at, { headers: { authorization, range: 'bytes=100-' } });

  t.deepEqual([first.status, head.status, wrong.status, rest.status, range.status, beyond.status], [202, 404, 409, 201, 206, 416]);
  t.deepEqual([head.headers.get('upload-offset'), wrong.headers.get('upload-offset')], ['60', '60']);
  t.deepEqual(new Uint8Array(await range.arrayBuffer()), bytes.slice(90));
});

test('blobs: corrupt bytes are refused DATA_LOSS, kept nowhere, and a correct try succeeds', async (t) => {
  const { url, blobs } = await startNode(t);
  const client = createBlobClientOnce(t, url);
  const bytes = bytesOf(5000);
  const hash = sha256(bytes);
  const corrupt = bytes.slice();
  corrupt[2500] ^= 1;

  const error = await t.throwsAsync(client.upload(hash, corrupt), { instanceOf: GodwitError });

  t.is(error.code, 'DATA_LOSS');
  t.false(await blobs.has(hash));
  t.false(await blobs.has(sha256(corrupt)));
  t.is(await client.upload(hash, bytes), bytes.length);
});

test('blobs: a blob over the limit is refused before its bytes are read, at either end', async (t) => {
  const { url } = await startNode(t, { limits: { maxBlobBytes: 1000 } });
  const large = await startNode(t);
  const bytes = bytesOf(2 * megabyte);
  const hash = await large.blobs.put(bytes);

  const up = await t.throwsAsync(createBlobClientOnce(t, url).upload(hash, bytes), { instanceOf: GodwitError });
  const client = createBlobClient(large.url, { key, limits: { maxBlobBytes: 1000 } });
  t.teardown(() => client.close());
  const down = await t.throwsAsync(client.download(hash), { instanceOf: GodwitError });
  const plain = await fetch(`${url}/blobs/${hash}`, { method: 'PUT', headers: { authorization, 'upload-length': '5000' }, body: 'x' });

  t.is(up.code, 'RESOURCE_EXHAUSTED');
  t.is(down.code, 'RESOURCE_EXHAUSTED');
  t.is(plain.status, 413);
});

test('blobs: no key, a malformed hash and an unknown blob are refused 401, 400 and 404', async (t) => {
  const { url } = await startNode(t);
  const unknown = `${url}/blobs/${'0'.repeat(64)}`;

  const answers = [await fetch(unknown), await fetch(`${url}/blobs/xyz`, { headers: { authorization } }), await fetch(unknown, { headers: { authorization } })];
  const error = await t.throwsAsync(createBlobClientOnce(t, url).download('0'.repeat(64) as Hash), { instanceOf: GodwitError });

  t.deepEqual(
    answers.map(({ status }) => status),
    [401, 400, 404],
  );
  t.is(error.code, 'NOT_FOUND');
});

test('blobs: a download whose bytes do not match fails DATA_LOSS', async (t) => {
  const server = http2.createServer((_request, response) => {
    response.setHeader('content-length', 3);
    response.end('abc');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());

  const client = createBlobClientOnce(t, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const error = await t.throwsAsync(client.download('0'.repeat(64) as Hash), { instanceOf: GodwitError });

  t.is(error.code, 'DATA_LOSS');
});

test('blob transfer: the dialling side puts what it offers and gets what it obtains', async (t) => {
  const { url, blobs: edge } = await startNode(t);
  const device = createMemoryBlobs({ digest: nodeDigest });
  const dialling = createBlobTransfer({ key, blobs: device, peers: (peer) => (peer === 'edge' ? url : undefined) });
  const accepting = createBlobTransfer({ key, blobs: edge, peers: () => undefined });
  t.teardown(() => dialling.close());
  const there = await device.put(bytesOf(1000));
  const back = await edge.put(bytesOf(2000));

  await dialling.offer('edge', there);
  await accepting.offer('device', back);
  const missing = await t.throwsAsync(accepting.obtain('device', '1'.repeat(64) as Hash), { instanceOf: GodwitError });

  t.is((await accepting.obtain('device', there)).length, 1000);
  t.is((await dialling.obtain('edge', back)).length, 2000);
  t.true(await device.has(back));
  t.is(missing.code, 'NOT_FOUND');
});
