import type { Hash } from './digest.js';
import type { Signature } from './signer.js';

/** What runs an actor's turns. See DESIGN §7. @public */
export type Tier = 'native' | 'script';

/** What a guest is held to, if its host allows that much; what is absent is the host's alone. @public */
export interface GuestLimits {
  readonly memoryBytes?: number;
  readonly segmentMs?: number;
}

/** What is shipped so that another node can run a definition: names and hashes; the bytes are blobs. */
export interface Manifest {
  /** Name of the actor definition. */
  readonly definition: string;
  readonly version: number;
  readonly tier: Tier;
  /** Blob of the program: for the script tier one self-contained ECMAScript file as UTF-8. */
  readonly program: Hash;
  readonly programBytes: number;
  /** Host functions the program may call, by facade name ('nn', 'image'). */
  readonly hostFunctions: readonly string[];
  /** Models the program asks for by name, each a blob of its own (reported apart from the module's bytes). */
  readonly models: Readonly<Record<string, Hash>>;
  /** Hash of what the definition's state looks like (`stateSchemaOf`): two versions with the same one read each other's state. Absent where nobody has computed it. */
  readonly stateSchema?: Hash;
  /** What its definition says it needs of a host. */
  readonly needs: {
    /** 0 if it does not say. */
    readonly memoryBytes: number;
    /** By name, whether their bytes are among `models` or the host has them. */
    readonly models: readonly string[];
  };
  readonly limits: GuestLimits;
  /** By whoever built it, over everything else in the manifest (`signManifest`); an edge that was told whom to trust refuses a module without it. */
  readonly signature?: Signature;
}

/** Where a node gets the shippable form of a definition: the output of a build, or a bundler at run time. */
export interface ModuleSource {
  /**
   * The latest module of the definition, if that is of this version or a later one.
   * @throws {GodwitError} NOT_FOUND none is
   */
  module(
    definition: string,
    version: number,
  ): Promise<{
    readonly manifest: Manifest;
    readonly blobs: ReadonlyMap<Hash, Uint8Array>;
    /** Source map of the program, as JSON: it never leaves this node. */
    readonly map?: string;
  }>;
}
