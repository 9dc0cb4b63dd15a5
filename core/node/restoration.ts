import { GodwitError } from '../errors.js';
import type { Register } from '../migration/index.js';
import type { Manifest } from '../ports/module-source.js';
import { parseCapture, restoreCell, ungranted } from './capture.js';
import type { Cell } from './cell.js';
import type { MigrationHost } from './migration-host.js';
import { numbersPerEpoch } from './pending.js';
import { type Journal, Replay } from './replay.js';
import { checkModule } from './signed-manifest.js';

/** What an actor comes back from. */
export interface Remains {
  readonly base: Uint8Array;
  /** Of a turn that was under way. */
  readonly journal: Journal | undefined;
  readonly register: Register;
  readonly manifest: Manifest | undefined;
  /** Its module, if nothing else on this node may have it. */
  readonly blobs: readonly Uint8Array[];
}

/**
 * Brings an actor back from its base, for a takeover by its home. @returns its cell, which does not run yet
 * @throws {GodwitError} FAILED_PRECONDITION there is no code for it here, or nobody trusted signed it · whatever its runtime says
 */
export async function restoreActor(host: MigrationHost, address: string, { base, journal, register, manifest, blobs }: Remains): Promise<Cell> {
  const capture = parseCapture(base);
  const native = host.knowsNatively(capture.protocol.definition);
  if (!native && manifest === undefined) {
    throw new GodwitError(
      'FAILED_PRECONDITION',
      `${address} waits on ${host.id.name} for its code: spawn it, or give the node definition ${capture.protocol.definition}`,
    );
  }
  const cell = host.createCell(address, capture.protocol);
  cell.manifest = manifest;
  restoreCell(cell, capture, host.now(), !capture.durable);
  if (capture.durable && journal?.turn === capture.turns) Replay.prepare(cell, journal, host.now());
  // Asks of forgotten turns may still be answered: their numbers are not used again. A durable actor forgets none.
  const nextAsk = capture.durable ? capture.instance.nextAsk : Math.max(capture.instance.nextAsk, register.epoch * numbersPerEpoch);
  const instance = ungranted({ ...capture.instance, nextAsk });
  const tier = native || manifest === undefined ? 'native' : manifest.tier;
  // Whom the node trusts may have changed since it was let in.
  if (manifest !== undefined) await checkModule(host, address, manifest, tier);
  // A manifest that comes from the disk comes without them.
  for (const blob of blobs) await host.options.blobs.put(blob);
  cell.instance = await host.createInstance(cell, tier, manifest, instance);
  cell.lastCapture = { ...instance, streams: capture.instance.streams };
  return cell;
}
