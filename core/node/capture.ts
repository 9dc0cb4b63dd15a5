import type { Protocol } from '../actors/definition.js';
import { decode, encode } from '../codec/index.js';
import { Cursor, type CursorCapture } from '../delivery/cursor.js';
import { captureRecord, type OutboxCapture, type RecordCapture, restoreRecord } from '../delivery/outbox.js';
import type { ChannelRecord, TurnRecord } from '../delivery/record.js';
import { GodwitError } from '../errors.js';
import type { InstanceCapture, Target } from '../ports/runtime.js';
import type { Cell } from './cell.js';
import { Channel } from './channel.js';
import { CellTimer } from './pending.js';
import { outgoingRefs } from './refs.js';

/** Everything of an actor that moves as one unit (DESIGN §8): state, unhandled records, cursors, outboxes, timers, open streams. */
export interface CellCapture {
  readonly protocol: Protocol;
  readonly life: string;
  readonly incarnation: number;
  readonly turns: number;
  readonly checkpointTurns: number;
  readonly durable: boolean;
  readonly rolledBack: boolean;
  readonly nextOpen: number;
  readonly instance: InstanceCapture;
  readonly cursors: readonly CursorCapture[];
  readonly outboxes: readonly OutboxCapture[];
  readonly mailbox: ReadonlyArray<{ readonly from: string; readonly record: RecordCapture }>;
  /** What concerns turns under way, and came during the freeze. */
  readonly deferred: ReadonlyArray<{ readonly from: string; readonly record: RecordCapture }>;
  /** Inbound streams by the number under which the instance answers them: those that begin again, and those that end ABORTED. */
  readonly open: ReadonlyArray<{ readonly ask: number; readonly from: string; readonly record: RecordCapture; readonly resumed: boolean }>;
  readonly timers: ReadonlyArray<{ readonly id: number; readonly remainingMs: number; readonly message: string; readonly payload: Uint8Array | undefined }>;
}

/**
 * The actor as plain data, to be encoded. @param withMailbox true for a move; a checkpoint leaves unhandled records of other nodes to their senders, who still
 * hold them, and keeps only those that lie nowhere else
 * @throws {GodwitError} INVALID_ARGUMENT a record in the mailbox cannot travel
 */
export function captureCell(cell: Cell, instance: InstanceCapture, now: number, withMailbox: boolean): CellCapture {
  dropCancelled(cell);
  const isWhole = (cursor: Cursor) => withMailbox || cursor.sink === undefined;
  // What a former life of a sender had sent has no cursor any more, and could not be put back.
  const isKnown = (record: ChannelRecord) => record.cursor !== undefined && cell.cursors.get(record.cursor.from.$address) === record.cursor;
  const waiting = (records: Iterable<ChannelRecord>) =>
    [...records]
      .filter((record) => record.cursor !== undefined && (isWhole(record.cursor) || record.number <= record.cursor.alone) && isKnown(record))
      .map((record) => ({ from: (record.sender as Target).$address, record: captureEncoded(cell, record, now) }));
  const resumed = new Set(instance.streams.map(({ ask }) => ask));
  const open = [...cell.open.values()].filter((record) => record.sender !== undefined && isKnown(record));
  return {
    protocol: cell.target.$protocol,
    life: cell.life,
    incarnation: cell.incarnation,
    turns: cell.turns,
    checkpointTurns: cell.checkpointTurns,
    durable: cell.durable,
    rolledBack: cell.rolledBack,
    nextOpen: cell.nextOpen,
    instance,
    cursors: [...cell.cursors.values()].map((cursor) => cursor.capture(isWhole(cursor))),
    outboxes: [...cell.outlet.channels.values()].map((channel) => channel.capture(now)),
    mailbox: waiting(cell.mailbox),
    deferred: waiting(cell.underWay.deferred),
    open: open.map((record) => ({
      ask: record.ask,
      from: (record.sender as Target).$address,
      record: captureEncoded(cell, record, now),
      resumed: resumed.has(record.ask),
    })),
    timers: [...cell.outlet.timers.values()].map(({ id, dueAt, message, payload }) => ({
      id,
      remainingMs: Math.max(0, dueAt - now),
      message,
      payload: payload.bytes ?? (payload.value === undefined ? undefined : encode(payload.value, outgoingRefs)),
    })),
  };
}

/** Takes out of the mailbox what its askers gave up: it is handled by being skipped. */
function dropCancelled(cell: Cell): void {
  for (const record of cell.mailbox.drain()) {
    if (record.cancelled) cell.settled(record);
    else cell.mailbox.push(record);
  }
}

