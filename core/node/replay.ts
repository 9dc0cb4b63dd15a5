// A turn of a durable actor that was under way when its owner was lost, and had sent already: it is run again first, from the same record,
// and what it sends again in the same way is not sent twice (I2).
//
// A handler that does the same thing twice for the same record and state gives the same records. One that does not (random numbers, time)
// has diverged: what had left stays, asks among it are given up, and what it sends now is new. That is observable, never silent.
import { Cursor } from '../delivery/cursor.js';
import { captureRecord, type RecordCapture, restoreRecord } from '../delivery/outbox.js';
import { ChannelRecord, type TurnRecord } from '../delivery/record.js';
import type { Target } from '../ports/runtime.js';
import type { Cell } from './cell.js';
import { Channel } from './channel.js';

/** A turn under way, as its standby knows it. */
export interface Journal {
  /** Turns the actor had taken before it. */
  readonly turn: number;
  /** The record it handles. */
  readonly input: {
    readonly from: Target;
    readonly life: string;
    readonly incarnation: number;
    readonly epoch: number;
    readonly record: RecordCapture;
  };
  /** What it has sent, in order. */
  readonly outputs: ReadonlyArray<{ readonly to: string; readonly record: RecordCapture }>;
}

/** The running turn of a cell with what it has sent since `since`, by channel. Its records are encoded: it is durable. */
export function journalOf(cell: Cell, since: ReadonlyMap<Channel, number>, now: number): Journal | undefined {
  const running = cell.inflight.peek();
  if (running?.cursor === undefined) return undefined;
  const { from, life, incarnation, epoch } = running.cursor;
  const outputs = [...cell.outlet.channels.values()].flatMap((channel) => {
    const known = Math.max(channel.released, since.get(channel) ?? 0);
    return [...channel.held].filter(({ number }) => number > known).map((record) => ({ to: channel.to, record: captureRecord(record, now) }));
  });
  return { turn: cell.turns, input: { from, life, incarnation, epoch, record: captureRecord(running, now) }, outputs };
}

/** A turn to run again. */
export class Replay {
  /** True once the turn sent something else than before. */
  diverged = false;
  private readonly left = new Map<string, RecordCapture[]>();
  /** Correlations of what had been asked and is not asked again yet: an answer may come first. */
  private readonly asked = new Set<number>();

  private constructor(outputs: Journal['outputs']) {
    for (const { to, record } of outputs) {
      if (record.kind === 'ask' || record.kind === 'stream') this.asked.add(record.correlation);
      const queue = this.left.get(to);
      if (queue === undefined) this.left.set(to, [record]);
      else queue.push(record);
    }
  }

  /** Puts the turn's record at the head of the mailbox of a restored cell, and what had left back into its outboxes. */
  static prepare(cell: Cell, journal: Journal, now: number): void {
    // The lost owner had heard of a later life of that sender than the checkpoint knows, and dropped its answers to the former one.
    cell.forgetLife(journal.input.from.$address, journal.input.life);
    const sent = journal.outputs.filter(({ to, record }) => {
      const channel = cell.outlet.channels.get(to) ?? new Channel(cell, to, cell.incarnation);
      cell.outlet.channels.set(to, channel);
      // What a turn before it had sent is in the checkpoint.
      if (record.number < channel.next) return false;
      channel.hold(restoreRecord(record, now));
      channel.next = record.number + 1;
      channel.released = record.number;
      channel.rewind();
      return true;
    });
    const { from, life, incarnation, epoch, record } = journal.input;
    let cursor = cell.cursors.get(from.$address);
    if (cursor?.life !== life || cursor.incarnation !== incarnation) {
      cursor = new Cursor(from, life, incarnation, epoch);
      cursor.byCheckpoint = true;
      cell.cursors.set(from.$address, cursor);
    }
    // It had begun in time.
    const again = restoreRecord({ ...record, remainingMs: Number.POSITIVE_INFINITY }, now) as TurnRecord;
    again.cursor = cursor;
    again.sender = cursor.from;
    // What its sender had sent before it was given up, or this would not have been its turn.
    const isPassed = (other: TurnRecord) => other.cursor === cursor && other.number <= again.number;
    const waiting = cell.mailbox.drain();
    for (const next of [again, ...waiting.filter((other) => !isPassed(other))]) cell.mailbox.push(next);
    // The sender sends it again too: once is enough.
    cursor.accept(again.number);
    for (const one of [again, ...waiting.filter(isPassed)]) cursor.settle(one.number);
    cell.replay = new Replay(sent);
  }

  /** True for an answer to what the turn has not asked again yet. */
  awaits({ kind, correlation }: ChannelRecord): boolean {
    return kind !== 'cancel' && kind !== 'more' && this.asked.has(correlation);
  }

  /** True if this is what the turn had sent before, which is held already. */
  covers(cell: Cell, channel: Channel, record: ChannelRecord): boolean {
    const queue = this.left.get(channel.to);
    if (queue === undefined) return false;
    // Time sends these, not the handler: whether they come again, and when, makes no other turn of it.
    const at = isTimely(record) ? queue.findIndex((before) => isSame(before, record)) : queue.findIndex((before) => !isTimely(before));
    if (at < 0) return false;
    const [before] = queue.splice(isTimely(record) ? at : 0, isTimely(record) ? 1 : at + 1).slice(-1) as [RecordCapture];
    if (queue.length === 0) this.left.delete(channel.to);
    if (isSame(before, record)) {
      if (this.asked.delete(record.correlation) && cell.underWay.deferred.length > 0) queueMicrotask(() => cell.underWay.concernDeferred());
      return true;
    }
    this.diverge(cell, [before, ...queue], channel);
    return false;
  }

  /** The turn has ended: what it did not send again had left all the same. */
  turnEnded(cell: Cell): void {
    for (const [to, queue] of [...this.left]) {
      const channel = cell.outlet.channels.get(to);
      if (channel !== undefined && !queue.every(isTimely)) this.diverge(cell, queue, channel);
    }
  }

  private diverge(cell: Cell, abandoned: readonly RecordCapture[], channel: Channel): void {
    this.left.delete(channel.to);
    this.diverged = true;
    for (const { kind, correlation } of abandoned) {
      this.asked.delete(correlation);
      if (kind === 'ask' || kind === 'stream')
        cell.outlet.post(channel, new ChannelRecord('cancel', '', undefined, undefined, correlation, Number.POSITIVE_INFINITY));
    }
    cell.host.diverged(cell, channel.to, abandoned.length);
  }
}

function isSame(before: RecordCapture, record: ChannelRecord): boolean {
  const { kind, message, correlation, bytes } = record;
  if (before.kind !== kind || before.message !== message || before.correlation !== correlation) return false;
  if (before.payload === undefined || bytes === undefined) return before.payload === bytes;
  return before.payload.length === bytes.length && before.payload.every((byte, index) => byte === bytes[index]);
}

/** What an ask's deadline, or a reader's pace, makes a turn send. */
function isTimely({ kind }: { readonly kind: RecordCapture['kind'] }): boolean {
  return kind === 'cancel' || kind === 'more';
}
