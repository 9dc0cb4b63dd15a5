// Who has a say in a move: what the machines of this node know against a message, beside what the message and its sender's name say
// (`peer-message.ts`). A name is enough here: that another life of the same node speaks is for the machines to judge.
import { GodwitError } from '../errors.js';
import { type MigrationMessage, type NodeId, type PrepareMessage, type Register, receiversOf, type SourceState, type TargetState } from '../migration/index.js';
import { sameNode } from '../migration/types.js';
import type { Directory } from './directory.js';

/** Moves that may be on their way to this node at once: each holds a reservation, and later an instance. */
const maxIncomingMoves = 1024;

/** What the target of a move says to its source, and the source to its target. */
const speaker: { readonly [T in MigrationMessage['type']]?: 'target' | 'source' } = {
  prepared: 'target',
  warmed: 'target',
  ready: 'target',
  refused: 'target',
  running: 'target',
  prepare: 'source',
  blobs: 'source',
  capture: 'source',
  cancel: 'source',
};

/**
 * Looks for a reason not to hear a message of a move: no honest peer says it.
 * @param source of this move, on this node @param target likewise; both undefined for a move that is over, or was never known
 */
export function denialOf(
  message: MigrationMessage,
  source: SourceState | undefined,
  target: TargetState | undefined,
  directory: Directory,
): GodwitError | undefined {
  if (message.type === 'prepare' && !directory.mayBeHome(message.actor, message.home) && termOf(message) === directory.handed(message.actor).term)
    return denied(message, `it names ${message.home} as home`);
  const state = receiversOf[message.type][0] === 'source' ? source : target;
  const role = speaker[message.type];
  if (role === undefined || state === undefined || !('plan' in state)) return undefined;
  const { plan } = state;
  const party = 'target' in plan && role === 'target' ? plan.target : plan.source;
  if (party.name !== message.from.name || plan.actor !== message.actor)
    return denied(message, `move ${message.move} is of ${plan.actor}, and its ${role} is ${party.name}`);
  if (message.type === 'prepared' && 'blobs' in plan) {
    const strange = message.missing.find((hash) => !plan.blobs.includes(hash));
    if (strange !== undefined) return denied(message, `move ${message.move} needs no blob ${strange}`);
  }
  return undefined;
}

/**
 * Whether an actor may come at all, before anything is kept for it.
 * @param register of an actor of this home @param epochHere of the actor if it runs here @param moves on their way here
 * @throws {GodwitError} FAILED_PRECONDITION it is for another life of this node, or it came and is over · ABORTED its register is on its way, or who is
 * its home one of the two has not heard yet · PERMISSION_DENIED its owner is another · RESOURCE_EXHAUSTED too many
 */
export function checkPrepare(
  message: PrepareMessage,
  self: NodeId,
  register: Register | undefined,
  epochHere: number | undefined,
  moves: number,
  directory: Directory,
): void {
  const { actor, epoch, from, home, target } = message;
  if (!sameNode(target, self))
    throw new GodwitError(
      'FAILED_PRECONDITION',
      `prepare of ${actor} is for node ${target.name} of boot ${target.boot}, this is ${self.name} of boot ${self.boot}`,
    );
  if (epochHere !== undefined && epochHere > epoch)
    throw new GodwitError('FAILED_PRECONDITION', `${actor} runs on ${self.name} at epoch ${epochHere}, a move of epoch ${epoch} is over`);
  const known = directory.handed(actor);
  if (home === self.name && directory.unsettled.has(actor))
    throw new GodwitError('ABORTED', `${actor} cannot come to ${self.name} now: its register is on its way to ${known.home}, try again`);
  if (!directory.mayBeHome(actor, home))
    throw new GodwitError(
      'ABORTED',
      `${from.name} takes ${home} for the home of ${actor} (term ${termOf(message)}), ${self.name} takes ${known.home} (term ${known.term}): try again`,
    );
  if (home === self.name && (register === undefined || !sameNode(register.owner, from) || register.epoch !== epoch)) {
    const owner = register === undefined ? 'nobody away from here' : `${register.owner.name} at epoch ${register.epoch}`;
    throw new GodwitError('PERMISSION_DENIED', `node ${from.name} wants to move ${actor} home at epoch ${epoch}, which is owned by ${owner}`);
  }
  if (moves >= maxIncomingMoves) throw new GodwitError('RESOURCE_EXHAUSTED', `${moves} moves are on their way to node ${self.name} already`);
}

/** Of the hand-over that made the home it names the home. */
function termOf({ term = 0 }: PrepareMessage): number {
  return term;
}

function denied(message: MigrationMessage, why: string): GodwitError {
  return new GodwitError('PERMISSION_DENIED', `'${message.type}' of ${message.actor} by node ${message.from.name} refused: ${why}`);
}