/** The actor as bytes. */
export function encodeCapture(capture: CellCapture): Uint8Array {
  return encode(capture, outgoingRefs);
}

/** @throws {GodwitError} DATA_LOSS unless the bytes are a capture */
export function parseCapture(bytes: Uint8Array): CellCapture {
  const capture = decode(bytes, outgoingRefs) as Partial<CellCapture> | null;
  const valid =
    typeof capture === 'object' &&
    capture !== null &&
    capture.instance?.state instanceof Uint8Array &&
    Array.isArray(capture.cursors) &&
    Array.isArray(capture.outboxes) &&
    Array.isArray(capture.mailbox) &&
    Array.isArray(capture.deferred) &&
    Array.isArray(capture.open) &&
    Array.isArray(capture.timers);
  if (!valid) throw new GodwitError('DATA_LOSS', `these ${bytes.length} bytes are no capture of an actor`);
  return capture as CellCapture;
}

/** Puts everything but the instance back into a new cell. @param rolledBack true after a takeover, which forgets what came after the capture */
export function restoreCell(cell: Cell, capture: CellCapture, now: number, rolledBack: boolean): void {
  cell.life = capture.life;
  cell.rolledBack = rolledBack || capture.rolledBack;
  cell.incarnation = capture.incarnation;
  cell.turns = capture.turns;
  cell.checkpointTurns = capture.checkpointTurns;
  cell.durable = capture.durable;
  cell.checkpointedTurns = capture.turns;
  cell.nextOpen = capture.nextOpen;
  for (const captured of capture.cursors) cell.cursors.set(captured.from.$address, Cursor.restore(captured, rolledBack));
  for (const outbox of capture.outboxes) {
    const channel = new Channel(cell, outbox.to, outbox.incarnation);
    channel.restoreFrom(outbox, now);
    if (cell.durable) channel.released = outbox.next - 1;
    cell.outlet.channels.set(outbox.to, channel);
  }
  const arrived = (from: string, captured: RecordCapture): ChannelRecord => {
    const cursor = cell.cursors.get(from);
    if (cursor === undefined) throw new GodwitError('DATA_LOSS', `capture of ${cell.address} holds a record of ${from} without its cursor`);
    const record = restoreRecord(captured, now);
    record.cursor = cursor;
    record.sender = cursor.from;
    return record;
  };
  for (const { from, record } of capture.mailbox) cell.mailbox.push(arrived(from, record) as TurnRecord);
  for (const { from, record } of capture.deferred) cell.underWay.deferred.push(arrived(from, record));
  for (const { ask, from, record, resumed } of capture.open) {
    const stream = arrived(from, record) as TurnRecord;
    stream.ask = ask;
    if (resumed) cell.open.set(ask, stream);
    else cell.endedStreams.push(stream);
  }
  for (const { id, remainingMs, message, payload } of capture.timers) {
    cell.outlet.timers.set(id, new CellTimer(cell.outlet, id, message, { value: undefined, bytes: payload }, now + remainingMs));
  }
}

/** A new life of the actor after turns were forgotten: its streams begin again at 1. What its outboxes hold is sent under the new numbers. */
export function beginIncarnation(cell: Cell, incarnation: number): void {
  cell.incarnation = incarnation;
  for (const channel of cell.outlet.channels.values()) {
    // What the actor sent to itself was captured at both ends, so there it simply goes on.
    if (channel.to === cell.address) channel.incarnation = incarnation;
    else channel.beginAnew(incarnation);
  }
  const own = cell.cursors.get(cell.address);
  if (own !== undefined) own.incarnation = incarnation;
}

function captureEncoded(cell: Cell, record: ChannelRecord, now: number): RecordCapture {
  if (record.bytes === undefined && record.value !== undefined) {
    try {
      record.bytes = encode(record.value, outgoingRefs);
    } catch (thrown) {
      throw new GodwitError(
        'INVALID_ARGUMENT',
        `record '${record.message}' in the mailbox of ${cell.address} cannot travel: ${GodwitError.from(thrown).message}`,
      );
    }
  }
  return captureRecord(record, now);
}

/** Streams begin again with nothing granted: a generator that ran before the actor does would change what was captured, for a move that may fail. */
export function ungranted(capture: InstanceCapture): InstanceCapture {
  return { ...capture, streams: capture.streams.map((stream) => ({ ...stream, upTo: stream.sent })) };
}
