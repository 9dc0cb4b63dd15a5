// One module: what a definition and its program make, whether the program was bundled at run time or by a build.
import { createHash } from 'node:crypto';
import {
  type AnyDefinition,
  bytesFrom,
  type Digest,
  GodwitError,
  type GuestLimits,
  type Hash,
  type Manifest,
  type ModuleSource,
  type Signer,
  signManifest,
  stateSchemaOf,
} from '#core';

/** What modules are made with. @public */
export interface ModuleOptions {
  /** Gives the bytes of a model that a definition names in `needs.models`; default: models stay out of the module. */
  readonly model?: (name: string) => Promise<Uint8Array>;
  /** Signs the manifests; default: they go unsigned, and edges that were told whom to trust refuse them. */
  readonly signer?: Signer;
}

/** Below it the script engine does not load a program. */
const minMemoryBytes = 4 * 1024 * 1024;

/** A manifest and the blobs it names. */
export type Module = Awaited<ReturnType<ModuleSource['module']>>;

/** @throws {GodwitError} INVALID_ARGUMENT its first state cannot move, or what it needs is malformed */
export async function createModule(definition: AnyDefinition, program: Uint8Array, { model, signer }: ModuleOptions): Promise<Module> {
  const { name, version, needs } = definition;
  const blobs = new Map<Hash, Uint8Array>();
  const models: Record<string, Hash> = {};
  if (model !== undefined) for (const wanted of needs.models ?? []) models[wanted] = keep(blobs, await model(wanted));
  const manifest: Manifest = {
    definition: name,
    version,
    tier: 'script',
    program: keep(blobs, program),
    programBytes: program.length,
    hostFunctions: [...(needs.hostFunctions ?? [])],
    models,
    stateSchema: await stateSchemaOf(definition, digest),
    limits: limitsOf(definition),
    needs: { memoryBytes: needs.memory === undefined ? 0 : bytesFrom(needs.memory), models: [...(needs.models ?? [])] },
  };
  return { manifest: signer === undefined ? manifest : await signManifest(manifest, signer), blobs };
}

function limitsOf({ name, version, limits: { memory, segmentMs } }: AnyDefinition): GuestLimits {
  const limits = { ...(memory === undefined ? {} : { memoryBytes: bytesFrom(memory) }), ...(segmentMs === undefined ? {} : { segmentMs }) };
  for (const [limit, value] of Object.entries(limits)) {
    const least = limit === 'memoryBytes' ? minMemoryBytes : 1;
    if (!Number.isSafeInteger(value) || value < least)
      throw new GodwitError('INVALID_ARGUMENT', `limit ${limit} of ${name} v${version} must be an integer ≥ ${least}, not ${value}`);
  }
  return limits;
}

const digest: Digest = { sha256: async (bytes) => sha256(bytes) };

function sha256(bytes: Uint8Array): Hash {
  return createHash('sha256').update(bytes).digest('hex') as Hash;
}

function keep(blobs: Map<Hash, Uint8Array>, bytes: Uint8Array): Hash {
  const hash = sha256(bytes);
  blobs.set(hash, bytes);
  return hash;
}
