import { type ClientHttp2Session, connect } from 'node:http2';
import { GodwitError } from '#core';
import { abortError } from '../abort.js';
import { errorFrom } from './errors.js';
import { keepAlive } from './keep-alive.js';
import { type Bounds, type ConnectOptions, http2Options, sessionWindowBytes } from './limits.js';

/** How a node presents itself and whom it trusts. @public */
export interface ClientOptions extends ConnectOptions {
  /** The shared key, sent as `authorization: Bearer <key>` with every request. */
  readonly key: string;
  readonly tls?: {
    /** Certificates (PEM) trusted instead of the platform's. */
    readonly ca?: string | Buffer | Array<string | Buffer>;
  };
}

/** The origin of a node's address. @throws {GodwitError} INVALID_ARGUMENT it is no http or https URL @public */
export function originOf(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new GodwitError('INVALID_ARGUMENT', `"${address}" is no address of a node: it looks like https://host:port`);
  }
  return url.origin;
}

/**
 * One HTTP/2 session, windows raised, pinged until it closes. Errors after it opened are seen by its streams.
 * @throws {GodwitError} UNAVAILABLE nobody answers in `dialTimeoutMs` · UNAUTHENTICATED the certificate is not trusted · CANCELLED by `signal`
 */
export function openSession(origin: string, tls: ClientOptions['tls'], bounds: Bounds, signal?: AbortSignal): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(abortError(signal, `dialling ${origin}`));
      return;
    }
    const session = connect(origin, { ...http2Options, ...(tls?.ca === undefined ? {} : { ca: tls.ca }) });
    const fail = (error: GodwitError) => {
      settle();
      reject(error);
      session.destroy();
    };
    const abort = () => signal && fail(abortError(signal, `dialling ${origin}`));
    const cancelTimeout = bounds.clock.after(bounds.dialTimeoutMs, () => {
      fail(new GodwitError('UNAVAILABLE', `${origin} did not answer within ${bounds.dialTimeoutMs} ms`));
    });
    const settle = () => {
      cancelTimeout();
      signal?.removeEventListener('abort', abort);
    };
    signal?.addEventListener('abort', abort, { once: true });
    session.on('error', (error) => fail(errorFrom(error, origin)));
    session.once('close', () => fail(new GodwitError('UNAVAILABLE', `${origin} closed the connection`)));
    session.once('connect', () => {
      settle();
      // The time to connect may have run out in this very turn of the event loop.
      if (session.destroyed) return;
      session.setLocalWindowSize(sessionWindowBytes);
      keepAlive(session, origin, bounds);
      resolve(session);
    });
  });
}
