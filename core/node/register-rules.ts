// What a home asks of a register before it acts upon it.
import { encode } from '../codec/index.js';
import { GodwitError } from '../errors.js';
import { type Epoch, type NodeId, type Register, sameNode } from '../migration/index.js';
import type { Hash } from '../ports/digest.js';
import type { Manifest } from '../ports/module-source.js';
import { maxMessageBytes } from './peer-message.js';
import { outgoingRefs } from './refs.js';
import type { Journal } from './replay.js';

/** Bytes of a `rehome` beside register, manifest and journal: an address, a term and an attempt. */
const rehomeHeadBytes = 64 * 1024;

/** H2. @throws {GodwitError} FAILED_PRECONDITION the checkpoint is not by its owner */
export function mustOwn(register: Register, actor: string, from: NodeId, epoch: Epoch): void {
  if (sameNode(register.owner, from) && register.epoch === epoch) return;
  throw new GodwitError(
    'FAILED_PRECONDITION',
    `checkpoint of ${actor} by ${from.name} at epoch ${epoch}: ${register.owner.name} owns it at epoch ${register.epoch}`,
  );
}

/** G2: what is on the giver's disk as handed over must be possible to tell. @throws {GodwitError} FAILED_PRECONDITION it does not fit into one message */
export function mustFit(actor: string, register: Register, manifest: Manifest | undefined, journal: Journal | undefined): void {
  if (journal === undefined) return;
  const { length } = encode({ register, manifest, journal }, outgoingRefs);
  if (length <= maxMessageBytes - rehomeHeadBytes) return;
  throw new GodwitError(
    'FAILED_PRECONDITION',
    `the register of ${actor} has ${length} bytes with what its turn under way has sent, limit ${maxMessageBytes}: hand it over when that turn has ended`,
  );
}

/**
 * A register as its next home, `self`, keeps it. What a former life of that node had kept is no standby: a takeover could not begin from it (V2).
 * @param isTaken the bytes of the base came with it @param has whether bytes are here anyway
 */
export function takenRegister(register: Register, self: NodeId, isTaken: boolean, has: (hash: Hash) => boolean): Register {
  if (isTaken) return { ...register, standby: self };
  const { base, standby, ...bare } = register;
  return base !== undefined && standby?.name === self.name && !has(base.hash) ? bare : register;
}
