import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { createClient } from '@connectrpc/connect';
import { createWritableIterable } from '@connectrpc/connect/protocol';
import test from 'ava';
import { GodwitError, type Pipe } from '#core';
import { relay } from '../relay/index.js';
import { selfSigned } from '../test-support/certificate.js';
import { key, startNode } from '../test-support/node.js';
import { Link } from './gen/godwit/link/v1/link_pb.js';
import { createConnectTransport, createServiceTransport } from './index.js';

function closed(pipe: Pipe): Promise<GodwitError | undefined> {
  return new Promise((resolve) => {
    pipe.onClose = resolve;
  });
}

test('link: a wrong key is refused UNAUTHENTICATED and no pipe is accepted', async (t) => {
  const { url, pipes } = await startNode(t);

  const error = await t.throwsAsync(createConnectTransport({ key: 'wrong' }).dial(url), { instanceOf: GodwitError });

  t.is(error.code, 'UNAUTHENTICATED');
  t.is(pipes.length, 0);
});

test('link: a server refuses another protocol version FAILED_PRECONDITION, naming both', async (t) => {
  const { url, pipes } = await startNode(t);
  const client = createClient(Link, createServiceTransport(url, { key }));

  const error = await t.throwsAsync(async () => {
    for await (const frame of client.attach(createWritableIterable(), { headers: { 'godwit-protocol': '7' } })) t.fail(`unexpected frame ${frame.records}`);
  });

  t.regex(error.message, /failed_precondition.*version 7.*version 1/);
  t.is(pipes.length, 0);
});

test('link: a dialling node refuses a server of another protocol version FAILED_PRECONDITION, naming both', async (t) => {
  const server = http2.createServer();
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/connect+proto', 'godwit-protocol': '2' });
    stream.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());

  const { port } = server.address() as AddressInfo;
  const error = await t.throwsAsync(createConnectTransport({ key }).dial(`http://127.0.0.1:${port}`), { instanceOf: GodwitError });

  t.is(error.code, 'FAILED_PRECONDITION');
  t.regex(error.message, /version 2 .*version 1/);
});

test('link: a client generated from the proto attaches and exchanges frames', async (t) => {
  const { url } = await startNode(t, {
    accept: (pipe) => {
      pipe.onFrame = (frame) => pipe.send(frame);
    },
  });
  const requests = createWritableIterable<{ records: Uint8Array }>();
  const answers = createClient(Link, createServiceTransport(url, { key })).attach(requests, { headers: { 'godwit-protocol': '1' } });
  const lengths: number[] = [];

  const sent = [0, 3, 100_000].map((length) => requests.write({ records: new Uint8Array(length) }));
  for await (const { records } of answers) {
    lengths.push(records.length);
    if (lengths.length === 3) requests.close();
    if (lengths.length === 3) break;
  }
  await Promise.allSettled(sent);

  t.deepEqual(lengths, [0, 3, 100_000]);
});

test('link: an untrusted certificate fails UNAUTHENTICATED and says what to give', async (t) => {
  const { url } = await startNode(t, { tls: selfSigned() });

  const error = await t.throwsAsync(createConnectTransport({ key }).dial(url), { instanceOf: GodwitError });

  t.is(error.code, 'UNAUTHENTICATED');
  t.regex(error.message, /tls\.ca/);
});

for (const side of ['near', 'far'] as const) {
  test(`link: a frame over the limit of the ${side === 'near' ? 'accepting' : 'dialling'} node closes both ends RESOURCE_EXHAUSTED`, async (t) => {
    const small = { maxFrameBytes: 1000 };
    const { url, pipes } = await startNode(t, side === 'near' ? { limits: small } : {});
    const near = await createConnectTransport({ key, ...(side === 'far' ? { limits: small } : {}) }).dial(url);
    const far = pipes[0];
    const ends = Promise.all([closed(near), closed(far)]);

    (side === 'near' ? near : far).send(new Uint8Array(5000));

    t.deepEqual(
      (await ends).map((error) => error?.code),
      ['RESOURCE_EXHAUSTED', 'RESOURCE_EXHAUSTED'],
    );
  });
}

test('link: a far side that falls silent is noticed by pings, at both ends', async (t) => {
  const limits = { pingIntervalMs: 20, pingTimeoutMs: 700 };
  const { server, pipes } = await startNode(t, { limits });
  const relayed = await relay({ to: { host: '127.0.0.1', port: server.port } });
  t.teardown(() => relayed.close());
  const near = await createConnectTransport({ key, limits }).dial(relayed.url);
  const ends = Promise.all([closed(near), closed(pipes[0])]);

  relayed.stall();

  t.deepEqual(
    (await ends).map((error) => error?.code),
    ['UNAVAILABLE', 'UNAVAILABLE'],
  );
});

test('link: a dial that nobody answers is given up by its signal and by its timeout', async (t) => {
  const { server } = await startNode(t);
  const controller = new AbortController();
  const relayed = await relay({ to: { host: '127.0.0.1', port: server.port }, onPiece: () => controller.abort() });
  t.teardown(() => relayed.close());
  relayed.stall();
  const { url } = relayed;

  const aborted = await t.throwsAsync(createConnectTransport({ key }).dial(url, controller.signal), { instanceOf: GodwitError });
  const timedOut = await t.throwsAsync(createConnectTransport({ key, limits: { dialTimeoutMs: 50 } }).dial(url), { instanceOf: GodwitError });

  t.is(aborted.code, 'CANCELLED');
  t.is(timedOut.code, 'UNAVAILABLE');
});

test('link: a malformed address and an empty key are refused INVALID_ARGUMENT', async (t) => {
  const error = await t.throwsAsync(createConnectTransport({ key }).dial('edge.local'), { instanceOf: GodwitError });
  const empty = t.throws(() => createConnectTransport({ key: '' }), { instanceOf: GodwitError });

  t.is(error.code, 'INVALID_ARGUMENT');
  t.is(empty.code, 'INVALID_ARGUMENT');
});

test('link: a closing server closes its pipes and frees the port without waiting for the linger to pass', async (t) => {
  const { server, url } = await startNode(t, { limits: { lingerMs: 600_000 } });
  const near = await createConnectTransport({ key, limits: { lingerMs: 600_000 } }).dial(url);
  const end = closed(near);

  await server.close();

  t.is((await end)?.code, 'UNAVAILABLE');
});
