// A node's access to the blobs of one other node, over an HTTP/2 session of its own: bulk never delays a message.
import { createHash } from 'node:crypto';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { GodwitError, type Hash } from '#core';
import { bearer } from './authentication.js';
import { blobsPath } from './blob-routes.js';
import { codeFromStatus, errorFrom, errorFromReset } from './errors.js';
import { boundsFrom } from './limits.js';
import { type ClientOptions, openSession, originOf } from './session.js';
import { jsonOf } from './transport.js';

/** Blobs of another node. @public */
export interface BlobClient {
  has(hash: Hash): Promise<boolean>;
  /**
   * Sends a blob unless it is there; goes on where an earlier try stopped. @returns bytes sent, 0 if it was there
   * @throws {GodwitError} DATA_LOSS the bytes that arrived do not match · RESOURCE_EXHAUSTED over the far side's limit · UNAUTHENTICATED · UNAVAILABLE
   */
  upload(hash: Hash, bytes: Uint8Array): Promise<number>;
  /** The bytes of a blob, verified. @throws {GodwitError} NOT_FOUND · DATA_LOSS · RESOURCE_EXHAUSTED over `maxBlobBytes` · UNAUTHENTICATED · UNAVAILABLE */
  download(hash: Hash): Promise<Uint8Array>;
  /** Ends the session; what is under way fails UNAVAILABLE. Idempotent. */
  close(): void;
}

/** A transfer that breaks is resumed at once, so often; a far side that is gone fails faster than any backoff would end. */
const tries = 3;

/** Opens its session at the first use, and again after one broke. @public */
export function createBlobClient(address: string, options: ClientOptions): BlobClient {
  const origin = originOf(address);
  const authorization = bearer(options.key);
  const bounds = boundsFrom(options);
  let session: Promise<ClientHttp2Session> | undefined;
  let closed = false;

  const opened = (): Promise<ClientHttp2Session> => {
    if (closed) throw new GodwitError('UNAVAILABLE', `the blob client of ${origin} is closed`);
    if (session !== undefined) return session;
    const opening = openSession(origin, options.tls, bounds);
    session = opening;
    const forget = () => {
      if (session === opening) session = undefined;
    };
    opening.then((open) => {
      if (closed) open.destroy();
      open.once('close', forget);
      open.once('goaway', forget);
    }, forget);
    return opening;
  };
  const request = async (method: string, hash: Hash, headers: OutgoingHttpHeaders = {}): Promise<Exchange> => {
    const stream = (await opened()).request({ ':method': method, ':path': blobsPath + hash, authorization, ...headers }, { endStream: method !== 'PUT' });
    return new Exchange(stream, origin);
  };

  return {
    async has(hash) {
      return (await headOf(await request('HEAD', hash))).present;
    },
    upload: (hash, bytes) => retrying(() => upload(request, hash, bytes)),
    async download(hash) {
      const arrival: Arrival = { bytes: undefined, received: 0 };
      await retrying(() => download(request, hash, arrival, bounds.maxBlobBytes));
      const bytes = arrival.bytes ?? new Uint8Array(0);
      const actual = createHash('sha256').update(bytes).digest('hex');
      if (actual !== hash) throw new GodwitError('DATA_LOSS', `the ${bytes.length} bytes that ${origin} sent for blob ${hash} hash to ${actual}`);
      return bytes;
    },
    close() {
      closed = true;
      session?.then(
        (open) => open.destroy(),
        () => {},
      );
    },
  };
}

type Request = (method: string, hash: Hash, headers?: OutgoingHttpHeaders) => Promise<Exchange>;

async function retrying<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (thrown) {
      const error = GodwitError.from(thrown);
      if (attempt === tries || (error.code !== 'UNAVAILABLE' && error.code !== 'ABORTED')) throw error;
    }
  }
}

async function headOf(exchange: Exchange): Promise<{ present: boolean; offset: number }> {
  const headers = await exchange.response;
  exchange.stream.resume();
  const status = headers[':status'] ?? 0;
  if (status === 200) return { present: true, offset: 0 };
  if (status === 404) return { present: false, offset: Number(headers['upload-offset'] ?? 0) || 0 };
  throw new GodwitError(codeFromStatus(status), `asking for a blob was answered with HTTP status ${status}`);
}

