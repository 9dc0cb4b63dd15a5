import type { AnyDefinition, Definition, Handlers } from '../actors/definition.js';
import type { Ref, Where } from '../actors/ref.js';
import type { Parent } from '../actors/spawn.js';
import { createNode, type Node } from '../node/node.js';
import type { ActorInfo, MoveOptions, MoveReport, NodeEvent, NodeOptions } from '../node/types.js';
import type { BlobTransfer } from '../ports/blobs.js';
import type { Hash } from '../ports/digest.js';
import type { HostFunctions } from '../ports/host-function.js';
import { silentLogger } from '../ports/logger.js';
import type { AcceptPipe } from '../ports/transport.js';
import { Life } from './life.js';
import { Sfc32 } from './sfc32.js';
import { sha256, sha256Digest } from './sha256.js';
import { SimulatedBlobs } from './simulated-blobs.js';
import { createSimulatedClock } from './simulated-clock.js';
import { type DiskOptions, SimulatedDisk } from './simulated-disk.js';
import type { LinkEnd, SimulatedLink } from './simulated-link.js';
import { createSimulatedRuntime, simulatedModules } from './simulated-native.js';
import type { Simulation } from './simulation.js';

/** What a simulated node is made of. @public */
export interface SimulatedNodeOptions {
  /** Definitions of actors that may arrive here without having been spawned here before. */
  readonly definitions?: readonly AnyDefinition[];
  readonly hostFunctions?: HostFunctions;
  /** A disk that outlives crashes; default: true for a device, false for an edge. */
  readonly disk?: boolean | DiskOptions;
  /** How many millionths its clock is too fast (negative: too slow). Default 0. */
  readonly clockPpm?: number;
  /** Up to so many milliseconds that a hash takes, as the seed decides: of two the second may be there first. Default 0: at once. */
  readonly hashMs?: number;
  /** The application: called in each life as soon as the node runs, the first included. */
  readonly onStart?: (node: SimulatedNode) => void;
  /** Anything else of which a node is built; wins over what the world gives it. */
  readonly nodeOptions?: Partial<NodeOptions>;
}

/** What a node needs of its world. */
export interface NodeWorld {
  readonly simulation: Simulation;
  readonly encodeAlways: boolean;
  linkBetween(a: string, b: string): SimulatedLink | undefined;
  linksOf(node: string): readonly SimulatedLink[];
  node(name: string): SimulatedNode | undefined;
  seen(node: SimulatedNode, event: NodeEvent): void;
}

/** A clock's start lies within a day: nodes must not compare each other's readings. */
const dayMs = 24 * 60 * 60 * 1000;

/** A node of a world, through all its lives. What it takes goes to the node of its present life. @public */
export class SimulatedNode implements Parent, LinkEnd {
  /** Undefined if it has none. */
  readonly disk: SimulatedDisk | undefined;
  /** @internal */ blobs!: SimulatedBlobs;
  private present: { readonly life: Life; readonly node: Node } | undefined;
  private lives = 0;
  private latest!: Life;

  /** @internal */
  constructor(
    private readonly world: NodeWorld,
    readonly name: string,
    private readonly admits: boolean,
    private readonly options: SimulatedNodeOptions,
  ) {
    const { disk = !admits } = options;
    this.disk = disk === false ? undefined : new SimulatedDisk(world.simulation, name, disk === true ? {} : disk);
    this.start();
  }

  // ── Its present life ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The very node of core that runs now. @throws {GodwitError} UNAVAILABLE it is down */
  get node(): Node {
    if (this.present === undefined) throw this.world.simulation.error('UNAVAILABLE', `node ${this.name} is down: restart it`);
    return this.present.node;
  }

  get status(): 'running' | 'paused' | 'down' {
    const { status } = this.latest;
    return status === 'dead' ? 'down' : status;
  }

  /** Which life this is, or was the last: from 1. */
  get lifeNumber(): number {
    return this.lives;
  }

  child<S, H extends Handlers<S>>(definition: Definition<S, H>, name: string): Ref<H> {
    return this.node.child(definition, name);
  }

  refTo<S, H extends Handlers<S>>(definition: Definition<S, H>, address: string): Ref<H> {
    return this.node.refTo(definition, address);
  }

