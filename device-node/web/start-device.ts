// Wires a page of a browser as a device: its actors live in the page, and go to its web workers when they are offloaded.
import { type AnyDefinition, checkName, GodwitError, type HostFunction, type Logger, type Node, type Parent, silentLogger } from '#core';
import { createNativeRuntime } from '#runtimes/native';
import { createWebClock, webDigest, webRandom } from '#runtimes/web';
import { createMemoryBlobs, createMemoryBlobTransfer } from '#transports/memory';
import { attachLink, createPortTransport, type PortSender } from '#transports/web';
import { EdgeLinks } from '../edge-links.js';
import type { OffloadHandler } from '../offload-handler.js';
import { KnownDefinitions, wireDevice } from '../wiring.js';
import { codeOfBothSides } from './code-of-both-sides.js';
import { WorkerCluster } from './worker-cluster.js';

/** What {@link startDevice} takes. @public */
export interface WebDeviceOptions {
  /** Name of its node. Actors spawned here have addresses `name/…`. */
  readonly name: string;
  /** The workers of this page, each by the name of its node; each calls `startWorker`. They stay the page's: closing the device does not end them. */
  readonly workers?: Readonly<Record<string, PortSender>>;
  /** What actors may call here. Their owner closes them. */
  readonly hostFunctions?: readonly HostFunction[];
  /** Definitions that may run here without having been spawned here before. */
  readonly definitions?: readonly AnyDefinition[];
  readonly logger?: Logger;
}

/** A running device in a page. @public */
export interface WebDevice extends Parent, AsyncDisposable {
  readonly name: string;
  readonly node: Node;
  /** As on any device; its offers are of workers. */
  readonly offload: OffloadHandler;
  /** Ends every actor here. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts a device in a page. What it offloads runs in web workers, off the page's thread; if a worker dies, its actors go on in the page from their last
 * checkpoint, once their lease is over.
 * @throws {GodwitError} INVALID_ARGUMENT bad name
 * @public
 */
export function startDevice({ name, workers = {}, hostFunctions = [], definitions = [], logger = silentLogger }: WebDeviceOptions): WebDevice {
  checkName(name, 'node');
  for (const worker of Object.keys(workers)) checkName(worker, 'node');
  const clock = createWebClock();
  const blobs = createMemoryBlobs({ digest: webDigest });
  const byName = new Map(Object.entries(workers));
  const cluster = new WorkerCluster(name, blobs, byName, clock);
  const connect = (address: string) => {
    const worker = byName.get(address);
    if (worker === undefined) throw new GodwitError('UNAVAILABLE', `page ${name} has no worker ${address}`);
    return attachLink(worker, address);
  };
  const links = new EdgeLinks({ transport: createPortTransport(connect, clock), clock, logger, node: () => device.node });
  const known = new KnownDefinitions(definitions);
  const device = wireDevice({
    links,
    clusters: byName.size === 0 ? [] : [cluster],
    known,
    application: name,
    node: {
      name,
      clock,
      random: webRandom,
      digest: webDigest,
      logger,
      blobs,
      transfer: createMemoryBlobTransfer({ blobs, peers: (peer) => ({ get: (hash) => cluster.blobOf(peer, hash) }) }),
      runtimes: [createNativeRuntime('native (page)')],
      hostFunctions: new Map(hostFunctions.map((hostFunction) => [hostFunction.name, hostFunction])),
      definitions,
      modules: codeOfBothSides(known.get, webDigest),
    },
  });
  for (const worker of byName.keys()) links.keep(worker);
  const { node, offload, child } = device;
  let closing: Promise<void> | undefined;
  const close = () => (closing ??= device.close());
  return { name, node, offload, child, close, [Symbol.asyncDispose]: close };
}
