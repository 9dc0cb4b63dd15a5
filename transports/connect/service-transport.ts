import type { ClientHttp2Stream, Http2Session, SecureClientSessionOptions } from 'node:http2';
import { createConnection } from 'node:net';
import { ConnectError, type Interceptor, type Transport } from '@connectrpc/connect';
import { createConnectTransport as createCalls, Http2SessionManager } from '@connectrpc/connect-node';
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

/** A session without a call closes after this time: while it is open the far side pings it, which wakes a radio. */
const idleMs = 10_000;

/**
 * Connect's own sessions, whose errors are heard as long as they live. Connect itself stops listening when it leaves a session alone (idle, or
 * seen to be destroyed); what the socket says after that, such as when a suspended process wakes, would end the process.
 */
class Sessions extends Http2SessionManager {
  readonly #heard = new WeakSet<Http2Session>();

  override async request(...request: Parameters<Http2SessionManager['request']>): Promise<ClientHttp2Stream> {
    const stream = await super.request(...request);
    const { session } = stream;
    if (session !== undefined && !this.#heard.has(session)) {
      this.#heard.add(session);
      session.on('error', () => {});
    }
    return stream;
  }
}

function calls(baseUrl: string, options: ConnectOptions, session: SecureClientSessionOptions, interceptors: Interceptor[]): Transport {
  const { maxMessageBytes, pingIntervalMs, pingTimeoutMs } = boundsFrom(options);
  const pings = { pingIntervalMs, pingTimeoutMs, idleConnectionTimeoutMs: idleMs };
  return createCalls({
    baseUrl,
    httpVersion: '2',
    sessionManager: new Sessions(baseUrl, pings, { ...http2Options, ...session }),
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
