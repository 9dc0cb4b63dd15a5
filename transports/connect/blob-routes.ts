// PUT | GET | HEAD /blobs/<sha256>, plain HTTP so that any client can use it.
//   HEAD  200 with content-length if it is here; else 404 with `upload-offset`, how many bytes of an upload arrived
//   PUT   the bytes from `upload-offset` (or `content-range: bytes a-b/total`, or the start) on; `upload-length` is the whole length (default: offset + content-length)
//         201 stored · 200 was here already · 202 more to come, with `upload-offset` · 409 the upload stands elsewhere, see `upload-offset` · 413 · 422 wrong bytes
//   GET   200, or 206 for `range: bytes=a-` and `bytes=a-b` · 404 · 416
import { type Blobs, GodwitError, type Hash } from '#core';
import type { BlobUploads } from './blob-uploads.js';
import { errorFrom } from './errors.js';
import type { HttpHandler, HttpRequest, HttpResponse } from './listener.js';
import { refuse, respond } from './plain-http.js';

export const blobsPath = '/blobs/';

/** Answers requests below {@link blobsPath}, which must be authenticated already. */
export function blobRoutes(blobs: Blobs, uploads: BlobUploads): HttpHandler {
  return (request, response) => {
    const hash = hashOf(request);
    if (hash === undefined) {
      refuse(request, response, new GodwitError('INVALID_ARGUMENT', `${request.url} names no blob: the SHA-256 is 64 lower-case hex digits`));
      return;
    }
    route(request, response, hash, blobs, uploads).catch((thrown: unknown) => {
      const error = errorFrom(thrown, `the client of blob ${hash}`);
      refuse(request, response, error, request.method === 'PUT' ? { 'upload-offset': uploads.received(hash) } : {});
    });
  };
}

function hashOf(request: HttpRequest): Hash | undefined {
  const name = (request.url ?? '').slice(blobsPath.length).split('?', 1)[0];
  return /^[0-9a-f]{64}$/.test(name) ? (name as Hash) : undefined;
}

async function route(request: HttpRequest, response: HttpResponse, hash: Hash, blobs: Blobs, uploads: BlobUploads): Promise<void> {
  if (request.method === 'PUT') return put(request, response, hash, uploads);
  if (request.method === 'GET') return get(request, response, await blobs.get(hash));
  if (request.method !== 'HEAD') throw new GodwitError('UNIMPLEMENTED', `blobs know PUT, GET and HEAD, not ${request.method}`);
  if (await blobs.has(hash)) respond(response, 200, { 'content-length': (await blobs.get(hash)).byteLength, 'accept-ranges': 'bytes' });
  else respond(response, 404, { 'upload-offset': uploads.received(hash) });
}

async function put(request: HttpRequest, response: HttpResponse, hash: Hash, uploads: BlobUploads): Promise<void> {
  const { offset, total } = placeOf(request);
  const end = await uploads.write(hash, offset, total, request);
  if (end === 'stored') respond(response, 201, {});
  else if (end !== 'present') respond(response, 202, { 'upload-offset': end.received });
  else {
    // Whoever sends what is here already may stop: the stream is closed after the answer.
    if (!request.readableEnded && 'stream' in response && request.httpVersionMajor === 2) response.once('finish', () => response.stream?.close());
    respond(response, 200, {});
  }
}

/** Which bytes of which length a PUT brings. */
function placeOf({ headers }: HttpRequest): { offset: number; total: number } {
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers['content-range'] ?? '');
  const offset = numberOf(range?.[1] ?? headers['upload-offset'] ?? '0');
  const total = numberOf(range?.[2] ?? headers['upload-length'] ?? String(offset + numberOf(headers['content-length'])));
  return { offset, total };
}

function numberOf(text: string | string[] | undefined): number {
  if (typeof text === 'string' && /^\d{1,15}$/.test(text)) return Number(text);
  throw new GodwitError('INVALID_ARGUMENT', `an upload says its length (upload-length or content-length) and offset in bytes, not "${text}"`);
}

function get(request: HttpRequest, response: HttpResponse, bytes: Uint8Array): void {
  const total = bytes.byteLength;
  const common = { 'content-type': 'application/octet-stream', 'accept-ranges': 'bytes' };
  const range = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(request.headers.range ?? '');
  if (range === null) {
    respond(response, 200, { ...common, 'content-length': total }, bytes);
    return;
  }
  const first = Number(range[1]);
  const last = range[2] === '' ? total - 1 : Math.min(Number(range[2]), total - 1);
  if (first > last) {
    refuse(request, response, new GodwitError('OUT_OF_RANGE', `the blob has ${total} bytes, none from ${first} to ${last}`), {
      'content-range': `bytes */${total}`,
    });
    return;
  }
  respond(
    response,
    206,
    { ...common, 'content-length': last - first + 1, 'content-range': `bytes ${first}-${last}/${total}` },
    bytes.subarray(first, last + 1),
  );
}
