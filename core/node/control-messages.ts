// What nodes say to each other beside records, and which room of a node hears it.
import { GodwitError } from '../errors.js';
import type { BackupMessage } from './backup.js';
import type { BaseMessage, BaseWantedMessage } from './base-exchange.js';
import type { ArrivedMessage } from './incoming-move.js';
import type { ControlMessage, Link } from './link.js';
import type { DisownedMessage, EndedHeardMessage, EndedMessage, MigrationControl } from './migration-host.js';
import type { Migrations } from './migrations.js';
import type { RecalledMessage, RecallMessage, Recalls } from './recalls.js';
import type { RehomingMessage } from './register-intake.js';

type NodeMessage =
  | MigrationControl
  | ArrivedMessage
  | BackupMessage
  | BaseWantedMessage
  | BaseMessage
  | EndedMessage
  | EndedHeardMessage
  | DisownedMessage
  | RecallMessage
  | RecalledMessage
  | RehomingMessage;

/** The rooms that hear messages. */
export interface Rooms {
  readonly migrations: Migrations;
  readonly recalls: Recalls;
}

/** Hands a message that is of the right form to the room it is for; a peer may say anything. */
export function hear({ migrations, recalls }: Rooms, link: Link, received: ControlMessage): void {
  const message = received as NodeMessage;
  switch (message.type) {
    case 'migration':
      migrations.receive(message.message, link);
      break;
    case 'arrived':
      migrations.arrived(message, link);
      break;
    case 'checkpoint':
      migrations.checkpoints.keep(message, link);
      break;
    case 'checkpoint-wanted':
      migrations.checkpoints.wanted(message, link);
      break;
    case 'journal':
      migrations.checkpoints.journal(message, link);
      break;
    case 'journaled':
      migrations.checkpoints.journaled(message, link);
      break;
    case 'base-wanted':
      migrations.exchange.wanted(message, link);
      break;
    case 'base':
      migrations.exchange.got(message, link);
      break;
    case 'ended':
      migrations.endedAway(message, link);
      break;
    case 'ended-heard':
      migrations.endedHeard(message, link);
      break;
    case 'disowned':
      migrations.disowned(message, link);
      break;
    case 'recall':
      recalls.asked(link, message);
      break;
    case 'recalled':
      recalls.answered(message, link);
      break;
    case 'rehome':
    case 'rehomed':
    case 'rehome-refused':
    case 'rehome-wanted':
      migrations.rehoming.receive(message, link);
      break;
    default:
      link.refuse(
        'unknown-message',
        new GodwitError('UNIMPLEMENTED', `there is no message '${String((message satisfies never as ControlMessage).type).slice(0, 64)}'`),
      );
  }
}
