import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createConnectTransport } from '#transports/connect';
import { openOpaqueStream } from '../baselines/connect-stream.js';
import { JsonLines } from '../baselines/json-lines.js';
import { RecordStream } from '../baselines/record-stream.js';
import { benchKey, createBenchNode } from '../bench-node.js';
import type { FarAddresses } from '../far/process.js';
import type { Place } from './peer.js';
import { nodePeer, plainPeer, recordPeer } from './remote.js';

/** Our node in another process, a bare Connect stream, raw TCP, and nact behind lines of JSON. */
export async function openLoopback(): Promise<Place> {
  const child = fork(fileURLToPath(new URL('../far/process.js', import.meta.url)), { execArgv: [] });
  const [addresses] = (await once(child, 'message')) as [FarAddresses];
  const node = createBenchNode('near');
  await node.keepLink(createConnectTransport({ key: benchKey }), addresses.godwit).linked;
  const stream = openOpaqueStream(addresses.connect);
  const socket = await openSocket(addresses.tcpPort);
  const records = new RecordStream((bytes) => void socket.write(bytes));
  socket.on('data', (chunk) => records.receive(chunk));
  const nact = await openSocket(addresses.nactPort);
  return {
    peers: [nodePeer(node), recordPeer('connect', stream.records), recordPeer('tcp', records), plainPeer('nact', new JsonLines(nact))],
    async close() {
      await node.close();
      stream.close();
      socket.destroy();
      nact.destroy();
      child.disconnect();
      await once(child, 'exit');
    },
  };
}

async function openSocket(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  return socket;
}
