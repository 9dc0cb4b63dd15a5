// Connect services on a node's HTTP server: whatever they throw reaches the caller with its code, and reflection describes them.
import type { DescService } from '@bufbuild/protobuf';
import { type ConnectRouter, createContextValues } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { type Identity, identityKey } from './authentication.js';
import { connectErrorFrom } from './errors.js';
import type { Bounds } from './limits.js';
import type { HttpRequest, HttpResponse } from './listener.js';
import { serveReflection } from './reflection.js';

/** Services as one handler. */
export interface Services {
  /** Paths of all methods. */
  readonly paths: ReadonlySet<string>;
  readonly services: ReadonlySet<DescService>;
  handler(request: HttpRequest, response: HttpResponse, identity: Identity): void;
}

/** @param routes registers the services; reflection comes beside them @param shutdownSignal ends open calls */
export function serveServices(routes: (router: ConnectRouter) => void, bounds: Bounds, shutdownSignal: AbortSignal): Services {
  const identities = new WeakMap<object, Identity>();
  const paths = new Set<string>();
  const services = new Set<DescService>();
  const adapter = connectNodeAdapter({
    routes(router) {
      routes(router);
      serveReflection(router);
      for (const { requestPath, service } of router.handlers) {
        paths.add(requestPath);
        services.add(service);
      }
    },
    contextValues: (request) => createContextValues().set(identityKey, identities.get(request)),
    interceptors: [
      (next) => async (request) => {
        try {
          const response = await next(request);
          return response.stream ? { ...response, message: mappingErrors(response.message) } : response;
        } catch (thrown) {
          throw connectErrorFrom(thrown);
        }
      },
    ],
    readMaxBytes: bounds.maxMessageBytes,
    writeMaxBytes: bounds.maxMessageBytes,
    acceptCompression: [],
    shutdownSignal,
  });
  return {
    paths,
    services,
    handler(request, response, identity) {
      identities.set(request, identity);
      adapter(request, response);
    },
  };
}

async function* mappingErrors<T>(messages: AsyncIterable<T>): AsyncIterable<T> {
  try {
    yield* messages;
  } catch (thrown) {
    throw connectErrorFrom(thrown);
  }
}
