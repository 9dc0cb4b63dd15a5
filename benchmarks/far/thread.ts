// The far side of 'thread': a node, and the raw baselines, each on a port of its own.
import { type MessagePort, workerData } from 'node:worker_threads';
import { spawn } from '#core';
import { createPortPipe } from '#transports/worker';
import { RecordStream } from '../baselines/record-stream.js';
import { createBenchNode } from '../bench-node.js';
import { Meter } from '../meter.js';

/** What the near side gives this thread. */
export interface FarPorts {
  readonly godwit: MessagePort;
  readonly packed: MessagePort;
  readonly plain: MessagePort;
}

/** A message of the plain port: everything is one, and `ask` wants it back. */
export interface PlainMessage {
  readonly ask: boolean;
  readonly payload: unknown;
}

const { godwit, packed, plain } = workerData as FarPorts;

const node = createBenchNode('far');
spawn(node, Meter, 'meter');
node.accept(createPortPipe(godwit));

const records = new RecordStream((bytes) => packed.postMessage(bytes.buffer, [bytes.buffer as ArrayBuffer]));
packed.on('message', (buffer: ArrayBuffer) => records.receive(new Uint8Array(buffer)));

plain.on('message', (message: PlainMessage) => {
  if (message.ask) plain.postMessage(message);
});
