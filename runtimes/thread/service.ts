/** Inside half of a service thread (outside half: `service-thread.ts`): carries out requests and answers each of them once. */
import { parentPort } from 'node:worker_threads';
import { GodwitError, valueFromError } from '#core';
import type { Answer, Request } from './service-thread.js';

/** What a service hands back: a value, and the buffers in it that may be moved instead of copied. */
export interface Served {
  readonly value: unknown;
  readonly transfer?: readonly ArrayBuffer[];
}

/** Answers the calls of this thread's owner with `handle`. Calls may overlap; a service that cannot bear that queues them itself. */
export function serve(handle: (method: string, args: readonly unknown[]) => Promise<Served>): void {
  const port = parentPort;
  if (port === null) throw new GodwitError('FAILED_PRECONDITION', 'a service thread must be started as a worker thread');

  async function answer(request: Request): Promise<void> {
    try {
      const { value, transfer } = await handle(request.method, request.args);
      port?.postMessage({ id: request.id, value } satisfies Answer, [...(transfer ?? [])]);
    } catch (thrown) {
      port?.postMessage({ id: request.id, error: valueFromError(GodwitError.from(thrown, 'INTERNAL')) } satisfies Answer);
    }
  }

  port.on('message', (request: Request) => void answer(request));
}
