import { type MigrationMessage, type NodeId, reasonOf, type Send } from './types.js';

/**
 * What a node answers to a message of a move for which it keeps no machine of the right role, or undefined if nothing is due.
 * A source that has forgotten a move will never propose it; a target that has forgotten one cannot run it.
 */
export function answerStray(message: MigrationMessage, self: NodeId): Send | undefined {
  const { move, actor, epoch, from } = message;
  const reason = reasonOf('NOT_FOUND', `node ${self.name} knows nothing of move ${move} of ${actor}`, self);
  const head = { move, actor, epoch, from: self, reason };
  if (message.type === 'prepared' || message.type === 'warmed' || message.type === 'ready')
    return { type: 'send', to: from.name, message: { type: 'cancel', ...head } };
  if (message.type === 'blobs' || message.type === 'capture') return { type: 'send', to: from.name, message: { type: 'refused', ...head } };
  return undefined;
}
