import { createHash } from 'node:crypto';
import type { Hash, ModuleSource } from '#core';

/** A module source whose programs can be made to differ from what any edge has seen. */
export interface ColdModules extends ModuleSource {
  /** From now on the program has other bytes: an edge must get and compile it. */
  renew(): void;
}

/** @param source where the programs come from; a comment is added to them */
export function createColdModules(source: ModuleSource): ColdModules {
  let edition = 0;
  return {
    renew() {
      edition += 1;
    },
    async module(definition, version) {
      const { manifest, blobs } = await source.module(definition, version);
      const original = blobs.get(manifest.program) as Uint8Array;
      const program = Buffer.concat([original, Buffer.from(`\n// edition ${edition}\n`)]);
      const hash = createHash('sha256').update(program).digest('hex') as Hash;
      return { manifest: { ...manifest, program: hash, programBytes: program.length }, blobs: new Map([...blobs, [hash, new Uint8Array(program)]]) };
    },
  };
}