  stop(address: string): void {
    this.node.stop(address);
  }

  actors(): ActorInfo[] {
    return this.node.actors();
  }

  where(address: string): Where | undefined {
    return this.node.where(address);
  }

  stateOf(address: string): Promise<unknown> {
    return this.node.stateOf(address);
  }

  move(address: string, options: MoveOptions): Promise<MoveReport> {
    return this.node.move(address, options);
  }

  recall(address: string, options?: { readonly trigger?: string }): Promise<MoveReport> {
    return this.node.recall(address, options);
  }

  // ── What its world does to it ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** @internal */
  get life(): Life | undefined {
    return this.present?.life;
  }

  /** @internal */
  readonly accept: AcceptPipe = (pipe) => this.present?.node.accept(pipe);

  /** @internal Begins a life. */
  start(): void {
    const life = new Life(this.name, ++this.lives);
    const node = createNode(this.nodeOptions(life));
    this.latest = life;
    this.present = { life, node };
    node.observe((event) => {
      if (!life.dead) this.world.seen(this, event);
    });
    for (const link of this.world.linksOf(this.name)) this.dial(link);
    this.options.onStart?.(this);
  }

  /** @internal Dials if it is this end that does. */
  dial(link: SimulatedLink): void {
    if (this.present === undefined || link.dialler !== this) return;
    const { life, node } = this.present;
    node.keepLink({ dial: () => link.dial(life) }, link.other.name);
  }

  /** @internal Ends its life. Nobody answers what its application asked, so that ends; its actors are not told. */
  crash(silently: boolean): void {
    const { life, node } = this.present as { readonly life: Life; readonly node: Node };
    this.present = undefined;
    life.status = 'dead';
    life.waiting = [];
    this.disk?.crash();
    for (const link of this.world.linksOf(this.name)) link.died(life, silently);
    node.close().catch(() => undefined);
  }

  /** @internal */
  pause(): void {
    this.latest.status = 'paused';
  }

  /** @internal */
  resume(): void {
    this.latest.status = 'running';
    this.world.simulation.wake(this.latest);
  }

  private nodeOptions(life: Life): NodeOptions {
    const { simulation, encodeAlways } = this.world;
    const { definitions = [], hostFunctions = new Map(), clockPpm = 0, hashMs = 0, nodeOptions } = this.options;
    const random = new Sfc32(simulation.seed, `${this.name} ${life.number}`);
    this.blobs = new SimulatedBlobs(this.name);
    return {
      name: this.name,
      clock: createSimulatedClock(simulation, life, clockPpm, random.fraction() * dayMs),
      random,
      digest: hashMs === 0 ? sha256Digest : { sha256: (bytes) => this.hash(bytes, hashMs, life) },
      logger: silentLogger,
      blobs: this.blobs,
      transfer: this.transfer(this.blobs, life),
      ...(this.disk === undefined ? {} : { store: this.disk.open(life) }),
      modules: simulatedModules,
      runtimes: [createSimulatedRuntime(life)],
      hostFunctions,
      definitions,
      ...(this.admits ? { admit: () => ({ tier: 'native' as const }) } : {}),
      encodeAlways,
      ...nodeOptions,
    };
  }

  private hash(bytes: Uint8Array, hashMs: number, life: Life): Promise<Hash> {
    const { simulation } = this.world;
    const hash = sha256(bytes);
    return new Promise((resolve) => {
      simulation.at(simulation.nowUs + Math.round(simulation.random.fraction() * hashMs * 1000), life, 'disk', () => resolve(hash));
    });
  }

  private transfer(blobs: SimulatedBlobs, life: Life): BlobTransfer {
    return {
      offer: (peer, hash) => blobs.offer(peer, hash),
      obtain: async (peer, hash) => {
        if (await blobs.has(hash)) return blobs.get(hash);
        const link = this.world.linkBetween(this.name, peer);
        const source = this.world.node(peer);
        if (link === undefined || source === undefined) throw this.world.simulation.error('UNAVAILABLE', `there is no link between ${this.name} and ${peer}`);
        const bytes = await link.transfer(source, life, () => source.blobs.offeredTo(this.name, hash));
        await blobs.put(bytes);
        return bytes;
      },
    };
  }
}
