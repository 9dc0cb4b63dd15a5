// Services on a local socket, for processes of the same machine: who may open the socket's path may call them.
import { chmod, unlink } from 'node:fs/promises';
import type { ConnectRouter } from '@connectrpc/connect';
import { GodwitError, type Logger, silentLogger } from '#core';
import { connectErrorFrom } from './errors.js';
import { boundsFrom, type ConnectOptions } from './limits.js';
import { type HttpHandler, listen } from './listener.js';
import { refuse } from './plain-http.js';
import { serveServices } from './services.js';

/** What a local server is made of. @public */
export interface LocalServerOptions extends ConnectOptions {
  /** Of the socket, which must not be there yet; in a directory that nobody else may enter, since its mode is set once it is there. */
  readonly path: string;
  /** Registers the services. */
  readonly routes: (router: ConnectRouter) => void;
  readonly logger?: Logger;
}

const ownerOnly = 0o600;

/**
 * Listens on a Unix domain socket that its owner alone may open. No key is asked for.
 * @returns what ends it, idempotently, and removes the socket
 * @throws {GodwitError} UNAVAILABLE no socket can be there
 * @public
 */
export async function createLocalServer(options: LocalServerOptions): Promise<() => Promise<void>> {
  const { path, routes, logger = silentLogger } = options;
  const bounds = boundsFrom(options);
  const shutdown = new AbortController();
  const services = serveServices(routes, bounds, shutdown.signal);
  const handler: HttpHandler = (request, response) => {
    response.on('error', () => {});
    const method = (request.url ?? '/').split('?', 1)[0];
    if (services.paths.has(method)) services.handler(request, response, { subject: 'local-user' });
    else refuse(request, response, new GodwitError('NOT_FOUND', `nothing is served at ${method}`));
  };
  const listener = await listen({ at: { path }, tls: undefined, handler, bounds, logger });
  await chmod(path, ownerOnly);
  return async () => {
    shutdown.abort(connectErrorFrom(new GodwitError('UNAVAILABLE', 'the device is closing')));
    await listener.close();
    // Node removes it with the server; where it did not, nobody listens there any more.
    await unlink(path).catch(() => undefined);
  };
}
