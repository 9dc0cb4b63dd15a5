import { type AnyRef, GodwitError, type ModuleSource } from '#core';
import type { Lease } from './offer.js';
import type { OffloadHandler } from './offload-handler.js';

/**
 * Gives what is away by a move the latest code that the modules have of it: each such actor comes home and goes back, to the same host if that offers.
 * @returns the leases that began @throws {GodwitError} the first reason why one could not: before its recall it runs on where it is, after it here
 */
export async function renew(offload: OffloadHandler, modules: ModuleSource): Promise<readonly Lease[]> {
  const begun: Lease[] = [];
  for (const { actor, definition, host, sharedName, lease } of offload.list()) {
    // One that was merged into a shared actor runs another device's code.
    if (lease.move === undefined || !lease.active) continue;
    const { manifest } = await modules.module(definition, 1);
    if (manifest.program === lease.move.program) continue;
    await lease.recall({ trigger });
    const offers = await offload.request({ $address: actor, $where: undefined } satisfies AnyRef, {
      trigger,
      ...(sharedName === undefined ? {} : { sharedName }),
    });
    const offer = offers.find((one) => one.host === host) ?? offers[0];
    if (offer === undefined) throw new GodwitError('RESOURCE_EXHAUSTED', `no host offers to take ${actor} back with its new code: it runs on its device`);
    begun.push(await offload.accept(offer));
  }
  return begun;
}

const trigger = 'renewal';
