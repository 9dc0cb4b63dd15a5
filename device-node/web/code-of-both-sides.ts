import { type AnyDefinition, type Digest, GodwitError, type Hash, type ModuleSource, stateSchemaOf } from '#core';

const nothing: ReadonlyMap<Hash, Uint8Array> = new Map();

/** Modules of which page and worker both have the code: none of it is shipped, so the program's hash only names it, and has no bytes. */
export function codeOfBothSides(definitionOf: (name: string) => AnyDefinition | undefined, digest: Digest): ModuleSource {
  return {
    async module(name) {
      const definition = definitionOf(name);
      if (definition === undefined) throw new GodwitError('NOT_FOUND', `this page knows no definition ${name}: spawn an actor of it, or pass { definitions }`);
      const { version, needs } = definition;
      return {
        manifest: {
          definition: name,
          version,
          tier: 'native',
          program: await digest.sha256(new TextEncoder().encode(`${name} v${version}`)),
          programBytes: 0,
          hostFunctions: needs.hostFunctions ?? [],
          models: {},
          stateSchema: await stateSchemaOf(definition, digest),
          needs: { memoryBytes: 0, models: [] },
          limits: {},
        },
        blobs: nothing,
      };
    },
  };
}
