import type { Endpoint } from 'comlink';

/** The part of a Worker or its parentPort that is used. */
export interface ThreadPort {
  postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  off(event: 'message', listener: (message: unknown) => void): unknown;
}

/**
 * Splits one thread port in two: batches (bare ArrayBuffers) go to `onBatch`, everything else to Comlink through the returned endpoint.
 * One port, so that control calls and batches keep their order.
 */
export function splitPort(port: ThreadPort, onBatch: (batch: ArrayBuffer) => void): Endpoint {
  port.on('message', (message) => {
    if (message instanceof ArrayBuffer) onBatch(message);
  });
  const listeners = new Map<unknown, (message: unknown) => void>();
  return {
    postMessage: (message: unknown, transfer?: unknown[]) => port.postMessage(message, (transfer ?? []) as ArrayBuffer[]),
    addEventListener(_type: string, listener: unknown) {
      const forward = (data: unknown) => {
        if (!(data instanceof ArrayBuffer)) (listener as (event: { data: unknown }) => void)({ data });
      };
      listeners.set(listener, forward);
      port.on('message', forward);
    },
    removeEventListener(_type: string, listener: unknown) {
      const forward = listeners.get(listener);
      if (forward !== undefined) port.off('message', forward);
      listeners.delete(listener);
    },
  };
}
