import type { Protocol } from '../actors/definition.js';
import { GodwitError } from '../errors.js';
import type { Hash } from '../ports/digest.js';
import type { Manifest } from '../ports/module-source.js';

const hashForm = /^[0-9a-f]{64}$/;
const signatureForm = /^[0-9a-f]{128}$/;
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;
const isLimit = (value: unknown): boolean => value === undefined || (Number.isSafeInteger(value) && (value as number) >= 1);
const isNames = (value: unknown): boolean => Array.isArray(value) && value.every((name) => typeof name === 'string');

/** A manifest that another node sent. @throws {GodwitError} INVALID_ARGUMENT naming the field that is malformed */
export function parseManifest(received: unknown): Manifest {
  const manifest = (isObject(received) ? received : {}) as { readonly [field in keyof Manifest]?: unknown };
  const isHash = (value: unknown): value is Hash => typeof value === 'string' && hashForm.test(value);
  const { hostFunctions, models, needs, limits, signature } = manifest;
  const valid: { readonly [field in keyof Required<Manifest>]: boolean } = {
    definition: typeof manifest.definition === 'string',
    version: Number.isInteger(manifest.version) && (manifest.version as number) >= 1,
    tier: manifest.tier === 'native' || manifest.tier === 'script',
    program: isHash(manifest.program),
    programBytes: Number.isInteger(manifest.programBytes) && (manifest.programBytes as number) >= 0,
    hostFunctions: isNames(hostFunctions),
    models: isObject(models) && Object.values(models).every(isHash),
    stateSchema: manifest.stateSchema === undefined || isHash(manifest.stateSchema),
    needs: isObject(needs) && Number.isSafeInteger(needs.memoryBytes) && (needs.memoryBytes as number) >= 0 && isNames(needs.models),
    limits: isObject(limits) && isLimit(limits.memoryBytes) && isLimit(limits.segmentMs),
    signature:
      signature === undefined || (isObject(signature) && isHash(signature.key) && typeof signature.value === 'string' && signatureForm.test(signature.value)),
  };
  const wrong = Object.entries(valid).find(([, isValid]) => !isValid);
  if (wrong !== undefined) throw new GodwitError('INVALID_ARGUMENT', `the manifest of a module is malformed: field '${wrong[0]}'`);
  return received as Manifest;
}

/** For an actor of a definition that its parent's program also holds. Nobody signed it: such a child moves to no node that trusts only some signers. */
export function childManifest({ signature: _signature, stateSchema: _schema, ...parent }: Manifest, { definition, version }: Protocol): Manifest {
  return { ...parent, definition, version };
}

/** Every blob that running the module needs. */
export function blobsOf(manifest: Manifest | undefined): Hash[] {
  return manifest === undefined ? [] : [manifest.program, ...Object.values(manifest.models)];
}
