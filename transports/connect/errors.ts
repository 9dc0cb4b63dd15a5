// The one place where errors of Connect, HTTP, HTTP/2, TLS and sockets become GodwitErrors, and back.
import { constants } from 'node:http2';
import { Code as ConnectCode, ConnectError } from '@connectrpc/connect';
import { type Code, codes, GodwitError } from '#core';

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

const retryableHeader = 'godwit-retryable';
const nodeHeader = 'godwit-node';

/** The GodwitError of whatever a call, a stream or a socket failed with. @param where what was spoken to, for the message */
export function errorFrom(thrown: unknown, where: string): GodwitError {
  if (GodwitError.is(thrown)) return thrown;
  if (thrown instanceof ConnectError) return hasSystemCause(thrown) ? errorFrom(thrown.cause, where) : errorFromConnect(thrown);
  const systemCode = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (certificateCodes.test(systemCode)) {
    const hint = 'its certificate is not trusted; give that of its authority as NODE_EXTRA_CA_CERTS, or in code as `tls.ca`';
    return new GodwitError('UNAUTHENTICATED', `${where}: ${hint} (${systemCode})`, { cause: thrown });
  }
  if (networkCodes.test(systemCode)) return new GodwitError('UNAVAILABLE', `${where} cannot be reached (${systemCode})`, { cause: thrown });
  return new GodwitError('UNKNOWN', `${where}: ${message}`, { cause: thrown });
}

/** Connect takes a certificate that is not trusted for an edge that is away, and a local socket that is not there for a fault of its own. */
function hasSystemCause({ code, cause }: ConnectError): boolean {
  if (!(cause instanceof Error && 'code' in cause)) return false;
  return certificateCodes.test(String(cause.code)) || (code === ConnectCode.Internal && networkCodes.test(String(cause.code)));
}

/** Node's TLS verification results. @see https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const certificateCodes = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|CRL|ERR_TLS_/;

/** Sockets and HTTP/2 sessions that could not be opened or broke: another try, to this host or another, may do. */
const networkCodes = /^(E(CONN|HOST|NET|PIPE|ADDR|TIMEDOUT|AI_|ACCES|PROTO)|ENOTFOUND|ENOENT|ERR_HTTP2_|ERR_STREAM_|ERR_SSL_|EPROTO)/;

/** The error behind a reset HTTP/2 stream. @see https://www.rfc-editor.org/rfc/rfc9113#section-7 */
export function errorFromReset(resetCode: number | undefined, where: string): GodwitError {
  if (resetCode === NGHTTP2_ENHANCE_YOUR_CALM) return new GodwitError('RESOURCE_EXHAUSTED', `${where} refused what was sent as too large`);
  if (resetCode === undefined || resetCode === NGHTTP2_NO_ERROR || resetCode === NGHTTP2_CANCEL) {
    return new GodwitError('UNAVAILABLE', `${where} dropped the connection`);
  }
  if (resetCode === NGHTTP2_REFUSED_STREAM) return new GodwitError('UNAVAILABLE', `${where} refused the stream`);
  return new GodwitError('UNAVAILABLE', `${where} reset the stream (HTTP/2 error ${resetCode})`);
}

/** What a service throws so that every Connect and gRPC client sees the code, and ours also `retryable` and `node`. @public */
export function connectErrorFrom(thrown: unknown): ConnectError {
  if (thrown instanceof ConnectError) return thrown;
  const error = GodwitError.from(thrown, 'INTERNAL');
  const metadata: Record<string, string> = { [retryableHeader]: String(error.retryable) };
  if (error.node !== undefined) metadata[nodeHeader] = encodeURIComponent(error.node);
  return new ConnectError(error.message, codes.indexOf(error.code) + 1, metadata, undefined, error);
}

/** What a failed Connect call means here. @public */
export function errorFromConnect(error: ConnectError): GodwitError {
  if (GodwitError.is(error.cause)) return error.cause;
  const retryable = error.metadata.get(retryableHeader);
  const node = error.metadata.get(nodeHeader);
  return new GodwitError(codes[error.code - 1] ?? 'UNKNOWN', error.rawMessage, {
    cause: error,
    ...(retryable === null ? {} : { retryable: retryable === 'true' }),
    ...(node === null ? {} : { node: decodeName(node) }),
  });
}

function decodeName(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The JSON form of an error in the Connect protocol. @see https://connectrpc.com/docs/protocol/#error-end-stream */
export function jsonFromError(error: GodwitError): { readonly code: string; readonly message: string } {
  return { code: error.code === 'CANCELLED' ? 'canceled' : error.code.toLowerCase(), message: error.message };
}

/** The error in a JSON value of the Connect protocol; undefined if there is none in it. */
export function errorFromJson(json: unknown): GodwitError | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  const { code, message } = json as { code?: unknown; message?: unknown };
  if (typeof code !== 'string') return undefined;
  const name = code === 'canceled' ? 'CANCELLED' : code.toUpperCase();
  return new GodwitError(codes.find((c) => c === name) ?? 'UNKNOWN', typeof message === 'string' ? message : `failed with ${code}`);
}

/** HTTP statuses of plain routes (blobs, refusals before a protocol is known), one per code used there. */
const statuses: ReadonlyArray<readonly [number, Code]> = [
  [400, 'INVALID_ARGUMENT'],
  [401, 'UNAUTHENTICATED'],
  [403, 'PERMISSION_DENIED'],
  [404, 'NOT_FOUND'],
  [409, 'ABORTED'],
  [412, 'FAILED_PRECONDITION'],
  [413, 'RESOURCE_EXHAUSTED'],
  [416, 'OUT_OF_RANGE'],
  [422, 'DATA_LOSS'],
  [429, 'RESOURCE_EXHAUSTED'],
  [499, 'CANCELLED'],
  [501, 'UNIMPLEMENTED'],
  [503, 'UNAVAILABLE'],
  [502, 'UNAVAILABLE'],
  [504, 'DEADLINE_EXCEEDED'],
];

export function statusFromCode(code: Code): number {
  return statuses.find(([, c]) => c === code)?.[0] ?? 500;
}

export function codeFromStatus(status: number): Code {
  return statuses.find(([s]) => s === status)?.[1] ?? (status >= 500 ? 'INTERNAL' : 'UNKNOWN');
}
