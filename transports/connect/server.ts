// A node's one port: the link, blobs, control services, health and reflection, and whatever plain pages the node mounts.
import type { ConnectRouter } from '@connectrpc/connect';
import { type Blobs, GodwitError, type Logger, type Pipe, silentLogger } from '#core';
import { acceptPipe, describeLink, isAttach } from './attach.js';
import type { Authenticate, Identity } from './authentication.js';
import { blobRoutes, blobsPath } from './blob-routes.js';
import { BlobUploads } from './blob-uploads.js';
import { connectErrorFrom } from './errors.js';
import { Health as HealthService } from './gen/grpc/health/v1/health_pb.js';
import { createHealth, type Health, serveHealth } from './health.js';
import { boundsFrom, type ConnectOptions } from './limits.js';
import { type HttpHandler, type HttpRequest, type HttpResponse, listen } from './listener.js';
import type { StreamPipe } from './pipe.js';
import { refuse, respond, respondJson } from './plain-http.js';
import { serveServices } from './services.js';

/** What a server is made of. @public */
export interface ConnectServerOptions extends ConnectOptions {
  /** Address to listen on, default 127.0.0.1. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** PEM. Without it the port speaks h2c and HTTP/1.1 in the clear. */
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer };
  /** Asked for every request but /healthz and those that `fallback` answers. */
  readonly auth: Authenticate;
  /** Gets every pipe of a link that was let in. Must set its handlers before the next macrotask. */
  readonly accept: (pipe: Pipe, identity: Identity) => void;
  /** The node's store, served and filled under /blobs/. */
  readonly blobs: Blobs;
  /** Registers control services. What they throw is mapped: a GodwitError keeps its code. */
  readonly routes?: (router: ConnectRouter) => void;
  /** Answers GET for these paths, like everything else only to who has the key. */
  readonly pages?: ReadonlyMap<string, () => Page>;
  /** Answers paths that nothing else does; `identity` is undefined for a request without the key. Default: 404. */
  readonly fallback?: (request: HttpRequest, response: HttpResponse, identity: Identity | undefined) => void;
  readonly health?: Health;
  readonly logger?: Logger;
}

/** What one path shows. @public */
export interface Page {
  readonly type: string;
  readonly body: string;
}

/** A listening server. @public */
export interface ConnectServer {
  readonly port: number;
  /** Closes pipes and calls, gives them `lingerMs` to end, and frees the port. Idempotent. */
  close(): Promise<void>;
}

/**
 * Listens.
 * @throws {GodwitError} ALREADY_EXISTS the port is in use · PERMISSION_DENIED it needs privileges · UNAVAILABLE the host is not of this machine
 * @public
 */
export async function createConnectServer(options: ConnectServerOptions): Promise<ConnectServer> {
  const bounds = boundsFrom(options);
  const logger = options.logger ?? silentLogger;
  const health = options.health ?? createHealth();
  const pipes = new Set<StreamPipe>();
  const uploads = new BlobUploads(options.blobs, bounds);
  const shutdown = new AbortController();
  const services = serveServices(
    (router) => {
      options.routes?.(router);
      describeLink(router);
      // A node may serve a Health of its own.
      if (!router.handlers.some(({ service }) => service.typeName === HealthService.typeName)) serveHealth(router, health);
    },
    bounds,
    shutdown.signal,
  );
  for (const { typeName } of services.services) if (health.isServing(typeName) === undefined) health.set(typeName, true);
  const blobs = blobRoutes(options.blobs, uploads);

  const attach = (request: HttpRequest, identity: Identity) => {
    if (!('stream' in request)) return;
    const pipe = acceptPipe(request.stream, request.headers, bounds, (ended) => pipes.delete(ended));
    if (pipe === undefined) return;
    pipes.add(pipe);
    options.accept(pipe, identity);
  };

  const handler: HttpHandler = (request, response) => {
    response.on('error', () => {});
    const path = (request.url ?? '/').split('?', 1)[0];
    const identity = options.auth({ authorization: request.headers.authorization });
    const page = options.pages?.get(path);
    if (path === '/healthz') {
      respondHealth(response, health);
    } else if (!path.startsWith(blobsPath) && !services.paths.has(path) && page === undefined) {
      if (options.fallback !== undefined) options.fallback(request, response, identity);
      else refuse(request, response, new GodwitError('NOT_FOUND', `nothing is served at ${path}`));
    } else if (identity === undefined) {
      logger.log('warn', 'connect.unauthenticated', { path });
      refuse(request, response, new GodwitError('UNAUTHENTICATED', `${path} wants the shared key of this node as \`authorization: Bearer <key>\``));
    } else if (page !== undefined) {
      respondPage(request, response, page);
    } else if (path.startsWith(blobsPath)) {
      blobs(request, response);
    } else if (isAttach(path, request.httpVersionMajor, request.headers)) {
      attach(request, identity);
    } else {
      services.handler(request, response, identity);
    }
  };

  const guarded: HttpHandler = (request, response) => {
    try {
      handler(request, response);
    } catch (thrown) {
      const error = GodwitError.from(thrown, 'INTERNAL');
      logger.log('error', 'connect.request-failed', { url: request.url ?? '', reason: error.message });
      refuse(request, response, error);
    }
  };

  const listener = await listen({ at: { host: options.host ?? '127.0.0.1', port: options.port }, tls: options.tls, handler: guarded, bounds, logger });
  return {
    port: listener.port,
    async close() {
      health.set('', false);
      shutdown.abort(connectErrorFrom(new GodwitError('UNAVAILABLE', 'the server is closing')));
      for (const pipe of pipes) pipe.close();
      await listener.close();
      uploads.close();
    },
  };
}

function respondPage(request: HttpRequest, response: HttpResponse, page: () => Page): void {
  if (request.method !== 'GET') {
    refuse(request, response, new GodwitError('UNIMPLEMENTED', `${request.url ?? ''} knows GET, not ${request.method}`));
    return;
  }
  const { type, body } = page();
  respond(response, 200, { 'content-type': type, 'cache-control': 'no-store' }, body);
}

function respondHealth(response: HttpResponse, health: Health): void {
  const serving = health.isServing('') !== false;
  respondJson(response, serving ? 200 : 503, { status: serving ? 'SERVING' : 'NOT_SERVING' });
}
