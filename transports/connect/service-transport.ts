import { ConnectError, type Transport } from '@connectrpc/connect';
import { createConnectTransport as createCalls } from '@connectrpc/connect-node';
import { bearer } from './authentication.js';
import { errorFrom } from './errors.js';
import { boundsFrom, http2Options } from './limits.js';
import { type ClientOptions, originOf } from './session.js';

/**
 * What `createClient` of Connect needs to call the control services of a node; wrap calls in {@link calling}. A call's deadline is its
 * `timeoutMs`.
 * @throws {GodwitError} INVALID_ARGUMENT malformed address or key
 * @public
 */
export function createServiceTransport(address: string, options: ClientOptions): Transport {
  const baseUrl = originOf(address);
  const authorization = bearer(options.key);
  const { maxMessageBytes, pingIntervalMs, pingTimeoutMs } = boundsFrom(options);
  return createCalls({
    baseUrl,
    httpVersion: '2',
    nodeOptions: { ...http2Options, ...(options.tls?.ca === undefined ? {} : { ca: options.tls.ca }) },
    pingIntervalMs,
    pingTimeoutMs,
    // An idle session closes soon, so that it never keeps a process from ending.
    idleConnectionTimeoutMs: 10_000,
    readMaxBytes: maxMessageBytes,
    writeMaxBytes: maxMessageBytes,
    acceptCompression: [],
    interceptors: [
      (next) => async (request) => {
        request.header.set('authorization', authorization);
        return next(request);
      },
    ],
  });
}

/** Runs one call and throws what it failed with as a GodwitError. @param where the node called, for the message @public */
export async function calling<T>(where: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (thrown) {
    throw errorFrom(ConnectError.from(thrown), where);
  }
}
