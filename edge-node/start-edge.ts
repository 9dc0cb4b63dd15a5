// Wires one edge host: its node, the four roles of the paper's control plane, and the port they share.
import { totalmem } from 'node:os';
import {
  type AnyDefinition,
  type Blobs,
  type Clock,
  checkName,
  createNode,
  GodwitError,
  type HostFunction,
  type Logger,
  type ModuleSource,
  type Node,
  type Random,
  type Runtime,
  silentLogger,
} from '#core';
import { formatMetrics, metricsType, NodeMetrics } from '#runtimes/metrics';
import { createNativeRuntime } from '#runtimes/native';
import { loadOpenTelemetry, type OpenTelemetry } from '#runtimes/opentelemetry';
import { createVerifier, type FileStore, nodeDigest, openFileStore, systemClock, systemRandom } from '#runtimes/platform';
import { createScriptRuntime } from '#runtimes/script';
import { createLinkSource, createMachineSources } from '#runtimes/telemetry';
import {
  type ClientOptions,
  type ConnectServer,
  type ConnectServerOptions,
  createBlobTransfer,
  createConnectServer,
  createConnectTransport,
  createHealth,
  createInspection,
  type Health,
  originOf,
  sharedKey,
} from '#transports/connect';
import { OffloadManager as OffloadManagerService } from '#transports/connect/control';
import { createMemoryBlobs } from '#transports/memory';
import { registerControl } from './control-services.js';
import { ExecutionHandler } from './execution-handler.js';
import type { HostFacts, OffloadRequest } from './offers.js';
import { OffloadManager } from './offload-manager.js';
import { followOwnActors } from './own-actors.js';
import { PeerLinks } from './peer-links.js';
import { RemoteOffloadHandler } from './remote-offload-handler.js';
import { ResourceManager } from './resource-manager.js';
import { followRivals } from './rivals.js';
import { SharedNames } from './shared-names.js';
import { HostTelemetry } from './telemetry.js';

/** What {@link startEdge} takes. @public */
export interface EdgeOptions {
  /** Name of its node: unique among the nodes that meet. */
  readonly name: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Address to listen on; default 127.0.0.1. */
  readonly host?: string;
  /** Where devices reach it, if not under `host` and `port`: http:// or https://, a name, and a port if it is another than theirs. */
  readonly url?: string;
  /** The key shared with devices; every request must present it. */
  readonly key: string;
  /** PEM; without it the port speaks in the clear. `ca`: certificates trusted instead of the platform's when this edge dials another one. */
  readonly tls?: NonNullable<ConnectServerOptions['tls']> & NonNullable<ClientOptions['tls']>;
  /** One per tier; default: script and native. The edge closes them. */
  readonly runtimes?: readonly Runtime[];
  /** What actors may call here. Their owner closes them. */
  readonly hostFunctions?: readonly HostFunction[];
  /** Models that the host functions know by name. */
  readonly models?: readonly string[];
  /** Definitions that may run here natively: code this edge trusts. Default: none, so that everything runs in a sandbox. */
  readonly definitions?: readonly AnyDefinition[];
  /**
   * Public keys, each as PEM: only modules that the holder of one of them signed run here, beside `definitions`. Default: every module of a
   * device with the key does, whoever made it.
   */
  readonly trust?: readonly string[];
  /** Gives `speedProbe`, so that shipped tiers are measured, and modules of actors spawned here. */
  readonly modules?: ModuleSource;
  readonly limits?: {
    /** Bytes for offloaded actors, all together; default half of the machine's. */
    readonly memoryBytes?: number;
    /** Offloaded actors at a time; default 64. */
    readonly instances?: number;
    /** Actors one device may have here; default 16. */
    readonly offloadsPerDevice?: number;
  };
  /** Milliseconds an offer holds; default 10 000. */
  readonly offerMs?: number;
  /** Whether a device may offload this; default: every one with the key. */
  readonly authorise?: (request: OffloadRequest) => boolean;
  /** Answers paths that no service has, e.g. a dashboard. */
  readonly fallback?: ConnectServerOptions['fallback'];
  /**
   * Directory for what the edge keeps beyond a crash: shared names, and the registers and bases of actors that have one or were spawned here. It
   * is made if its parent is there, is on a local file system, and belongs to one running edge. Without it the edge is home of no durable and no
   * shared actor, and a restart forgets its registers and names. What devices moved here without a shared name is kept by them either way.
   */
  readonly dataDir?: string;
  /**
   * Spans, metrics and log correlation through `@opentelemetry/api`, an optional peer, and whatever SDK the process has registered with it.
   * Default false: nothing is kept or sent for it. `GET /metrics` answers either way.
   */
  readonly openTelemetry?: boolean;
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly blobs?: Blobs;
}

