// A thread that calls a server, is held up until the server has ended the connection, and then finds its idle timer due, as a process that was
// suspended does. Then it calls again. Its timers are watched, so that "due" is a matter of order and not of time.
import { parentPort, workerData } from 'node:worker_threads';
import { createClient } from '@connectrpc/connect';
import { Health } from '../connect/gen/grpc/health/v1/health_pb.js';
import { createServiceTransport } from '../connect/index.js';

const { url, key, ended } = workerData as { readonly url: string; readonly key: string; readonly ended: Int32Array };

/** Until a session closes that carries no call. */
const idleMs = 10_000;

const platformTimeout = globalThis.setTimeout;
/** What the idle timer does: armed when the session opens, and again when its first call is over. */
const idle = new Promise<() => void>((resolve) => {
  let armed = 0;
  globalThis.setTimeout = ((task: () => void, delayMs?: number) => {
    if (delayMs === idleMs && ++armed === 2) resolve(task);
    return platformTimeout(task, delayMs);
  }) as typeof setTimeout;
});

const client = createClient(Health, createServiceTransport(url, { key }));
await client.check({});
const due = await idle;
// Among the timers, as it happens: what came meanwhile is read after them.
await new Promise<void>((resolve) => {
  platformTimeout(() => {
    parentPort?.postMessage('idle');
    Atomics.wait(ended, 0, 0);
    due();
    resolve();
  });
});
await client.check({});
parentPort?.postMessage('answered again');
