// The far side of 'thread': a node, the raw baselines and nact, each on a port of its own.
import { type MessagePort, workerData } from 'node:worker_threads';
import { spawn } from '#core';
import { createPortPipe } from '#transports/worker';
import { serveNactMeter } from '../baselines/nact-meter.js';
import type { PlainMessage } from '../baselines/plain-port.js';
import { RecordStream } from '../baselines/record-stream.js';
import { createBenchNode } from '../bench-node.js';
import { Meter } from '../meter.js';

/** What the near side gives this thread. */
export interface FarPorts {
  readonly godwit: MessagePort;
  readonly packed: MessagePort;
  readonly plain: MessagePort;
  readonly nact: MessagePort;
}

const { godwit, packed, plain, nact } = workerData as FarPorts;

const node = createBenchNode('far');
spawn(node, Meter, 'meter');
node.accept(createPortPipe(godwit));

const records = new RecordStream((bytes) => packed.postMessage(bytes.buffer, [bytes.buffer as ArrayBuffer]));
packed.on('message', (buffer: ArrayBuffer) => records.receive(new Uint8Array(buffer)));

plain.on('message', (message: PlainMessage) => {
  if (message.ask) plain.postMessage(message);
});

serveNactMeter(nact);
