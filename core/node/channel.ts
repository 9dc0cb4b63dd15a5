import type { Cursor } from '../delivery/cursor.js';
import { Outbox } from '../delivery/outbox.js';
import type { ChannelRecord } from '../delivery/record.js';
import type { Cell } from './cell.js';
import type { BounceAnswer, Link } from './link.js';

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
  /** Hears what a receiver on this node has made stable, where the sender holds on to its records (O2). */
  private sink: LocalSink | undefined = undefined;
  private delivering = false;

  constructor(
    readonly from: Cell,
    to: string,
    incarnation: number,
  ) {
    super(to, incarnation);
    if (from.durable) this.released = 0;
  }

  /** True if records stay here until they are stable, though the receiver is on this node: one of the two survives the node (O2). */
  get holds(): boolean {
    return this.from.durable || this.cell?.durable === true;
  }

  /** The standby knows of what is held up to `number`: it may leave. */
  release(number: number): void {
    if (number <= this.released) return;
    this.released = number;
    this.send();
  }

  /** Sends what may leave on the present route. */
  send(): void {
    if (this.link !== undefined) this.link.offer(this);
    else if (this.cell !== undefined) this.deliver(this.cell, this.cursor as Cursor);
  }

  /** Leads to a receiver on this node. */
  connect(cell: Cell, cursor: Cursor): void {
    this.cell = cell;
    this.cursor = cursor;
    cursor.sink = undefined;
    if (!this.holds) return;
    this.sink ??= new LocalSink(this);
    cursor.sink = this.sink;
    this.rewind();
    this.deliver(cell, cursor);
  }

  /** Leads nowhere on this node any more. */
  disconnect(): void {
    if (this.sink !== undefined && this.cursor?.sink === this.sink) this.cursor.sink = undefined;
    this.cell = this.cursor = undefined;
  }

  private deliver(cell: Cell, cursor: Cursor): void {
    // What is delivered may be handled and acknowledged at once, which leads back here: the loop under way goes on with what that let free.
    if (this.delivering) return;
    this.delivering = true;
    try {
      for (let record = this.nextToSend(); record !== undefined && this.cell === cell; record = this.nextToSend()) {
        this.sent = record.number;
        if (cursor.accept(record.number) === 'next' && !cursor.wasHandled(record.number)) cell.arrive(copyFor(cursor, record));
      }
    } finally {
      this.delivering = false;
    }
    if (this.cell !== cell) this.send();
  }
}

/** The receiver's marks on a record are its own. */
function copyFor(cursor: Cursor, record: ChannelRecord): ChannelRecord {
  const copy = record.copy();
  copy.number = record.number;
  copy.cursor = cursor;
  copy.sender = cursor.from;
  return copy;
}

/** Acknowledgements between two actors of one node. */
class LocalSink {
  constructor(private readonly channel: Channel) {}

  acknowledge(cursor: Cursor): void {
    const { channel } = this;
    if (channel.cursor !== cursor) return;
    channel.acknowledge(cursor.stable);
    channel.credit = Math.max(channel.credit, cursor.credit);
    channel.send();
  }

  /** The receiver's end is heard of on this node anyway. */
  bounce(_stream: number, _answer: BounceAnswer): void {}
}
