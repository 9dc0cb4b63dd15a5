import { MessageChannel, Worker } from 'node:worker_threads';
import { createPortPipe } from '#transports/worker';
import { RecordStream } from '../baselines/record-stream.js';
import { createBenchNode, linked } from '../bench-node.js';
import type { FarPorts } from '../far/thread.js';
import type { Place } from './peer.js';
import { nodePeer, plainPeer, recordPeer } from './remote.js';

/** Our node in a worker thread, one packed transferred buffer per microtask, one `postMessage` per message, and nact behind the same. */
export async function openThread(): Promise<Place> {
  const godwit = new MessageChannel();
  const packed = new MessageChannel();
  const plain = new MessageChannel();
  const nact = new MessageChannel();
  const ports: FarPorts = { godwit: godwit.port2, packed: packed.port2, plain: plain.port2, nact: nact.port2 };
  const worker = new Worker(new URL('../far/thread.js', import.meta.url), {
    workerData: ports,
    transferList: [godwit.port2, packed.port2, plain.port2, nact.port2],
    execArgv: [],
  });
  const node = createBenchNode('near');
  node.accept(createPortPipe(godwit.port1));
  await linked(node);
  const records = new RecordStream((bytes) => packed.port1.postMessage(bytes.buffer, [bytes.buffer as ArrayBuffer]));
  packed.port1.on('message', (buffer: ArrayBuffer) => records.receive(new Uint8Array(buffer)));
  return {
    peers: [nodePeer(node), recordPeer('packed', records), plainPeer('postMessage', plain.port1), plainPeer('nact', nact.port1)],
    async close() {
      await node.close();
      packed.port1.close();
      plain.port1.close();
      nact.port1.close();
      await worker.terminate();
    },
  };
}
