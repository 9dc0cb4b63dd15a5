// The receiving half of one session of a link: the streams and names that the peer has opened on this pipe (L2), and what it may do with them.
//
// L3 A record enters a cell only under the epoch and incarnation its cursor knows now (I3).
// L4 What the peer numbers (streams, names) it numbers in order from 1, so that a number not known is either one that was bounced or a lie.
// L5 A peer sends no further than its credit, so a mailbox holds at most a window of each stream.
import { decode } from '../codec/index.js';
import type { Cursor } from '../delivery/cursor.js';
import { becomesTurn, ChannelRecord, recordKinds } from '../delivery/record.js';
import { readTraceContext } from '../delivery/trace-context.js';
import { GodwitError } from '../errors.js';
import type { Cell } from './cell.js';
import { lie } from './conduct.js';
import type { Link, LinkHost } from './link.js';
import { type OpenBody, parseOpen } from './peer-message.js';
import { outgoingRefs } from './refs.js';

interface Incoming {
  readonly cell: Cell;
  readonly cursor: Cursor;
  readonly epoch: number;
}

/** Streams of one session, about 0.5 KB each here; a sender that has used them up begins a new session, which opens only what still lives. */
export const maxStreams = 2 ** 18;
/** Bytes of all message names of a session: 65,535 of them, the most there are numbers for, at the length names usually have. */
const maxNamesBytes = 4 * 1024 * 1024;

/** What one pipe brings. */
export class Inbound {
  private readonly streams: Array<Incoming | undefined> = [undefined];
  private readonly names = [''];
  private namesBytes = 0;

  constructor(
    private readonly link: Link,
    private readonly host: LinkHost,
  ) {}

  /** @throws {GodwitError} what no honest sender does */
  record(
    kind: number,
    name: number,
    stream: number,
    number: number,
    correlation: number,
    remainingMs: number,
    payload: Uint8Array | undefined,
    trace: Uint8Array | undefined,
  ): void {
    const incoming = this.streams[stream];
    if (incoming === undefined) {
      this.checkKnown(stream);
      return;
    }
    const { cell, cursor } = incoming;
    if (cell.status === 'ended') {
      this.bounce(stream, this.host.answer(cell.address));
      return;
    }
    if (incoming.epoch !== cursor.epoch || cell.cursors.get(cursor.from.$address) !== cursor) {
      this.bounce(stream, { fenced: true, epoch: cursor.epoch });
      return;
    }
    const recordKind = recordKinds[kind];
    const message = this.names[name];
    if (recordKind === undefined || message === undefined)
      throw lie('record', `record ${number} of ${cursor.from.$address} has unknown kind ${kind} or name ${name}`);
    // Written so that NaN fails. A tell belongs to no ask, everything else to one; a deadline is what is left of it, never less than nothing.
    if (recordKind === 'tell' ? correlation !== 0 : !(correlation >= 1))
      throw lie('record', `'${recordKind}' ${number} of ${cursor.from.$address} claims to belong to ask ${correlation}`);
    if (!(remainingMs >= 0)) throw lie('record', `record ${number} of ${cursor.from.$address} has ${remainingMs} ms left`);
    const context = trace === undefined ? undefined : readTraceContext(trace);
    if (trace !== undefined && (context === undefined || !becomesTurn(recordKind)))
      throw lie('record', `'${recordKind}' ${number} of ${cursor.from.$address} has a malformed trace context, or none was due`);
    if (number !== cursor.accepted + 1) checkNumber(number, cursor);
    else if (number > cursor.credit)
      throw lie('record', `record ${number} of ${cursor.from.$address} to ${cell.address} is beyond its credit of ${cursor.credit}`, 'RESOURCE_EXHAUSTED');
    const accepted = cursor.accept(number);
    if (accepted === 'repeated') {
      this.link.acknowledge(cursor);
      return;
    }
    if (accepted === 'gap') throw lie('record', `record ${number} of ${cursor.from.$address} to ${cell.address} came after ${cursor.accepted}`);
    if (cursor.lost > 0) this.host.gap(cell, cursor);
    if (cursor.wasHandled(number)) return;
    const deadlineAt = remainingMs === Number.POSITIVE_INFINITY ? remainingMs : this.host.now() + remainingMs;
    const arrived = new ChannelRecord(recordKind, message, undefined, payload, correlation, deadlineAt);
    arrived.number = number;
    arrived.cursor = cursor;
    arrived.sender = cursor.from;
    arrived.trace = context;
    cell.arrive(arrived);
  }

