// Wires one device: its node, the Notifier, the Offload Handler, and a kept link to every edge it was told of.
import {
  type AnyDefinition,
  type Blobs,
  type Clock,
  checkName,
  GodwitError,
  type HostFunction,
  type Logger,
  type ModuleSource,
  type Node,
  type Parent,
  type Random,
  type Runtime,
  silentLogger,
} from '#core';
import { NodeMetrics } from '#runtimes/metrics';
import { createNativeRuntime } from '#runtimes/native';
import { loadOpenTelemetry, type OpenTelemetry } from '#runtimes/opentelemetry';
import { type FileStore, nodeDigest, openFileStore, SourceMaps, systemClock, systemRandom } from '#runtimes/platform';
import { createLinkSource, createMachineSources } from '#runtimes/telemetry';
import { type ClientOptions, createBlobTransfer, createConnectTransport } from '#transports/connect';
import { createMemoryBlobs } from '#transports/memory';
import { ConnectCluster } from './connect-cluster.js';
import { openControl } from './control.js';
import { type ControlPlace, claimControlSocket } from './control-socket.js';
import { EdgeLinks, type EdgeStatus } from './edge-links.js';
import { createNotifier, type Notifier } from './notifier.js';
import type { Lease } from './offer.js';
import type { OffloadHandler } from './offload-handler.js';
import { ownModules } from './own-modules.js';
import { renew } from './renewal.js';
import { KnownDefinitions, type WiredDevice, wireDevice } from './wiring.js';

/** A module source that learns definitions as they are spawned: what `bundler()` of godwit/build is. */
export interface GrowingModuleSource extends ModuleSource {
  add(definition: AnyDefinition): unknown;
}

/** What {@link startDevice} takes. @public */
export interface DeviceOptions {
  /** Name of its node: unique among the nodes that meet. Actors spawned here have addresses `name/…`. */
  readonly name: string;
  /** Edges as `https://host:port` or `http://host:port`; none for a device that never offloads. */
  readonly edges?: readonly string[];
  /** The key shared with the edges; needed if there are any. */
  readonly key?: string;
  readonly tls?: ClientOptions['tls'];
  /** The shippable form of the actors: the output of a build by `moduleDirectory(path)`, or `bundler()` of godwit/build. Without it every actor stays here. */
  readonly modules?: ModuleSource | GrowingModuleSource;
  /** What actors may call here. Their owner closes them. */
  readonly hostFunctions?: readonly HostFunction[];
  /** Definitions that may run here without having been spawned here before. */
  readonly definitions?: readonly AnyDefinition[];
  /** One per tier; default: native. The device closes them. */
  readonly runtimes?: readonly Runtime[];
  /** Name of the application in the list of offloads; default: the device's. */
  readonly application?: string;
  /** Milliseconds between two samples of the Notifier; default 1000. */
  readonly sampleEveryMs?: number;
  /** Where the Notifier finds the kernel's files; default '/'. */
  readonly metricsRoot?: string;
  /**
   * Directory for what the device keeps beyond a crash: the registers and bases of its actors. It is made if its parent is there, is on a local
   * file system, and belongs to one running device. Without it the device is home of no durable actor, and a restart forgets which of its
   * actors were away.
   */
  readonly dataDir?: string;
  /**
   * Spans, metrics and log correlation through `@opentelemetry/api`, an optional peer, and whatever SDK the process has registered with it.
   * Default false: nothing is kept or sent for it.
   */
  readonly openTelemetry?: boolean;
  /**
   * Opens a control socket, over which other processes of this user can see its actors, move them and get them back: what `godwit offers`, `top`
   * and the like talk to. It lies in a directory of the user's own, under $XDG_RUNTIME_DIR or the directory for temporary files, and is named by
   * the device. Default false.
   */
  readonly control?: boolean;
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly blobs?: Blobs;
}