/** A running edge. @public */
export interface Edge extends AsyncDisposable {
  readonly node: Node;
  readonly url: string;
  readonly port: number;
  readonly manager: OffloadManager;
  readonly resources: ResourceManager;
  readonly remote: RemoteOffloadHandler;
  readonly execution: ExecutionHandler;
  readonly health: Health;
  /** Ends the Offload Manager and the Resource Manager; actors that are here, and their links, go on untouched. Idempotent. */
  closeControl(): void;
  /** Ends everything; actors that are here come back at their homes. Idempotent. */
  close(): Promise<void>;
}

const defaultInstances = 64;

/**
 * Starts an edge host and waits until it listens; before, it measures its tiers, which takes some tenths of a second.
 * @throws {GodwitError} INVALID_ARGUMENT bad name, URL, key, public key or limits · ALREADY_EXISTS the port is in use · FAILED_PRECONDITION `openTelemetry` without
 * its package · for `dataDir`: FAILED_PRECONDITION a living process has it open · DATA_LOSS it is damaged · NOT_FOUND, PERMISSION_DENIED,
 * RESOURCE_EXHAUSTED it cannot be used
 * @public
 */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  checkName(options.name, 'node');
  const otel = options.openTelemetry === true ? await loadOpenTelemetry() : undefined;
  const { dataDir } = options;
  const logger = otel?.correlated(options.logger ?? silentLogger) ?? options.logger ?? silentLogger;
  const store = dataDir === undefined ? undefined : await openFileStore(dataDir, { logger });
  try {
    return await start({ ...options, logger }, store, otel);
  } catch (thrown) {
    await store?.close();
    throw thrown;
  }
}

