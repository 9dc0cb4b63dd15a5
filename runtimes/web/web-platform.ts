// The ports of a node by what every browser and worker has.
import { type Clock, type Digest, GodwitError, type Hash, type Random } from '#core';

/** SHA-256 by WebCrypto, off the calling thread. Its `sha256` fails with FAILED_PRECONDITION where the page came over plain http from another machine. */
export const webDigest: Digest = {
  async sha256(bytes) {
    const subtle: typeof globalThis.crypto.subtle | undefined = globalThis.crypto.subtle;
    if (subtle === undefined)
      throw new GodwitError('FAILED_PRECONDITION', 'this page has no WebCrypto: actors move only on pages that come over https, or from localhost');
    const hash = new Uint8Array(await subtle.digest('SHA-256', bytes));
    return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('') as Hash;
  },
};

/** Bytes that WebCrypto gives at once. */
const mostAtOnce = 65_536;

/** Randomness of the operating system, fit for tokens and ids. */
export const webRandom: Random = {
  bytes(length) {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at += mostAtOnce) globalThis.crypto.getRandomValues(bytes.subarray(at, at + mostAtOnce));
    return bytes;
  },
};

/** The time of this page or worker: monotonic, in milliseconds since it began. */
export function createWebClock(): Clock {
  const waiting: Array<() => void> = [];
  const { port1, port2 } = new MessageChannel();
  port1.addEventListener('message', () => waiting.shift()?.());
  port1.start();
  return {
    now: () => performance.now(),
    after(delayMs, task) {
      const timer = setTimeout(task, delayMs);
      return () => clearTimeout(timer);
    },
    soon(task) {
      waiting.push(task);
      // A port's message is a macrotask at once; a browser's timer waits 4 ms.
      port2.postMessage(undefined);
    },
  };
}
