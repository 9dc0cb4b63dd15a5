// A thread that sends every frame back: the far end of a pipe, really in another thread.
import { type MessagePort, parentPort } from 'node:worker_threads';
import type { Pipe } from '#core';
import { createPortPipe } from '../worker/pipe.js';

parentPort?.once('message', (port: MessagePort) => {
  const pipe: Pipe = createPortPipe(port);
  pipe.onFrame = (frame) => pipe.send(frame);
});