  open(stream: number, body: Uint8Array): void {
    if (stream !== this.streams.length) throw lie('stream', `opened stream ${stream} after stream ${this.streams.length - 1}`);
    if (stream > maxStreams) throw lie('stream', `opened more than ${maxStreams} streams in one session`, 'RESOURCE_EXHAUSTED');
    this.streams.push(undefined);
    const opened = parseOpen(body);
    const { from, life, incarnation, epoch, to } = opened;
    const cell = this.host.cell(to);
    if (cell === undefined || cell.status === 'ended') {
      this.bounce(stream, this.host.answer(to));
      return;
    }
    // A life counts its asks from one: an answer to a former one would be taken for another.
    if (opened.toLife !== undefined && opened.toLife !== cell.life) {
      this.bounce(stream, { reborn: cell.life });
      return;
    }
    const known = this.laterEpoch(opened, cell);
    if (known !== undefined) {
      this.bounce(stream, { fenced: true, epoch: known });
      return;
    }
    try {
      const before = cell.cursors.get(from.$address);
      const isLater = before !== undefined && before.epoch < epoch;
      const cursor = cell.cursorFor(from, life, incarnation, epoch);
      // What is said no more was acknowledged: by a former life, if a copy of the sender that was over spoke to this one first (a durable receiver
      // has but one life); or by a copy of the receiver that a takeover has forgotten, and a late record came before this opening.
      if (cursor === before && opened.first > cursor.accepted + 1 && (cell.rolledBack || (isLater && !cell.durable))) {
        cursor.rolledBack = cell.rolledBack;
        cursor.skipTo(opened.first);
        if (cursor.lost > 0) this.host.gap(cell, cursor);
      }
      cursor.alone = cursor.accepted;
      cursor.sink = this.link;
      cursor.stream = stream;
      this.streams[stream] = { cell, cursor, epoch };
      this.host.heardFrom(from.$address, this.link.peer, epoch);
      this.link.acknowledge(cursor);
    } catch (thrown) {
      if (GodwitError.from(thrown).code !== 'ABORTED') throw thrown;
      this.bounce(stream, { fenced: true, epoch: cell.cursors.get(from.$address)?.epoch ?? 0 });
    }
  }

  name(name: number, text: Uint8Array): void {
    if (name !== this.names.length) throw lie('name', `gave name ${name} after name ${this.names.length - 1}`);
    this.namesBytes += text.length;
    if (this.namesBytes > maxNamesBytes) throw lie('name', `message names exceed ${maxNamesBytes} bytes in one session`, 'RESOURCE_EXHAUSTED');
    const decoded = decode(text, outgoingRefs);
    if (typeof decoded !== 'string') throw lie('name', `name ${name} is no text`);
    this.names.push(decoded);
  }

  /** The sender has a later owner. */
  fence(address: string, epoch: number): void {
    this.streams.forEach((incoming, stream) => {
      if (incoming?.cursor.from.$address === address && incoming.epoch < epoch) this.bounce(stream, { fenced: true, epoch });
    });
  }

  /** Tells the sender of a stream that its receiver is elsewhere. */
  bounce(stream: number, answer: Parameters<Link['bounce']>[1]): void {
    const cursor = this.streams[stream]?.cursor;
    if (cursor?.sink === this.link && cursor.stream === stream) cursor.sink = undefined;
    this.streams[stream] = undefined;
    this.link.bounce(stream, answer);
  }

  /** L2: what a cursor knows of this session must reach no channel of the next one. */
  close(): void {
    for (const incoming of this.streams) if (incoming?.cursor.sink === this.link) incoming.cursor.sink = undefined;
  }

  /** L4. A stream that was bounced may have records on their way. */
  private checkKnown(stream: number): void {
    if (stream === 0 || stream >= this.streams.length) throw lie('stream', `sent a record on stream ${stream}, which it never opened`);
  }

  /**
   * Whether the peer can be the sender's node, as far as this node can tell by itself: an application never leaves its node, nobody but this
   * node runs what runs here, and one epoch has one owner (I1).
   * @returns the epoch by which the sender's claim is over; undefined if nothing speaks against it
   */
  private laterEpoch({ from, life, incarnation, epoch }: OpenBody, receiver: Cell): number | undefined {
    const address = from.$address;
    const { peer } = this.link;
    if (!address.includes('/') && address !== peer.node)
      throw lie('sender', `node ${peer.node} opened a stream in the name of ${address}`, 'PERMISSION_DENIED');
    const running = this.host.cell(address);
    if (running !== undefined && running.status !== 'ended' && running.life === life) {
      // Of an actor of this home nobody else knows a later epoch; of another's this node may be the former owner that has not heard.
      if (epoch < running.epoch) return running.epoch;
      if (epoch === running.epoch || this.host.directory.homeOf(address) === this.host.name)
        return this.disown(address, `which runs on ${this.host.name}`, running.epoch);
    }
    // The register is the authority, but a copy from before this home's life may not know that there is another: no offence.
    const owner = running === undefined && this.host.directory.homeOf(address) === this.host.name ? this.host.ownerOf(address) : undefined;
    if (owner !== undefined && (owner.node !== peer.node || owner.epoch !== epoch)) return owner.epoch;
    const cursor = receiver.cursors.get(address);
    if (
      cursor === undefined ||
      cursor.life !== life ||
      cursor.incarnation !== incarnation ||
      cursor.epoch !== epoch ||
      this.host.directory.homeOf(address) === peer.node
    )
      return undefined;
    const { sink } = cursor;
    const other = sink === undefined || sink === this.link || !('attached' in sink) ? undefined : (sink as Link);
    return other?.attached === true ? this.disown(address, `which speaks through ${other.peer.node}`, epoch) : undefined;
  }

  private disown(address: string, why: string, epoch: number): number {
    const { peer } = this.link;
    this.link.refuse('sender', new GodwitError('PERMISSION_DENIED', `node ${peer.node} opened a stream in the name of ${address}, ${why} at epoch ${epoch}`));
    return epoch;
  }
}

/** Out of turn it is a repetition, a gap, or the first of a cursor that knows nothing: any number but none that cannot be counted on from. */
function checkNumber(number: number, cursor: Cursor): void {
  if (!Number.isSafeInteger(number) || number < 1) throw lie('record', `a record of ${cursor.from.$address} has number ${number}`);
}
