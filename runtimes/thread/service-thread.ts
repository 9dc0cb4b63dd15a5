/**
 * Outside half of a worker thread that answers calls (inside half: `service.ts`). Starts at the first call, keeps the process alive only
 * while calls are open, and is started afresh by the next call after it died.
 *
 * T1 Every call ends: with its answer, or UNAVAILABLE when the thread died or was closed first.
 */
import { Worker } from 'node:worker_threads';
import { type ErrorValue, errorFromValue, GodwitError } from '#core';

/** One call on its way in. */
export interface Request {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** Its answer on the way out. */
export type Answer = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: ErrorValue };

/** A worker thread that answers calls. Arguments are copied, results are moved. */
export interface ServiceThread {
  /** @throws {GodwitError} what the service threw · UNAVAILABLE the thread died or is closed · INVALID_ARGUMENT arguments that cannot be cloned */
  call(method: string, args: readonly unknown[]): Promise<unknown>;
  /** Ends the thread and every open call; idempotent. */
  close(): Promise<void>;
}

interface OpenCall {
  resolve(value: unknown): void;
  reject(error: GodwitError): void;
}

/**
 * @param name for errors, e.g. 'nn'
 * @param entry the compiled module that calls `serve`
 * @param options cloned into the thread as its `workerData`
 */
export function createServiceThread(name: string, entry: URL, options: unknown): ServiceThread {
  const open = new Map<number, OpenCall>();
  let worker: Worker | undefined;
  let closed = false;
  let lastId = 0;

  function start(): Worker {
    const started = new Worker(entry, { workerData: options, name: `godwit-${name}` });
    let reason: unknown = 'it exited';
    started.on('message', (answer: Answer) => settle(answer));
    started.on('error', (error) => {
      reason = error;
    });
    started.on('exit', () => {
      if (worker === started) worker = undefined;
      failAll(new GodwitError('UNAVAILABLE', `${name} thread died: ${GodwitError.from(reason).message}`, { cause: reason }));
    });
    return started;
  }

  function settle(answer: Answer): void {
    const call = open.get(answer.id);
    if (call === undefined) return;
    open.delete(answer.id);
    if (open.size === 0) worker?.unref();
    if ('error' in answer) call.reject(errorFromValue(answer.error));
    else call.resolve(answer.value);
  }

  function failAll(error: GodwitError): void {
    const calls = [...open.values()];
    open.clear();
    for (const call of calls) call.reject(error);
  }

  return {
    call(method, args) {
      if (closed) return Promise.reject(new GodwitError('UNAVAILABLE', `${name} thread is closed`, { retryable: false }));
      worker ??= start();
      const target = worker;
      return new Promise((resolve, reject) => {
        lastId += 1;
        const request: Request = { id: lastId, method, args };
        try {
          target.postMessage(request);
        } catch (thrown) {
          reject(GodwitError.from(thrown, 'INVALID_ARGUMENT'));
          return;
        }
        open.set(request.id, { resolve, reject });
        target.ref();
      });
    },
    async close() {
      closed = true;
      const ending = worker;
      worker = undefined;
      failAll(new GodwitError('UNAVAILABLE', `${name} thread was closed`, { retryable: false }));
      await ending?.terminate();
    },
  };
}
