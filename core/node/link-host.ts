import type { Cursor } from '../delivery/cursor.js';
import type { GodwitError } from '../errors.js';
import type { Clock } from '../ports/clock.js';
import type { LogLevel } from '../ports/logger.js';
import type { Cell } from './cell.js';
import type { Channel } from './channel.js';
import type { Directory } from './directory.js';
import type { Link } from './link.js';

/** A node, told from earlier lives of the same name. */
export interface Peer {
  readonly node: string;
  readonly boot: string;
}

/** Any message between nodes that is not a record; `type` says what it is. */
export interface ControlMessage {
  readonly type: string;
}

/** What a link needs of its node. */
export interface LinkHost {
  readonly name: string;
  readonly clock: Clock;
  readonly directory: Directory;
  now(): number;
  cell(address: string): Cell | undefined;
  control(link: Link, message: ControlMessage): void;
  /** What a sender is told whose record found nobody here. */
  answer(address: string): BounceAnswer;
  /** By the register of an actor of this home; undefined for others, and for one that never left. */
  ownerOf(address: string): { readonly node: string; readonly epoch: number } | undefined;
  /** The peer said where the receiver of `channel` is, or that it knows nothing of it. */
  bounced(channel: Channel, link: Link, answer: BounceAnswer): void;
  /** Something is to be sent over a link that is down. */
  unsent(): void;
  /** An actor opened a stream from that peer. */
  heardFrom(sender: string, peer: Peer, epoch: number): void;
  /** A takeover lost records of a stream. */
  gap(cell: Cell, cursor: Cursor): void;
  /** Everything that an ended sender had sent on this channel has arrived. */
  delivered(channel: Channel): void;
  linkDown(link: Link, reason: string): void;
  linkFailed(link: Link, error: GodwitError): void;
  log(level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** Why a stream was not accepted. */
export interface BounceAnswer {
  /** Owner and epoch the refusing node knows, if it knows any. */
  readonly node?: string;
  readonly epoch?: number;
  /** Where that owner is dialled, if the refusing node knows. */
  readonly address?: string;
  /** Who keeps the register, unless that is the refusing node, and the number (term) of the hand-over that made it so, if there was one. */
  readonly home?: string;
  readonly term?: number;
  /** True if the sender itself is of an older life or epoch. */
  readonly fenced?: boolean;
  /** Its life, if the sender answers to a former one of the same name. */
  readonly reborn?: string;
  /** True if the actor is on its way to the refusing node. */
  readonly coming?: boolean;
}
