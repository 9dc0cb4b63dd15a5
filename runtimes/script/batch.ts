import { GodwitError } from '#core';
import { batchHeaderBytes, chunkHeaderBytes, recordBytes, recordHeaderBytes, type Views, viewsOf, writeRecord } from '../guest/packed.js';

const firstBytes = 8 * 1024;
/** A batch is sent early when it has grown to this: a transferred buffer should not wait long for its last record. */
export const fullBatchBytes = 1024 * 1024;

/** Collects records for a thread into one transferable buffer (layout: guest/packed.ts). */
export class BatchWriter {
  private views: Views = viewsOf(new ArrayBuffer(firstBytes));
  private position = batchHeaderBytes;
  private chunk = 0;
  private instance = -1;

  get bytes(): number {
    return this.position;
  }

  get empty(): boolean {
    return this.position === batchHeaderBytes;
  }

  record(instance: number, kind: number, ask: number, amount: number, word: number, target: number, payload: Uint8Array | undefined): void {
    const bytes = recordBytes(payload === undefined ? 0 : payload.length);
    this.open(instance, bytes);
    this.position = writeRecord(this.views, this.position, kind, ask, amount, word, target, payload);
    this.extendChunk(bytes);
  }

  /** Adds records that are packed already. */
  records(instance: number, packed: Uint8Array): void {
    this.open(instance, packed.length);
    this.views.u8.set(packed, this.position);
    this.position += packed.length;
    this.extendChunk(packed.length);
  }

  /** The batch so far, to be transferred; the next one begins empty. */
  take(): ArrayBuffer {
    const { buffer } = this.views.u8;
    this.views.u32[0] = this.position;
    this.views = viewsOf(new ArrayBuffer(firstBytes));
    this.position = batchHeaderBytes;
    this.instance = -1;
    return buffer;
  }

  private open(instance: number, bytes: number): void {
    this.makeRoom(chunkHeaderBytes + bytes);
    if (this.instance === instance) return;
    this.instance = instance;
    this.chunk = this.position >>> 2;
    this.views.u32[this.chunk] = instance;
    this.views.u32[this.chunk + 1] = 0;
    this.position += chunkHeaderBytes;
  }

  private extendChunk(bytes: number): void {
    this.views.u32[this.chunk + 1] = this.views.u32[this.chunk + 1] + bytes;
  }

  private makeRoom(bytes: number): void {
    let capacity = this.views.u8.length;
    if (this.position + bytes <= capacity) return;
    while (capacity < this.position + bytes) capacity *= 2;
    const { u8 } = this.views;
    this.views = viewsOf(new ArrayBuffer(capacity));
    this.views.u8.set(u8.subarray(0, this.position));
  }
}

/** Calls `each` for every chunk of a batch. @throws {GodwitError} DATA_LOSS a malformed batch */
export function readBatch(batch: ArrayBuffer, each: (instance: number, views: Views, begin: number, end: number) => void): void {
  const views = viewsOf(batch);
  const used = views.u32[0];
  if (used > batch.byteLength) throw new GodwitError('DATA_LOSS', `a batch of ${batch.byteLength} bytes claims ${used}`);
  for (let at = batchHeaderBytes; at < used; ) {
    const begin = at + chunkHeaderBytes;
    const end = begin + views.u32[(at >>> 2) + 1];
    if (end > used) throw new GodwitError('DATA_LOSS', 'a batch is truncated');
    each(views.u32[at >>> 2], views, begin, end);
    at = end;
  }
}

/** Bytes of the record at `at`, checked against `end`. @throws {GodwitError} DATA_LOSS a malformed record */
export function checkedRecordBytes({ u32 }: Views, at: number, end: number): number {
  const bytes = u32[at >>> 2];
  const payloadBytes = at + recordHeaderBytes <= end ? u32[(at >>> 2) + 8] : Number.POSITIVE_INFINITY;
  if (recordHeaderBytes + payloadBytes > bytes || bytes !== recordBytes(payloadBytes) || at + bytes > end)
    throw new GodwitError('DATA_LOSS', 'a packed record is malformed');
  return bytes;
}