async function start(options: EdgeOptions, store: FileStore | undefined, otel: OpenTelemetry | undefined): Promise<Edge> {
  const auth = keyed(options);
  const { name, clock = systemClock, random = systemRandom, logger = silentLogger } = options;
  const limits = limitsOf(options);
  const told = options.url === undefined ? undefined : originOf(options.url);
  const blobs = options.blobs ?? createMemoryBlobs({ digest: nodeDigest });
  const verifier = options.trust === undefined ? undefined : createVerifier(options.trust);
  const runtimes = options.runtimes ?? [createScriptRuntime({ logger }), createNativeRuntime()];
  const nativeDefinitions = (options.definitions ?? []).map((definition) => definition.name);
  const client: ClientOptions = { key: options.key, clock, ...(options.tls?.ca === undefined ? {} : { tls: { ca: options.tls.ca } }) };
  const links = new PeerLinks({ transport: createConnectTransport(client), clock, logger, node: () => node });
  // A device dials the edge, never the other way: its blobs come by the connections it opened. To another edge the source brings them.
  const transfer = createBlobTransfer({ ...client, blobs, peers: (peer) => links.addressOf(peer) });
  const execution = new ExecutionHandler({
    host: name,
    clock,
    runtimes,
    hostFunctions: options.hostFunctions ?? [],
    nativeDefinitions,
    blobs,
    modules: options.modules,
  });
  const remote = new RemoteOffloadHandler({ host: name, clock, logger, limits, chooseTier: execution.chooseTier });
  const names = new SharedNames({ clock, logger, ...(store === undefined ? {} : { store }) });
  const node: Node = createNode({
    name,
    clock,
    random,
    digest: nodeDigest,
    logger,
    blobs,
    transfer,
    runtimes,
    hostFunctions: execution.hostFunctions,
    definitions: options.definitions ?? [],
    admit: remote.admit,
    keepsNameOf: names.keepsNameOf,
    reach: links,
    ...(options.modules === undefined ? {} : { modules: options.modules }),
    ...(verifier === undefined ? {} : { verifier }),
    ...(store === undefined ? {} : { store }),
    ...(otel === undefined ? {} : { tracer: otel.tracer }),
  });
  const metrics = new NodeMetrics(node);
  const unmeter = otel?.meter(metrics);
  node.observe(remote.follow);
  node.observe(links.follow);
  followRivals(node, clock, logger);
  const resources = new ResourceManager({ clock, random, ...(options.offerMs === undefined ? {} : { offerMs: options.offerMs }) });
  const manager = new OffloadManager({
    name,
    resources,
    names,
    logger,
    ...(options.authorise === undefined ? {} : { authorise: options.authorise }),
    ...(options.limits?.offloadsPerDevice === undefined ? {} : { maxOffloadsPerDevice: options.limits.offloadsPerDevice }),
  });
  const inspection = createInspection({ node, clock });
  const telemetry = new HostTelemetry([...createMachineSources(), createLinkSource(() => node.peers())], clock);
  const health = createHealth();

  const closeControl = () => {
    health.set(OffloadManagerService.typeName, false);
    manager.close();
    resources.close();
  };
  let server: ConnectServer | undefined;
  let closing: Promise<void> | undefined;
  const end = async () => {
    closeControl();
    unmeter?.();
    remote.close();
    try {
      await server?.close();
      transfer.close();
      await node.close();
    } finally {
      await store?.close();
    }
  };
  const close = () => (closing ??= end());

  try {
    const tiers = await execution.measure();
    server = await createConnectServer({
      port: options.port,
      auth,
      accept: (pipe) => node.accept(pipe),
      blobs,
      routes: (router) => {
        registerControl(router, { manager, remote, execution, telemetry, actors: () => node.actors(), homeOf: (actor) => node.homeOf(actor) });
        inspection(router);
      },
      pages: new Map([['/metrics', () => ({ type: metricsType, body: formatMetrics(metrics.collect()) })]]),
      health,
      logger,
      clock,
      ...(options.host === undefined ? {} : { host: options.host }),
      ...(options.tls === undefined ? {} : { tls: { key: options.tls.key, cert: options.tls.cert } }),
      ...(options.fallback === undefined ? {} : { fallback: options.fallback }),
    });
    const { port } = server;
    const url = told ?? urlOf(options, port);
    const facts: HostFacts = {
      name,
      url,
      tiers,
      nativeDefinitions,
      hostFunctions: [...execution.hostFunctions.keys()],
      models: options.models ?? [],
      ...limits,
    };
    resources.addHost({ facts, remote });
    followOwnActors(node, names, facts);
    logger.log('info', 'edge.listening', { node: name, url, tiers });
    if (verifier === undefined)
      logger.log('warn', 'edge.trusts-every-module', {
        node: name,
        reason: 'it was not told whose modules to run: give it public keys, by trust or --trust FILE',
      });
    return { node, url, port, manager, resources, remote, execution, health, closeControl, close, [Symbol.asyncDispose]: close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** @throws {GodwitError} INVALID_ARGUMENT */
function keyed(options: EdgeOptions): ReturnType<typeof sharedKey> {
  if (typeof options.key !== 'string' || options.key === '') {
    throw new GodwitError('INVALID_ARGUMENT', `edge ${options.name} was given no shared key: it never serves unauthenticated devices, pass { key }`);
  }
  return sharedKey(options.key);
}

function limitsOf(options: EdgeOptions): { readonly memoryBytes: number; readonly instances: number } {
  const limits = { memoryBytes: options.limits?.memoryBytes ?? Math.floor(totalmem() / 2), instances: options.limits?.instances ?? defaultInstances };
  for (const [limit, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new GodwitError('INVALID_ARGUMENT', `limit ${limit} of edge ${options.name} must be an integer ≥ 0, not ${value}`);
  }
  return limits;
}

function urlOf({ host = '127.0.0.1', tls }: EdgeOptions, port: number): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return `${tls === undefined ? 'http' : 'https'}://${name}:${port}`;
}
