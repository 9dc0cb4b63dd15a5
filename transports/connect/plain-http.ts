// Answers of the routes that are plain HTTP: blobs, health, refusals.
import type { GodwitError } from '#core';
import { jsonFromError, statusFromCode } from './errors.js';
import type { HttpRequest, HttpResponse } from './listener.js';

type Headers = Readonly<Record<string, string | number>>;

export function respond(response: HttpResponse, status: number, headers: Headers, body?: Uint8Array | string): void {
  if (response.headersSent || response.writableEnded) return;
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  // HTTP/1 and HTTP/2 responses have the same `end`, in types that do not unite.
  (response as { end(body?: Uint8Array | string): unknown }).end(body);
}

export function respondJson(response: HttpResponse, status: number, json: unknown, headers: Headers = {}): void {
  respond(response, status, { 'content-type': 'application/json', ...headers }, `${JSON.stringify(json)}\n`);
}

/** Refuses a request with the JSON of the Connect protocol. What is left of its body is not waited for. */
export function refuse(request: HttpRequest, response: HttpResponse, error: GodwitError, headers: Headers = {}): void {
  const unread = !request.readableEnded;
  const leave: Headers = unread && request.httpVersionMajor === 1 ? { connection: 'close' } : {};
  if (unread) {
    response.once('finish', () => {
      if ('stream' in response && request.httpVersionMajor === 2) response.stream?.close();
    });
  }
  respondJson(response, statusFromCode(error.code), jsonFromError(error), { ...headers, ...leave });
}
