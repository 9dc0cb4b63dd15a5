import type { SecureClientSessionOptions } from 'node:http2';
import { createConnection } from 'node:net';
import { ConnectError, type Interceptor, type Transport } from '@connectrpc/connect';
import { createConnectTransport as createCalls } from '@connectrpc/connect-node';
import { bearer } from './authentication.js';
import { errorFrom } from './errors.js';
import { boundsFrom, type ConnectOptions, http2Options } from './limits.js';
import { type ClientOptions, originOf } from './session.js';

/**
 * What `createClient` of Connect needs to call the control services of a node; wrap calls in {@link calling}. A call's deadline is its
 * `timeoutMs`.
 * @throws {GodwitError} INVALID_ARGUMENT malformed address or key
 * @public
 */
export function createServiceTransport(address: string, options: ClientOptions): Transport {
  const authorization = bearer(options.key);
  return calls(originOf(address), options, options.tls?.ca === undefined ? {} : { ca: options.tls.ca }, [
    (next) => async (request) => {
      request.header.set('authorization', authorization);
      return next(request);
    },
  ]);
}

/** Likewise for the services on a local socket, which want no key. @param path of the socket @public */
export function createLocalTransport(path: string, options: ConnectOptions = {}): Transport {
  return calls('http://localhost', options, { createConnection: () => createConnection({ path }) }, []);
}

function calls(baseUrl: string, options: ConnectOptions, session: SecureClientSessionOptions, interceptors: Interceptor[]): Transport {
  const { maxMessageBytes, pingIntervalMs, pingTimeoutMs } = boundsFrom(options);
  return createCalls({
    baseUrl,
    httpVersion: '2',
    nodeOptions: { ...http2Options, ...session },
    pingIntervalMs,
    pingTimeoutMs,
    // An idle session closes soon, so that it never keeps a process from ending.
    idleConnectionTimeoutMs: 10_000,
    readMaxBytes: maxMessageBytes,
    writeMaxBytes: maxMessageBytes,
    acceptCompression: [],
    interceptors,
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
