// The accepting side of a link: answers Attach on the raw HTTP/2 stream. Other protocols find the method described, and refused, by the router.
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { Code, ConnectError, type ConnectRouter } from '@connectrpc/connect';
import { endEnvelope } from './envelope.js';
import { jsonFromError } from './errors.js';
import { Link } from './gen/godwit/link/v1/link_pb.js';
import type { Bounds } from './limits.js';
import { StreamPipe } from './pipe.js';
import { attachContentType, attachPath, protocolHeader, protocolVersion, versionError } from './protocol.js';

/** True for a request that {@link acceptPipe} answers. */
export function isAttach(path: string, httpVersionMajor: number, headers: IncomingHttpHeaders): boolean {
  return path === attachPath && httpVersionMajor === 2 && headers['content-type'] === attachContentType;
}

/**
 * The pipe of an authenticated Attach; undefined if the far side speaks another protocol version, which has then been told so.
 * @param gone called once when the pipe is over
 */
export function acceptPipe(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, bounds: Bounds, gone: (pipe: StreamPipe) => void): StreamPipe | undefined {
  const version = headers[protocolHeader];
  stream.respond({ ':status': 200, 'content-type': attachContentType, [protocolHeader]: String(protocolVersion) });
  if (version === String(protocolVersion)) {
    const pipe: StreamPipe = new StreamPipe(stream, 'server', addressOf(stream), bounds, () => gone(pipe));
    return pipe;
  }
  const error = versionError(typeof version === 'string' ? version : undefined, 'the dialling node');
  stream.on('error', () => {});
  stream.resume();
  stream.end(endEnvelope(jsonFromError(error)));
  return undefined;
}

/** Describes the Link service to reflection, and says to other protocols than Connect over HTTP/2 why it is not for them. */
export function describeLink(router: ConnectRouter): void {
  router.service(Link, {
    // biome-ignore lint/correctness/useYield: it only refuses
    async *attach() {
      throw new ConnectError(`Attach is served over HTTP/2 with content type ${attachContentType} only`, Code.Unimplemented);
    },
  });
}

function addressOf(stream: ServerHttp2Stream): string {
  const socket = stream.session?.socket;
  return socket?.remoteAddress === undefined ? 'the dialling node' : `${socket.remoteAddress}:${socket.remotePort}`;
}
