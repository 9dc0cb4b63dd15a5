/** How a trace of the Promela model names a message among all that the machines have sent: by its kind, move, version of the register and time of asking. */
import { isDeepStrictEqual } from 'node:util';
import { type MigrationMessage, type MoveId, type MovePlan, type NodeId, type Register, sameNode } from './types.js';

/** The nodes of the model, in order. */
export const names = ['a', 'b', 'c'];
/** How the model writes a grant that answers no question. */
const unasked = 14;

/** A delivery of a trace, with what its three numbers mean to the machines. */
export interface Named {
  readonly verb: string;
  readonly move: MoveId;
  readonly plan: MovePlan | undefined;
  /** The receiver, where the first number is a node. */
  readonly to: string | undefined;
  readonly x: number;
  readonly y: number;
  readonly z: number;
  /** Where the second number is a version. */
  readonly register: Register | undefined;
  readonly tickMs: number;
}

/** Is it this message that the trace delivers? */
export function isMeant({ verb, move, plan, to, x, y, z, register, tickMs }: Named, sentTo: string, message: MigrationMessage): boolean {
  const at = (ticks: number) => (ticks === unasked ? undefined : ticks * tickMs);
  switch (message.type) {
    case 'prepare':
    case 'warmed':
    case 'capture':
    case 'ready':
    case 'refused':
    case 'running':
      return verb.toLowerCase() === `deliver${message.type}` && message.move === move;
    case 'cancel':
      return message.move === move && plan !== undefined && verb === (sameNode(message.from, plan.source) ? 'deliverCancel' : 'deliverStray');
    case 'propose': {
      const competes = sameNode(message.proposal.next.owner, message.from);
      return verb === (competes ? 'deliverCompete' : 'deliverPropose') && message.move === move && message.askedAtMs === at(y);
    }
    case 'decided':
      return verb === 'deliverDecided' && message.move === move && isDeepStrictEqual(message.register, register) && message.askedAtMs === at(z);
    case 'grant':
      return (
        verb === 'deliverGrant' &&
        sentTo === to &&
        register !== undefined &&
        message.epoch === register.epoch &&
        sameNode(message.owner, register.owner) &&
        message.askedAtMs === at(z)
      );
    case 'registered':
      return verb === 'deliverRegistered' && sentTo === to && isDeepStrictEqual(message.register, register);
    case 'query':
      return verb === 'deliverQuery' && lifeOf(message.from) === x * 4 + y && message.askedAtMs === at(z);
    case 'stable':
      return verb === 'deliverStable' && message.epoch === x && message.base.turns === y;
    default:
      return false;
  }
}

/** A life as the model writes it. */
export function lifeOf(node: NodeId): number {
  return names.indexOf(node.name) * 4 + Number(node.boot);
}
