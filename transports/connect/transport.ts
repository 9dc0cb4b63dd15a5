// The dialling side of a link. One HTTP/2 session carries one pipe: it lives as long as the link, and nothing else travels on it.
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, IncomingHttpStatusHeader } from 'node:http2';
import { GodwitError, type Pipe, type Transport } from '#core';
import { abortError } from '../abort.js';
import { bearer } from './authentication.js';
import { EnvelopeReader } from './envelope.js';
import { codeFromStatus, errorFrom, errorFromJson, errorFromReset } from './errors.js';
import { type Bounds, boundsFrom } from './limits.js';
import { StreamPipe } from './pipe.js';
import { attachContentType, attachPath, protocolHeader, protocolVersion, versionError } from './protocol.js';
import { type ClientOptions, openSession, originOf } from './session.js';

type ResponseHeaders = IncomingHttpHeaders & IncomingHttpStatusHeader;

/** Dials nodes at `http://host:port` (h2c) and `https://host:port`. @public */
export function createConnectTransport(options: ClientOptions): Transport {
  const authorization = bearer(options.key);
  const bounds = boundsFrom(options);
  return {
    async dial(address, signal) {
      const origin = originOf(address);
      const session = await openSession(origin, options.tls, bounds, signal);
      try {
        return await attach(session, origin, authorization, bounds, signal);
      } catch (error) {
        session.destroy();
        throw errorFrom(error, origin);
      }
    },
  };
}

async function attach(session: ClientHttp2Session, origin: string, authorization: string, bounds: Bounds, signal: AbortSignal | undefined): Promise<Pipe> {
  const stream = session.request({
    ':method': 'POST',
    ':path': attachPath,
    'content-type': attachContentType,
    'connect-protocol-version': '1',
    [protocolHeader]: String(protocolVersion),
    authorization,
  });
  const headers = await answerOf(stream, origin, bounds, signal);
  const version = headers[protocolHeader];
  if (headers[':status'] === 200 && version === String(protocolVersion)) {
    return new StreamPipe(stream, 'client', origin, bounds, () => session.destroy());
  }
  const refusal = headers[':status'] === 200 ? await endOf(stream) : await jsonOf(stream);
  if (headers[':status'] !== 200) {
    throw refusal ?? new GodwitError(codeFromStatus(headers[':status'] ?? 0), `${origin} refused the link with HTTP status ${headers[':status']}`);
  }
  throw refusal ?? versionError(typeof version === 'string' ? version : undefined, origin);
}

/** The headers that answer a stream. */
function answerOf(stream: ClientHttp2Stream, origin: string, bounds: Bounds, signal: AbortSignal | undefined): Promise<ResponseHeaders> {
  return new Promise((resolve, reject) => {
    const fail = (error: GodwitError) => {
      settle();
      reject(error);
    };
    const abort = () => signal && fail(abortError(signal, `dialling ${origin}`));
    const cancelTimeout = bounds.clock.after(bounds.dialTimeoutMs, () => {
      fail(new GodwitError('UNAVAILABLE', `${origin} did not answer the link within ${bounds.dialTimeoutMs} ms`));
    });
    const settle = () => {
      cancelTimeout();
      signal?.removeEventListener('abort', abort);
    };
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    stream.once('response', (headers) => {
      settle();
      resolve(headers);
    });
    stream.on('error', (error) => fail(errorFrom(error, origin)));
    stream.once('close', () => fail(errorFromReset(stream.rstCode, origin)));
  });
}

/** The error that ends a stream of the Connect protocol. */
function endOf(stream: ClientHttp2Stream): Promise<GodwitError | undefined> {
  return new Promise((resolve) => {
    const reader = new EnvelopeReader(0, {
      frame: () => {},
      end: (json) => resolve(errorFromJson((json as { error?: unknown } | undefined)?.error)),
      refuse: () => resolve(undefined),
    });
    stream.on('data', (chunk: Uint8Array) => reader.read(chunk));
    stream.once('close', () => resolve(undefined));
    stream.end();
  });
}

/** Bound of the JSON of a refusal: a code and a message. */
const maxRefusalBytes = 64 * 1024;

/** The error in a JSON body. */
export function jsonOf(stream: ClientHttp2Stream): Promise<GodwitError | undefined> {
  return new Promise((resolve) => {
    let text = '';
    stream.setEncoding('utf8');
    stream.on('data', (part: string) => {
      if (text.length < maxRefusalBytes) text += part;
    });
    const finish = () => {
      try {
        resolve(errorFromJson(JSON.parse(text)));
      } catch {
        resolve(undefined);
      }
    };
    stream.once('end', finish);
    stream.once('close', finish);
    if (!stream.writableEnded) stream.end();
  });
}
