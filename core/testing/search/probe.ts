/** Sees what passes the borders inside of core, from outside: frames, and messages of the migration protocol. */
import type { MigrationMessage } from '../../migration/index.js';
import type { Link } from '../../node/link.js';
import { Migrations } from '../../node/migrations.js';
import type { Life } from '../life.js';
import { SimulatedPipe } from '../simulated-pipe.js';

/** Ends a watch. */
export type EndWatch = () => void;

/** Calls `seen` for every frame that reached a node, before the node does anything about it. */
export function watchFrames(seen: (from: string, to: string) => void): EndWatch {
  const prototype = SimulatedPipe.prototype as unknown as { take(item: unknown): void };
  const original = prototype.take;
  prototype.take = function (this: { readonly life: Life; readonly peer: { readonly life: Life } }, item: unknown): void {
    if (item instanceof Uint8Array) seen(this.peer.life.node, this.life.node);
    original.call(this, item);
  };
  return () => {
    prototype.take = original;
  };
}

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

/** Hands a message to its node once more, as a network that repeats would: over the same link, if the peer still lives the life that sent it. */
export function repeat({ migrations, message, link }: MessageSeen): void {
  if (link.attached && link.peer.boot === message.from.boot) migrations.receive(message, link);
}
