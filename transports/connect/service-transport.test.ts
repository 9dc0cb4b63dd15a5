import { once } from 'node:events';
import http2 from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { key } from '../test-support/node.js';

const endings: ReadonlyArray<readonly [string, (session: http2.ServerHttp2Session, socket: Socket) => void]> = [
  ['with an error', (session) => session.destroy(new Error('no ping was answered'), http2.constants.NGHTTP2_ENHANCE_YOUR_CALM)],
  ['by a reset', (_session, socket) => void socket.resetAndDestroy()],
];

for (const [how, end] of endings) {
  test(`services: a caller that was suspended while the server ended its idle session ${how} goes on, and calls again`, async (t) => {
    const server = http2.createServer((_request, response) => response.writeHead(200, { 'content-type': 'application/proto' }).end());
    const sockets: Socket[] = [];
    server.on('connection', (socket: Socket) => void sockets.push(socket));
    server.on('sessionError', () => {});
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const opened = once(server, 'session') as Promise<[http2.ServerHttp2Session]>;
    const ended = new Int32Array(new SharedArrayBuffer(4));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const client = new Worker(new URL('../test-support/held-up-client.js', import.meta.url), { workerData: { url, key, ended } });
    t.teardown(async () => {
      await client.terminate();
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    await once(client, 'message');
    const [session] = await opened;
    const [socket] = sockets as [Socket];

    const closed = new Promise((resolve) => socket.once('close', resolve));
    end(session, socket);
    await closed;
    Atomics.store(ended, 0, 1);
    Atomics.notify(ended, 0);

    t.deepEqual(await once(client, 'message'), ['answered again']);
  });
}