async function upload(request: Request, hash: Hash, bytes: Uint8Array): Promise<number> {
  const { present, offset } = await headOf(await request('HEAD', hash));
  if (present) return 0;
  const rest = bytes.subarray(Math.min(offset, bytes.length));
  const exchange = await request('PUT', hash, { 'upload-offset': offset, 'upload-length': bytes.length, 'content-length': rest.length });
  exchange.stream.end(rest);
  const headers = await exchange.response;
  if (!isSuccess(headers)) throw await exchange.refusal(headers);
  exchange.stream.resume();
  return headers[':status'] === 201 ? rest.length : 0;
}

/** What came of a download over all its tries. */
interface Arrival {
  bytes: Uint8Array | undefined;
  received: number;
}

async function download(request: Request, hash: Hash, arrival: Arrival, maxBlobBytes: number): Promise<void> {
  const resuming = arrival.bytes !== undefined && arrival.received > 0;
  if (resuming && arrival.received === arrival.bytes?.length) return;
  const exchange = await request('GET', hash, resuming ? { range: `bytes=${arrival.received}-` } : {});
  const headers = await exchange.response;
  if (!isSuccess(headers)) throw await exchange.refusal(headers);
  if (headers[':status'] !== 206) {
    const length = Number(headers['content-length']);
    if (!(length <= maxBlobBytes)) {
      exchange.stream.close(constants.NGHTTP2_CANCEL);
      throw new GodwitError('RESOURCE_EXHAUSTED', `blob ${hash} of ${length} bytes exceeds the limit of ${maxBlobBytes} bytes`);
    }
    arrival.bytes = new Uint8Array(length);
    arrival.received = 0;
  }
  await exchange.fill(arrival, hash);
}

function isSuccess(headers: IncomingHttpStatusHeader): boolean {
  const status = headers[':status'] ?? 0;
  return status >= 200 && status < 300;
}

/** One request and its answer. */
class Exchange {
  readonly stream: ClientHttp2Stream;
  /** The answer's headers. @throws {GodwitError} UNAVAILABLE the stream broke before */
  readonly response: Promise<IncomingHttpHeaders & IncomingHttpStatusHeader>;
  readonly #origin: string;
  #failure: GodwitError | undefined;

  constructor(stream: ClientHttp2Stream, origin: string) {
    this.stream = stream;
    this.#origin = origin;
    stream.on('error', (error) => {
      this.#failure ??= errorFrom(error, origin);
    });
    this.response = new Promise((resolve, reject) => {
      stream.once('response', resolve);
      stream.once('close', () => reject(this.#broken()));
    });
    // Awaited after the request's bytes were given; a stream that breaks before must not count as unhandled.
    this.response.catch(() => {});
  }

  /** The error that an answer which is no success stands for. */
  async refusal(headers: IncomingHttpStatusHeader): Promise<GodwitError> {
    const status = headers[':status'] ?? 0;
    const said = await jsonOf(this.stream);
    return said ?? new GodwitError(codeFromStatus(status), `${this.#origin} answered with HTTP status ${status}`);
  }

  /** Reads the body to its end. */
  fill(arrival: Arrival, hash: Hash): Promise<void> {
    const { stream } = this;
    const bytes = arrival.bytes ?? new Uint8Array(0);
    return new Promise((resolve, reject) => {
      stream.on('data', (chunk: Uint8Array) => {
        if (arrival.received + chunk.length > bytes.length) {
          stream.close(constants.NGHTTP2_CANCEL);
          reject(new GodwitError('DATA_LOSS', `${this.#origin} sent more than the ${bytes.length} bytes it announced for blob ${hash}`));
          return;
        }
        bytes.set(chunk, arrival.received);
        arrival.received += chunk.length;
      });
      stream.once('close', () => {
        if (arrival.received === bytes.length) resolve();
        else reject(this.#broken());
      });
    });
  }

  #broken(): GodwitError {
    return this.#failure ?? errorFromReset(this.stream.rstCode, this.#origin);
  }
}
