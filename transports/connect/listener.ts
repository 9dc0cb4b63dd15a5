// One port for HTTP/2 and HTTP/1.1. In the clear the first bytes tell them apart (HTTP/2 begins with `PRI`); over TLS ALPN does.
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { GodwitError, type Logger } from '#core';
import { keepAlive } from './keep-alive.js';
import { type Bounds, http2Options, sessionWindowBytes } from './limits.js';

export type HttpRequest = http.IncomingMessage | http2.Http2ServerRequest;
export type HttpResponse = http.ServerResponse | http2.Http2ServerResponse;
export type HttpHandler = (request: HttpRequest, response: HttpResponse) => void;

export interface ListenerOptions {
  /** A port, or the path of a local socket. */
  readonly at: { readonly host: string; readonly port: number } | { readonly path: string };
  readonly tls: { readonly key: string | Buffer; readonly cert: string | Buffer } | undefined;
  readonly handler: HttpHandler;
  readonly bounds: Bounds;
  readonly logger: Logger;
}

export interface Listener {
  /** 0 for a local socket. */
  readonly port: number;
  /** Accepts no more, lets open requests end for `lingerMs`, then drops what is left. */
  close(): Promise<void>;
}

/** @throws {GodwitError} ALREADY_EXISTS the port is in use · PERMISSION_DENIED it needs privileges · UNAVAILABLE the host is not of this machine, or no socket can be at the path */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const sockets = new Set<net.Socket>();
  let open = 0;
  let idle: () => void = () => {};
  const handler: HttpHandler = (request, response) => {
    open += 1;
    response.once('close', () => {
      open -= 1;
      if (open === 0) idle();
    });
    options.handler(request, response);
  };
  const server = options.tls === undefined ? clearServer(handler, options) : tlsServer(handler, options.tls, options);
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // A peer that resets is no news here: its session and streams tell whoever uses them.
    socket.on('error', () => {});
  });
  await bind(server, options);
  let closing: Promise<void> | undefined;
  const close = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    if (open > 0) {
      await new Promise<void>((resolve) => {
        const cancel = options.bounds.clock.after(options.bounds.lingerMs, resolve);
        idle = () => {
          cancel();
          resolve();
        };
      });
    }
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  const bound = server.address();
  return { port: typeof bound === 'object' && bound !== null ? bound.port : 0, close: () => (closing ??= close()) };
}

function bind(server: net.Server, { at }: ListenerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(bindError(error, at)));
    server.listen({ ...at }, () => {
      server.removeAllListeners('error');
      // Such as EMFILE when accepting: the connection is lost, the server goes on.
      server.on('error', () => {});
      resolve();
    });
  });
}

function bindError(error: NodeJS.ErrnoException, at: ListenerOptions['at']): GodwitError {
  if ('path' in at) return new GodwitError('UNAVAILABLE', `cannot listen on the socket ${at.path} (${error.code})`, { cause: error });
  const { host, port } = at;
  const place = `port ${port} of ${host}`;
  if (error.code === 'EADDRINUSE') {
    return new GodwitError('ALREADY_EXISTS', `${place} is in use: stop what listens there, or choose another port (0 takes a free one)`, { cause: error });
  }
  if (error.code === 'EACCES') {
    return new GodwitError('PERMISSION_DENIED', `${place} may not be used by this user: choose a port above 1023`, { cause: error });
  }
  return new GodwitError('UNAVAILABLE', `cannot listen on ${place} (${error.code}): is it an address of this machine?`, { cause: error });
}

function clearServer(handler: HttpHandler, { bounds, logger }: ListenerOptions): net.Server {
  const one = http.createServer(handler);
  const two = http2.createServer(http2Options, handler);
  refuseMalformed(one);
  watchSessions(two, bounds, logger);
  return net.createServer({ noDelay: true }, (socket) => {
    const cancel = bounds.clock.after(bounds.dialTimeoutMs, () => socket.destroy());
    socket.once('close', cancel);
    const sniff = () => {
      const bytes = socket.read() as Buffer | null;
      if (bytes === null) return;
      socket.unshift(bytes);
      const begin = bytes.toString('latin1', 0, preface.length);
      if (begin.length < preface.length && preface.startsWith(begin)) return;
      socket.removeListener('readable', sniff);
      cancel();
      (begin === preface ? two : one).emit('connection', socket);
    };
    socket.on('readable', sniff);
  });
}

/** How every HTTP/2 connection begins, and no HTTP/1.1 request does. @see https://www.rfc-editor.org/rfc/rfc9113#section-3.4 */
const preface = 'PRI';

function tlsServer(handler: HttpHandler, tls: NonNullable<ListenerOptions['tls']>, { bounds, logger }: ListenerOptions): net.Server {
  const server = http2.createSecureServer({ ...http2Options, ...tls, allowHTTP1: true, handshakeTimeout: bounds.dialTimeoutMs }, handler);
  watchSessions(server, bounds, logger);
  server.on('tlsClientError', (error) => logger.log('debug', 'connect.tls-refused', { reason: error.message }));
  return server;
}

function watchSessions(server: http2.Http2Server | http2.Http2SecureServer, bounds: Bounds, logger: Logger): void {
  server.on('session', (session) => {
    session.setLocalWindowSize(sessionWindowBytes);
    keepAlive(session, session.socket.remoteAddress ?? 'a client', bounds);
  });
  server.on('sessionError', (error: Error) => logger.log('debug', 'connect.session-ended', { reason: error.message }));
}

function refuseMalformed(server: http.Server): void {
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
    else socket.destroy();
  });
}