/** A running device. @public */
export interface Device extends Parent, AsyncDisposable {
  readonly name: string;
  readonly node: Node;
  readonly notifier: Notifier;
  readonly offload: OffloadHandler;
  /** The one it was given; with `openTelemetry` its lines say which span they were written in. */
  readonly logger: Logger;
  /** Path of its control socket; undefined without one. */
  readonly control: string | undefined;
  /** The edges it was told of, and hosts that offers named beside them. */
  edges(): EdgeStatus[];
  /**
   * Gives what is away the latest code that `modules` have of it: after a build, say. Each actor whose program changed comes home and goes back; its
   * state is kept, or upgraded. @returns the leases that began
   * @throws {GodwitError} FAILED_PRECONDITION no modules, or the new code cannot read the state: the actor runs on as it was · else as an acceptance
   */
  renew(): Promise<readonly Lease[]>;
  /** Ends everything; actors that are away pause when their lease ends. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts a device. It works at once, whether an edge is there or not; edges are linked when they appear.
 * @throws {GodwitError} INVALID_ARGUMENT bad name, edge address, or no key although there are edges · FAILED_PRECONDITION `openTelemetry` without its
 * package · for `dataDir`: FAILED_PRECONDITION a living process has it open · DATA_LOSS it is damaged · NOT_FOUND, PERMISSION_DENIED,
 * RESOURCE_EXHAUSTED it cannot be used · for `control`: ALREADY_EXISTS a device of this name runs on this machine · INVALID_ARGUMENT,
 * PERMISSION_DENIED, UNIMPLEMENTED, UNAVAILABLE the socket cannot be there
 * @public
 */
export async function startDevice(options: DeviceOptions): Promise<Device> {
  checkName(options.name, 'node');
  const otel = options.openTelemetry === true ? await loadOpenTelemetry() : undefined;
  const logger = otel?.correlated(options.logger ?? silentLogger) ?? options.logger ?? silentLogger;
  const { dataDir } = options;
  // Before anything is linked: a second node of one name would throw the first one out.
  const place = options.control === true ? await claimControlSocket(options.name) : undefined;
  let store: FileStore | undefined;
  try {
    store = dataDir === undefined ? undefined : await openFileStore(dataDir, { logger });
    const device = wire({ ...options, logger }, store, otel);
    return place === undefined ? device : await controlled(device, place, options);
  } catch (thrown) {
    await store?.close();
    await place?.release();
    throw thrown;
  }
}

async function controlled(device: Device, place: ControlPlace, { clock = systemClock, logger = silentLogger }: DeviceOptions): Promise<Device> {
  try {
    const closeControl = await openControl({ ...device, place, clock, logger });
    let closing: Promise<void> | undefined;
    const end = async () => {
      try {
        await closeControl();
      } finally {
        await device.close();
      }
    };
    const close = () => (closing ??= end());
    return { ...device, control: place.socket, close, [Symbol.asyncDispose]: close };
  } catch (thrown) {
    await device.close();
    throw thrown;
  }
}

function wire(options: DeviceOptions, store: FileStore | undefined, otel: OpenTelemetry | undefined): Device {
  const { name, edges = [], clock = systemClock, random = systemRandom, logger = silentLogger, modules } = options;
  if (edges.length > 0 && (typeof options.key !== 'string' || options.key === '')) {
    throw new GodwitError('INVALID_ARGUMENT', `device ${name} was given edges but no shared key: it never links unauthenticated, pass { key }`);
  }
  const client: ClientOptions = { key: options.key ?? unusedKey, clock, ...(options.tls === undefined ? {} : { tls: options.tls }) };
  const clusters = [...new Set(edges)].map((url) => new ConnectCluster(url, client, clock));
  const blobs = options.blobs ?? createMemoryBlobs({ digest: nodeDigest });
  const links = new EdgeLinks({ transport: createConnectTransport(client), clock, logger, node: () => device.node });
  const transfer = createBlobTransfer({ ...client, blobs, peers: (peer) => links.addressOf(peer) });
  const known = new KnownDefinitions(options.definitions ?? [], (definition) => {
    if (modules !== undefined && 'add' in modules && definition.source !== undefined) modules.add(definition);
  });
  const maps = new SourceMaps();
  const own = modules === undefined ? undefined : ownModules(modules, known.get, maps);
  const device: WiredDevice = wireDevice({
    links,
    clusters,
    known,
    application: options.application ?? name,
    node: {
      name,
      clock,
      random,
      digest: nodeDigest,
      logger,
      blobs,
      transfer,
      runtimes: options.runtimes ?? [createNativeRuntime()],
      hostFunctions: new Map((options.hostFunctions ?? []).map((hostFunction) => [hostFunction.name, hostFunction])),
      definitions: options.definitions ?? [],
      mapStack: maps.mapStack,
      ...(own === undefined ? {} : { modules: own }),
      ...(store === undefined ? {} : { store }),
      ...(otel === undefined ? {} : { tracer: otel.tracer }),
    },
  });
  const { node, offload, child } = device;
  const unmeter = otel?.meter(new NodeMetrics(node));
  const notifier = createNotifier({
    clock,
    logger,
    sources: [...createMachineSources(options.metricsRoot), createLinkSource(() => node.peers())],
    ...(options.sampleEveryMs === undefined ? {} : { sampleEveryMs: options.sampleEveryMs }),
  });
  for (const { url } of clusters) links.keep(url);

  let closing: Promise<void> | undefined;
  const end = async () => {
    unmeter?.();
    notifier.close();
    try {
      await device.close();
      transfer.close();
    } finally {
      await store?.close();
    }
  };
  const close = () => (closing ??= end());
  return {
    name,
    node,
    notifier,
    offload,
    logger,
    control: undefined,
    child,
    edges: () => links.list(),
    async renew() {
      if (own === undefined) throw new GodwitError('FAILED_PRECONDITION', `device ${name} was given no modules: pass { modules }`);
      return renew(offload, own);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A transport wants a key; without edges nothing is ever dialled. */
const unusedKey = 'unused';
