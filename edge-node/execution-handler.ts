// The paper's Execution Handler: the runtimes of one host, chosen by name at run time, their measured speed, and the host functions that
// actors may call there.
import {
  type ActorInfo,
  type Blobs,
  type Clock,
  GodwitError,
  type Hash,
  type HostFunction,
  type HostFunctions,
  type ModuleSource,
  type MoveRequest,
  type Runtime,
  type Tier,
} from '#core';
import { measureSpeed } from './measure-speed.js';
import type { TierSpeed } from './offers.js';

/** What an Execution Handler is made of. */
export interface ExecutionHandlerOptions {
  readonly host: string;
  readonly clock: Clock;
  /** One per tier. */
  readonly runtimes: readonly Runtime[];
  readonly hostFunctions: readonly HostFunction[];
  /** Definitions whose native code this host has. */
  readonly nativeDefinitions: readonly string[];
  readonly blobs: Blobs;
  /** Gives the probe by which shipped tiers are measured. */
  readonly modules: ModuleSource | undefined;
}

/** Hashes one question may name. */
const maxHashes = 1024;

/** What runs modules on one host. */
export class ExecutionHandler {
  readonly hostFunctions: HostFunctions;
  private readonly runtimes: ReadonlyMap<Tier, Runtime>;
  private speeds: readonly TierSpeed[] = [];

  /** @throws {GodwitError} INVALID_ARGUMENT no runtime, or two of one tier or two host functions of one name */
  constructor(private readonly options: ExecutionHandlerOptions) {
    this.runtimes = byName('runtime of tier', options.runtimes, (runtime) => runtime.tier);
    this.hostFunctions = byName('host function', options.hostFunctions, (hostFunction) => hostFunction.name);
    if (this.runtimes.size === 0) throw new GodwitError('INVALID_ARGUMENT', `edge ${options.host} was given no runtime`);
  }

  /** Measures every tier, one after the other so that they do not slow each other. */
  async measure(): Promise<readonly TierSpeed[]> {
    const speeds: TierSpeed[] = [];
    for (const runtime of this.runtimes.values()) speeds.push(await measureSpeed(runtime, this.options.clock, this.options.modules));
    this.speeds = speeds;
    return speeds;
  }

  /** The runtimes with what was measured. */
  list(): ReadonlyArray<{ readonly description: string; readonly speed: TierSpeed }> {
    return [...this.runtimes.values()].map((runtime) => ({
      description: runtime.description,
      speed: this.speeds.find(({ tier }) => tier === runtime.tier) ?? { tier: runtime.tier, operationsPerSecond: 0, benchmark: 'not measured yet' },
    }));
  }

  /**
   * The tier on which an incoming actor is to run: the wanted one, else the one its module was made for, else natively.
   * @throws {GodwitError} FAILED_PRECONDITION no such tier here, or a host function is missing
   */
  readonly chooseTier = ({ address, definition, manifest }: MoveRequest, wanted: string | undefined): Tier => {
    const { host, nativeDefinitions } = this.options;
    const refuse = (reason: string) => new GodwitError('FAILED_PRECONDITION', `host ${host} cannot run ${address} (${definition}): ${reason}`, { node: host });
    const missing = manifest.hostFunctions.find((name) => !this.hostFunctions.has(name));
    if (missing !== undefined) throw refuse(`it has no host function '${missing}'`);
    const possible: Tier[] = [];
    if (manifest.tier !== 'native' && this.runtimes.has(manifest.tier)) possible.push(manifest.tier);
    if (nativeDefinitions.includes(definition) && this.runtimes.has('native')) possible.push('native');
    const chosen = wanted === undefined ? possible[0] : possible.find((tier) => tier === wanted);
    if (chosen === undefined) throw refuse(`${wanted === undefined ? 'no tier' : `not tier ${wanted}`}; possible are ${possible.join(', ') || 'none'}`);
    return chosen;
  };

  /** Those of `hashes` that are in the host's store. @throws {GodwitError} INVALID_ARGUMENT malformed or too many */
  async findBlobs(hashes: readonly string[]): Promise<string[]> {
    if (hashes.length > maxHashes) throw new GodwitError('INVALID_ARGUMENT', `at most ${maxHashes} hashes can be asked for at a time, not ${hashes.length}`);
    const malformed = hashes.find((hash) => !/^[0-9a-f]{64}$/.test(hash));
    if (malformed !== undefined) throw new GodwitError('INVALID_ARGUMENT', `'${malformed.slice(0, 80)}' is no SHA-256 in lower-case hexadecimal`);
    const found: string[] = [];
    for (const hash of hashes) if (await this.options.blobs.has(hash as Hash)) found.push(hash);
    return found;
  }

  /** The actors that live here, of those the node knows. */
  instances(actors: readonly ActorInfo[]): ActorInfo[] {
    return actors.filter((info) => info.status === 'here');
  }
}

function byName<K extends string, T>(what: string, things: readonly T[], nameOf: (thing: T) => K): ReadonlyMap<K, T> {
  const named = new Map<K, T>();
  for (const thing of things) {
    const name = nameOf(thing);
    if (named.has(name)) throw new GodwitError('INVALID_ARGUMENT', `there are two of ${what} '${name}'`);
    named.set(name, thing);
  }
  return named;
}
