import type { Target } from '../ports/runtime.js';

/** Records a sender may have unhandled at a receiver: deep enough to fill a fast link, small enough to bound a mailbox per sender. */
export const creditWindow = 1024;

/** What carries acknowledgements to a sender's node. */
export interface AcknowledgementSink {
  acknowledge(cursor: Cursor): void;
}

/**
 * What a receiver knows of one sender's stream.
 *
 *     1 … stable … handled … accepted | next
 *
 * C1 `accepted` grows by one: a lower number is a repetition and dropped, a higher one a gap and refused. Only the first new record of a
 *    cursor that knows nothing yet, or that a takeover rolled back, may be higher: what lies between was acknowledged by a former life.
 * C2 `handled` is the highest number up to which everything was handled; what was handled out of turn (a reply, while a tell before it
 *    still waits in the mailbox) is kept in `ahead` until the numbers below it are.
 * C3 Only `stable` is acknowledged; the sender keeps everything above it.
 */
export class Cursor {
  accepted = 0;
  handled = 0;
  stable = 0;
  /** The sender's channel back, kept here by the receiver so that a reply needs no lookup. */
  back: unknown = undefined;
  /** Where acknowledgements go, for a sender on another node. */
  sink: AcknowledgementSink | undefined = undefined;
  /** Number of the stream in the sink's session. */
  stream = 0;
  /** Highest number that may lie in the receiver's mailbox and nowhere else: it was handed over in one heap, or came with a capture. */
  alone = 0;
  /** Highest number the sender was told to be stable. */
  acknowledged = 0;
  /** True while the sink has it on its list. */
  dirty = false;
  /** True if `stable` moves only with checkpoints (`checkpointed`), not with `handled`. */
  byCheckpoint = false;
  /** Records of this stream that a takeover lost, and that nobody has been told of. */
  lost = 0;
  /** True until the first record: see C1. */
  private fresh = true;
  /** True if its receiver was brought back by a takeover: then a jump means lost records. */
  rolledBack = false;
  private ahead: number[] = [];

  /** @param life boot of the sender's home when it was spawned: another one is another actor of the same name */
  constructor(
    readonly from: Target,
    readonly life: string,
    public incarnation: number,
    public epoch: number,
  ) {}

  /** C1. */
  accept(number: number): 'next' | 'repeated' | 'gap' {
    if (number <= this.accepted) return 'repeated';
    if (number !== this.accepted + 1 && !this.fresh) return 'gap';
    this.skipTo(number);
    this.accepted = number;
    return 'next';
  }

  /** The stream goes on at `number`, which is beyond what was accepted. */
  skipTo(number: number): void {
    if (number - 1 > this.accepted) {
      if (this.rolledBack) this.lost = number - 1 - this.accepted;
      this.accepted = number - 1;
      this.handled = this.stable = Math.max(this.handled, number - 1);
      this.ahead = this.ahead.filter((other) => other > this.handled);
    }
    this.fresh = this.rolledBack = false;
  }

  /** C2. */
  settle(number: number): void {
    if (number !== this.handled + 1) {
      // A turn that is run again was settled before: see Replay.
      if (!this.wasHandled(number)) this.ahead.push(number);
      return;
    }
    this.handled = number;
    while (this.ahead.length > 0 && this.ahead.includes(this.handled + 1)) {
      this.handled += 1;
      this.ahead = this.ahead.filter((other) => other > this.handled);
    }
    // What was handled out of turn is not asked for again: after a takeover its sender may have nothing to send.
    this.accepted = Math.max(this.accepted, this.handled);
  }

  /** Lets the sender forget what is stable, soon. */
  acknowledge(): void {
    if (!this.byCheckpoint) this.stable = this.handled;
    this.sink?.acknowledge(this);
  }

  /** A checkpoint that had handled everything up to `number` is safe on another node. */
  checkpointed(number: number): void {
    if (number <= this.stable) return;
    this.stable = number;
    this.sink?.acknowledge(this);
  }

  /** True if the record was handled although records before it were not. */
  wasHandled(number: number): boolean {
    return number <= this.handled || this.ahead.includes(number);
  }

  /** Highest number the sender may send. */
  get credit(): number {
    return this.handled + creditWindow;
  }

  /** @param withMailbox true if all records that wait in the mailbox are captured too; without, those beyond `alone` must be sent again by their sender */
  capture(withMailbox: boolean): CursorCapture {
    const { from, life, incarnation, epoch, handled, alone, ahead, fresh, rolledBack } = this;
    return {
      from: { $address: from.$address, $protocol: from.$protocol },
      life,
      incarnation,
      epoch,
      accepted: withMailbox ? this.accepted : Math.max(handled, alone),
      handled,
      ahead: [...ahead],
      fresh,
      rolledBack,
    };
  }

  /** @param rolledBack true after a takeover, which forgets what came after the capture */
  static restore(capture: CursorCapture, rolledBack: boolean): Cursor {
    const cursor = new Cursor(capture.from, capture.life, capture.incarnation, capture.epoch);
    cursor.fresh = rolledBack || capture.fresh;
    cursor.rolledBack = rolledBack || capture.rolledBack;
    cursor.accepted = capture.accepted;
    cursor.handled = cursor.stable = capture.handled;
    cursor.ahead = [...capture.ahead];
    return cursor;
  }
}

/** A cursor as plain data. */
export interface CursorCapture {
  readonly from: Target;
  readonly life: string;
  readonly incarnation: number;
  readonly epoch: number;
  readonly accepted: number;
  readonly handled: number;
  readonly ahead: readonly number[];
  readonly fresh: boolean;
  readonly rolledBack: boolean;
}
