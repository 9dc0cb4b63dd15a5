/** Sees what passes a border inside of core, from outside: messages of the migration protocol. */
import type { MigrationMessage } from '../../migration/index.js';
import type { Link } from '../../node/link.js';
import { Migrations } from '../../node/migrations.js';

/** Ends a watch. */
export type EndWatch = () => void;

/** A message of the migration protocol that came to a node over a link. */
export interface MessageSeen {
  readonly migrations: Migrations;
  readonly message: MigrationMessage;
  readonly link: Link;
}

/** Keeps the messages of the migration protocol that came to each node, the latest last. */
export function watchMessages(seen: MessageSeen[]): EndWatch {
  const original = Migrations.prototype.receive;
  Migrations.prototype.receive = function (this: Migrations, message, link) {
    if (link !== undefined) seen.push({ migrations: this, message, link });
    return original.call(this, message, link);
  };
  return () => {
    Migrations.prototype.receive = original;
  };
}

/**
 * Hands a message to its node once more, as a network that repeats would: over the same link, if the peer still lives the life that sent it.
 * @returns false if that life is over
 */
export function repeat({ migrations, message, link }: MessageSeen): boolean {
  if (!link.attached || link.peer.boot !== message.from.boot) return false;
  migrations.receive(message, link);
  return true;
}
