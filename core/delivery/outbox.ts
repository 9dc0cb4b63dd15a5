import { GodwitError } from '../errors.js';
import type { TraceContext } from '../ports/tracer.js';
import { creditWindow } from './cursor.js';
import { ChannelRecord, type RecordKind } from './record.js';
import { Ring } from './ring.js';
import { isTraceContext } from './trace-context.js';

/** Records an outbox may hold: what bounds a sender's memory when the receiver cannot be reached (I8). */
const maxHeldRecords = 8192;
/** Bytes of payload an outbox may hold, for the same reason. */
const maxHeldBytes = 64 * 1024 * 1024;

/**
 * One sender's stream to one receiver: gives the numbers, and keeps each record until it is stable.
 *
 * O1 A number is taken when a record is posted, once, in order; never for a record that is refused.
 * O2 A record that left this heap stays in `held` until an acknowledgement covers it. A record handed over in this heap lies in the
 *    receiver's mailbox and nowhere else.
 *    If either of the two is durable it stays in `held` there too: the node may die, and the durable one come back without it.
 * O3 After the route changed or the link was attached again, everything held is sent again, in order.
 */
export class Outbox {
  /** Number of the next record. */
  next = 1;
  /** Highest number sent on the present route. */
  sent = 0;
  /** Highest number the receiver lets us send. */
  credit = creditWindow;
  /** Highest number that may leave: of a durable sender, what its standby knows of. */
  released = Number.POSITIVE_INFINITY;
  readonly held = new Ring<ChannelRecord>();
  private heldBytes = 0;

  constructor(
    readonly to: string,
    public incarnation: number,
  ) {}

  /** @throws {GodwitError} RESOURCE_EXHAUSTED if another record would exceed the bounds; no number is taken (O1) */
  checkRoom(from: string): void {
    if (this.held.length < maxHeldRecords && this.heldBytes < maxHeldBytes) return;
    throw new GodwitError(
      'RESOURCE_EXHAUSTED',
      `outbox of ${from} to ${this.to} is full (${this.held.length} records, ${this.heldBytes} bytes): the receiver is slow or out of reach`,
    );
  }

  hold(record: ChannelRecord): void {
    this.held.push(record);
    this.heldBytes += record.bytes?.length ?? 0;
  }

  /** Forgets what is stable. */
  acknowledge(stable: number): void {
    // The route may have begun again meanwhile; what is stable needs no second way.
    if (stable > this.sent) this.sent = stable;
    for (let first = this.held.peek(); first !== undefined && first.number <= stable; first = this.held.peek()) {
      this.held.shift();
      this.heldBytes -= first.bytes?.length ?? 0;
    }
  }

  /** The next record that may be sent now: not yet sent on this route, released, and covered by credit. */
  nextToSend(): ChannelRecord | undefined {
    const first = this.held.peek();
    if (first === undefined || this.sent >= this.credit || this.sent >= this.released) return undefined;
    return this.held.at(this.sent + 1 - first.number);
  }

  capture(now: number): OutboxCapture {
    const held = [...this.held].map((record) => captureRecord(record, now));
    return { to: this.to, incarnation: this.incarnation, next: this.next, held };
  }

  /** Begins the stream again at 1, as a later incarnation; what is held is numbered anew. A receiver that knew the former one drops it. */
  beginAnew(incarnation: number): void {
    this.incarnation = incarnation;
    this.next = 1;
    for (const record of this.held) record.number = this.next++;
    this.rewind();
  }

  /** Keeps only what `wanted` says. The rest keeps its place in the stream, which may be on its way already, and says nothing any more. */
  retain(wanted: (record: ChannelRecord) => boolean): void {
    for (const record of this.empty()) this.hold(wanted(record) ? record : emptied(record.number));
  }

  /** Holds what a receiver in this heap did not come to, in the order of its numbers; what is not in between keeps its place. */
  takeBack(records: readonly ChannelRecord[]): void {
    if (records.length === 0) return;
    let [{ number }] = records;
    for (const record of records) {
      for (; number < record.number; number++) this.hold(emptied(number));
      this.hold(record);
      number++;
    }
    for (; number < this.next; number++) this.hold(emptied(number));
    this.rewind();
  }

  /** Takes everything held out, for a new life that numbers it anew. */
  empty(): ChannelRecord[] {
    this.heldBytes = 0;
    return this.held.drain();
  }

  restoreFrom(capture: OutboxCapture, now: number): void {
    this.next = capture.next;
    for (const held of capture.held) this.hold(restoreRecord(held, now));
    this.rewind();
  }

  /** O3: the next transmission begins with the oldest record held; the receiver's next acknowledgement brings its credit. */
  rewind(): void {
    this.sent = (this.held.peek()?.number ?? this.next) - 1;
    this.credit = this.sent + creditWindow;
  }
}

/** No ask has this number. */
const nobodysAsk = Number.MAX_SAFE_INTEGER;

/** An answer that nobody waits for, in the place of a record. */
function emptied(number: number): ChannelRecord {
  const record = new ChannelRecord('reply', '', undefined, undefined, nobodysAsk, Number.POSITIVE_INFINITY);
  record.number = number;
  return record;
}

/** An outbox as plain data. */
export interface OutboxCapture {
  readonly to: string;
  readonly incarnation: number;
  readonly next: number;
  readonly held: readonly RecordCapture[];
}

/** A record as plain data; the deadline travels as remaining time. */
export interface RecordCapture {
  readonly kind: RecordKind;
  readonly number: number;
  readonly message: string;
  readonly correlation: number;
  readonly remainingMs: number;
  readonly payload: Uint8Array | undefined;
  readonly trace?: TraceContext;
}

/** The record's payload must be encoded already. */
export function captureRecord(record: ChannelRecord, now: number): RecordCapture {
  const { kind, number, message, correlation, bytes, trace } = record;
  return { kind, number, message, correlation, remainingMs: record.deadlineAt - now, payload: bytes, ...(trace === undefined ? {} : { trace }) };
}

/** @throws {GodwitError} DATA_LOSS its trace context is none */
export function restoreRecord(capture: RecordCapture, now: number): ChannelRecord {
  const { trace } = capture;
  if (trace !== undefined && !isTraceContext(trace)) throw new GodwitError('DATA_LOSS', `captured record ${capture.number} has a malformed trace context`);
  const record = new ChannelRecord(capture.kind, capture.message, undefined, capture.payload, capture.correlation, now + capture.remainingMs);
  record.number = capture.number;
  record.trace = trace;
  return record;
}
