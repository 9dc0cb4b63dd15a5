// The far side of 'loopback': a node, the raw baselines and nact, each on a port of its own. Ends when the near side disconnects.
import { type AddressInfo, createServer, type Server } from 'node:net';
import { spawn } from '#core';
import { createConnectServer, sharedKey } from '#transports/connect';
import { createOpaqueServer } from '../baselines/connect-stream.js';
import { JsonLines } from '../baselines/json-lines.js';
import { serveNactMeter } from '../baselines/nact-meter.js';
import { RecordStream } from '../baselines/record-stream.js';
import { benchKey, createBenchNode, createStore } from '../bench-node.js';
import { Meter } from '../meter.js';

/** What the near side is told. */
export interface FarAddresses {
  readonly godwit: string;
  readonly connect: string;
  readonly tcpPort: number;
  readonly nactPort: number;
}

const blobs = createStore();
const node = createBenchNode('far', { blobs });
spawn(node, Meter, 'meter');
const server = await createConnectServer({ port: 0, auth: sharedKey(benchKey), accept: (pipe) => node.accept(pipe), blobs });

const tcp = createServer({ noDelay: true }, (socket) => {
  const records = new RecordStream((bytes) => void socket.write(bytes));
  socket.on('data', (chunk) => records.receive(chunk));
  socket.on('error', () => {});
});

const nact = createServer({ noDelay: true }, (socket) => {
  serveNactMeter(new JsonLines(socket));
  socket.on('error', () => {});
});

process.once('disconnect', () => process.exit(0));
const addresses: FarAddresses = {
  godwit: `http://127.0.0.1:${server.port}`,
  connect: `http://127.0.0.1:${await listening(createOpaqueServer())}`,
  tcpPort: await listening(tcp),
  nactPort: await listening(nact),
};
process.send?.(addresses);

function listening(listener: Server): Promise<number> {
  return new Promise((resolve) => {
    listener.listen(0, '127.0.0.1', () => resolve((listener.address() as AddressInfo).port));
  });
}
