import { GodwitError } from '../errors.js';
import type { Hash } from '../ports/digest.js';
import type { Manifest } from '../ports/module-source.js';

const hashForm = /^[0-9a-f]{64}$/;

/** A manifest that another node sent. @throws {GodwitError} INVALID_ARGUMENT naming the field that is malformed */
export function parseManifest(received: unknown): Manifest {
  const manifest = (typeof received === 'object' && received !== null ? received : {}) as { readonly [field in keyof Manifest]?: unknown };
  const isHash = (value: unknown): value is Hash => typeof value === 'string' && hashForm.test(value);
  const { hostFunctions, models } = manifest;
  const valid: { readonly [field in keyof Manifest]: boolean } = {
    definition: typeof manifest.definition === 'string',
    version: Number.isInteger(manifest.version) && (manifest.version as number) >= 1,
    tier: manifest.tier === 'native' || manifest.tier === 'script',
    program: isHash(manifest.program),
    programBytes: Number.isInteger(manifest.programBytes) && (manifest.programBytes as number) >= 0,
    hostFunctions: Array.isArray(hostFunctions) && hostFunctions.every((name) => typeof name === 'string'),
    models: typeof models === 'object' && models !== null && Object.values(models).every(isHash),
  };
  const wrong = Object.entries(valid).find(([, isValid]) => !isValid);
  if (wrong !== undefined) throw new GodwitError('INVALID_ARGUMENT', `the manifest of a module is malformed: field '${wrong[0]}'`);
  return received as Manifest;
}

/** Every blob that running the module needs. */
export function blobsOf(manifest: Manifest | undefined): Hash[] {
  return manifest === undefined ? [] : [manifest.program, ...Object.values(manifest.models)];
}
