import type { Payload, Target, Turn } from '../ports/runtime.js';
import type { TraceContext } from '../ports/tracer.js';
import type { Cursor } from './cursor.js';

/** What a record is. The first three wait in the mailbox and become turns; the others concern a turn or ask that is already under way. */
export type RecordKind = 'tell' | 'ask' | 'stream' | 'reply' | 'fail' | 'item' | 'end' | 'cancel' | 'more';

/** Kinds in the order of their numbers on the wire. Append only. */
export const recordKinds: readonly RecordKind[] = ['tell', 'ask', 'stream', 'reply', 'fail', 'item', 'end', 'cancel', 'more'];

/** A record that waits in the mailbox for a turn of its own, and is that turn. */
export type TurnRecord = ChannelRecord & Turn;

/** True for what waits in the mailbox for a turn of its own. */
export const isTurn = (record: ChannelRecord): record is TurnRecord => becomesTurn(record.kind);
export const becomesTurn = (kind: RecordKind): boolean => kind === 'tell' || kind === 'ask' || kind === 'stream';

/**
 * What travels on a channel: one numbered step of a sender's stream. On one node it is the very object that lies in the mailbox and is
 * handed to the instance as its turn: no copy, no encoding.
 */
export class ChannelRecord implements Payload {
  /** Position in its stream, from 1; 0 before it is posted. */
  number = 0;
  /** Where the receiver counts this stream. */
  cursor: Cursor | undefined = undefined;
  /** Turn: by what number the receiving instance answers. */
  ask = 0;
  sender: Target | undefined = undefined;
  /** The asker gave up before the turn began: it is skipped. */
  cancelled = false;
  /** Whose work a turn of it is; only of what becomes a turn, and where somebody traces. */
  trace: TraceContext | undefined = undefined;
  // Not plain numbers: a field that never holds anything else costs every tell a boxed Infinity.
  private deadline: number | undefined = undefined;
  private remaining: number | undefined = undefined;

  /**
   * @param correlation the asker's number of the ask this record opens or belongs to; 0 for a tell
   * @param deadlineAt on the local clock, in milliseconds; Infinity for none
   */
  constructor(
    readonly kind: RecordKind,
    readonly message: string,
    public value: unknown,
    public bytes: Uint8Array | undefined,
    readonly correlation: number,
    deadlineAt: number,
  ) {
    if (deadlineAt !== Number.POSITIVE_INFINITY) this.deadline = deadlineAt;
  }

  get deadlineAt(): number {
    return this.deadline ?? Number.POSITIVE_INFINITY;
  }

  /** Turn: milliseconds from its beginning to its deadline. */
  get remainingMs(): number {
    return this.remaining ?? Number.POSITIVE_INFINITY;
  }

  /** Counts the turn's time from `now` on. @returns false if its deadline has passed */
  begin(now: number): boolean {
    if (this.deadline === undefined) return true;
    this.remaining = this.deadline - now;
    return this.remaining > 0;
  }

  get payload(): Payload {
    return this;
  }

  /** The same for another way: without a number, or a receiver's marks. */
  copy(correlation = this.correlation): ChannelRecord {
    const copy = new ChannelRecord(this.kind, this.message, this.value, this.bytes, correlation, this.deadlineAt);
    copy.trace = this.trace;
    return copy;
  }
}
