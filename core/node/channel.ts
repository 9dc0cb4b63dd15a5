import type { Cursor } from '../delivery/cursor.js';
import { Outbox } from '../delivery/outbox.js';
import type { Cell } from './cell.js';
import type { Link } from './link.js';

/**
 * An outbox with its present route: into a mailbox of this node, over a link, or nowhere yet (the receiver is moving, or its node is
 * out of reach), in which case records wait here.
 */
export class Channel extends Outbox {
  /** The receiver, while it runs on this node; `cursor` is then its cursor for this stream. */
  cell: Cell | undefined = undefined;
  cursor: Cursor | undefined = undefined;
  /** The link to the receiver's node, otherwise; `stream` is this outbox's number within the link's session, 0 before it was opened. */
  link: Link | undefined = undefined;
  stream = 0;
  /** True while the link has it on its list of channels with something to send. */
  ready = false;
  /** True while the records posted in this microtask wait to be refused: the receiver does not exist. */
  refusing = false;
  /** True after such a refusal: the next record looks for the receiver again. */
  missing = false;

  /** True after its sender ended: it goes when what it holds has arrived. */
  retiring = false;
  /** The channel that goes on in place of this one, since the receiver's state was merged into another actor. */
  successor: Channel | undefined = undefined;

  constructor(
    readonly from: Cell,
    to: string,
    incarnation: number,
  ) {
    super(to, incarnation);
  }
}
