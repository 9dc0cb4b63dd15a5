import type { Http2Session } from 'node:http2';
import { type Cancel, GodwitError } from '#core';
import type { Bounds } from './limits.js';

/**
 * Notices a far side that vanished without a word: pings every `pingIntervalMs` and destroys the session with UNAVAILABLE if for
 * `pingTimeoutMs` neither the answer nor any other byte came. (Any byte counts: behind a full socket buffer the answer can be late.)
 */
export function keepAlive(session: Http2Session, where: string, bounds: Bounds): Cancel {
  const { clock, pingIntervalMs, pingTimeoutMs } = bounds;
  let cancel: Cancel = () => {};
  let stopped = false;
  const stop = () => {
    stopped = true;
    cancel();
  };
  const rest = () => {
    cancel();
    if (!stopped) cancel = clock.after(pingIntervalMs, ping);
  };
  const ping = () => {
    if (session.destroyed) return;
    const before = session.socket?.bytesRead;
    cancel = clock.after(pingTimeoutMs, () => {
      if (session.destroyed) return;
      if (session.socket?.bytesRead !== before) rest();
      else session.destroy(new GodwitError('UNAVAILABLE', `${where} did not answer a ping within ${pingTimeoutMs} ms`));
    });
    session.ping((error) => {
      if (error === null) rest();
    });
  };
  session.once('close', stop);
  rest();
  return stop;
}
