import { expose } from 'comlink';
import { createNode, definitionsIn, GodwitError, type HostFunction, type Logger, type Node, silentLogger } from '#core';
import { createNativeRuntime } from '#runtimes/native';
import { createWebClock, webDigest, webRandom } from '#runtimes/web';
import { createMemoryBlobs, createMemoryBlobTransfer } from '#transports/memory';
import { acceptAttachments, createPortTransport } from '#transports/web';
import { createPortPipe } from '#transports/worker';
import { EdgeLinks } from '../edge-links.js';
import type { PageControl, WorkerControl } from './control.js';

/** What {@link startWorker} takes beside what may run there. @public */
export interface WorkerOptions {
  /** What actors may call there. */
  readonly hostFunctions?: readonly HostFunction[];
  readonly logger?: Logger;
}

/**
 * Makes this web worker a place where the actors and elastic functions of its page can run. Call it once, at the top of the worker's script: what the page
 * asks before is answered then.
 * @param exports what may run here, as a module exports it (`import * as actors`): definitions, and functions tagged by `elastic`
 * @throws {GodwitError} INVALID_ARGUMENT nothing among them can run here
 * @public
 */
export function startWorker(exports: Readonly<Record<string, unknown>>, { hostFunctions = [], logger = silentLogger }: WorkerOptions = {}): void {
  const definitions = definitionsIn(exports);
  if (definitions.length === 0)
    throw new GodwitError('INVALID_ARGUMENT', 'startWorker was given no actor definition and no elastic function: pass what the module of your actors exports');
  const names = new Set(definitions.map(({ name }) => name));
  const clock = createWebClock();
  const blobs = createMemoryBlobs({ digest: webDigest });
  let page: PageControl | undefined;
  const itsPage = (): PageControl => {
    if (page === undefined) throw new GodwitError('UNAVAILABLE', 'the page of this worker has not met it yet');
    return page;
  };
  let node: Node | undefined;
  const transport = createPortTransport((address) => itsPage().connect(address), clock);
  const links = new EdgeLinks({ transport, clock, logger, node: () => node as Node });
  // The page knows the name, so the node begins with the first link.
  const nodeCalled = (name: string): Node =>
    (node ??= createNode({
      name,
      clock,
      random: webRandom,
      digest: webDigest,
      logger,
      blobs,
      transfer: createMemoryBlobTransfer({ blobs, peers: (peer) => ({ get: (hash) => itsPage().blobOf(peer, hash) }) }),
      reach: links,
      runtimes: [createNativeRuntime(`native (worker ${name})`)],
      hostFunctions: new Map(hostFunctions.map((hostFunction) => [hostFunction.name, hostFunction])),
      definitions,
      admit({ definition }) {
        if (!names.has(definition))
          throw new GodwitError('FAILED_PRECONDITION', `worker ${name} has no definition ${definition}: give it to its startWorker()`);
        return { tier: 'native' };
      },
    }));
  const control: WorkerControl = {
    meet(met) {
      page = met;
    },
    capabilities: () => ({ definitions: [...names], hostFunctions: hostFunctions.map(({ name }) => name) }),
    blob: (hash) => blobs.get(hash),
  };
  acceptAttachments(globalThis, {
    link: (name, port) => nodeCalled(name).accept(createPortPipe(port, { clock })),
    control: (_name, port) => expose(control, port as never),
  });
}
