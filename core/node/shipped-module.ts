import { GodwitError } from '../errors.js';
import type { Hash } from '../ports/digest.js';
import type { Manifest } from '../ports/module-source.js';
import type { Cell } from './cell.js';
import { parseManifest } from './manifest.js';
import type { MigrationHost } from './migration-host.js';

const noBlobs: ReadonlyMap<Hash, Uint8Array> = new Map();

/** The manifest of the module that an actor takes along; its blobs are in the node's store then. @throws {GodwitError} FAILED_PRECONDITION nothing says which · whatever the module source says */
export async function moduleOf({ id, options: { modules, blobs } }: MigrationHost, cell: Cell): Promise<Manifest> {
  if (modules === undefined && cell.manifest !== undefined) return cell.manifest;
  if (modules === undefined) {
    throw new GodwitError(
      'FAILED_PRECONDITION',
      `node ${id.name} has no module source, so actor ${cell.address} cannot move: give it 'modules' (godwit/build has bundler())`,
    );
  }
  const { definition, version } = cell.target.$protocol;
  // Asked at every move, since there may be later code by now.
  const module = await modules.module(definition, version).catch(async (thrown: unknown) => {
    // An actor that came from elsewhere brought its code, unless that was in a former life.
    if (cell.manifest !== undefined && (await blobs.has(cell.manifest.program))) return { manifest: cell.manifest, blobs: noBlobs };
    throw thrown;
  });
  const manifest = parseManifest(module.manifest);
  for (const [hash, bytes] of module.blobs) if (!(await blobs.has(hash))) await blobs.put(bytes);
  cell.manifest = manifest;
  return manifest;
}
