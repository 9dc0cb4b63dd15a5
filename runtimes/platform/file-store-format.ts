// The log of a file store, as bytes. All integers are little-endian and unsigned.
//
//   log    = header, frame*            header = "godwit store 1" and a newline, filled with zeros to 16 bytes
//   frame  = magic u32, table bytes u32, value bytes u32, CRC-32 of the table u32, CRC-32 of the sixteen bytes before u32, table, values
//   table  = entry*                    entry  = key bytes u32, value bytes u32 (2³²−1: deleted), CRC-32 of the value u32, key in UTF-8
//   values = those of the entries, in their order, without gaps
//
// F1 One frame is written and synced at a time. So only the last one can be half there, and whatever has bytes of another frame behind it was
//    acknowledged.
import { crc32 } from 'node:zlib';
import { GodwitError } from '#core';

/** What a write does to one key: a new value, or undefined for none. */
export type Change = readonly [key: string, value: Uint8Array | undefined];

/** Where the value of an entry lies, relative to the first byte of its frame. */
export interface Entry {
  readonly key: string;
  /** Undefined if the key was deleted. */
  readonly value: { readonly at: number; readonly bytes: number; readonly crc: number } | undefined;
}

/** A frame to be written: its bytes in parts, and what it will hold where. */
export interface Frame {
  /** Values are not copied: they must not change until they are written. */
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  readonly entries: readonly Entry[];
}

/** The first five integers of a frame. */
export interface FrameHead {
  readonly tableBytes: number;
  readonly valueBytes: number;
  readonly tableCrc: number;
}

/** The file's first bytes. */
export const fileHeader: Uint8Array = Buffer.concat([Buffer.from('godwit store 1\n')], 16);
export const frameHeadBytes = 20;
/** Bytes of an entry beside its key and its value. */
export const entryBytes = 12;
/** Bytes of keys and values in one frame; more would not fit its integers. */
const maxFrameBytes = 1024 * 1024 * 1024;
/** Bytes of a key: what is longer is no name. */
const maxKeyBytes = 4096;

const magic = Buffer.from([0x67, 0x77, 0x66, 0xd5]);
const deleted = 0xffff_ffff;
/** What a disk writes at once at least. */
const sectorBytes = 512;

/** @throws {GodwitError} INVALID_ARGUMENT a key has no byte or more than 4096, or all of it has more than 1 GiB */
export function frameFrom(changes: Iterable<Change>): Frame {
  const table: Uint8Array[] = [];
  const values: Uint8Array[] = [];
  const found: Array<{ readonly key: string; readonly value: Uint8Array | undefined; readonly crc: number }> = [];
  for (const [key, value] of changes) {
    const name = Buffer.from(key);
    if (name.length === 0 || name.length > maxKeyBytes)
      throw new GodwitError('INVALID_ARGUMENT', `a key of a store has 1 to ${maxKeyBytes} bytes, not ${name.length}`);
    const fixed = Buffer.allocUnsafe(entryBytes);
    const crc = value === undefined ? 0 : crc32(value);
    fixed.writeUInt32LE(name.length, 0);
    fixed.writeUInt32LE(value?.byteLength ?? deleted, 4);
    fixed.writeUInt32LE(crc, 8);
    table.push(fixed, name);
    if (value !== undefined) values.push(value);
    found.push({ key, value, crc });
  }
  const tableBytes = bytesOf(table);
  const valueBytes = bytesOf(values);
  if (tableBytes + valueBytes > maxFrameBytes)
    throw new GodwitError('INVALID_ARGUMENT', `a write to a store has at most ${maxFrameBytes} bytes, not ${tableBytes + valueBytes}`);
  const entries: Entry[] = [];
  let at = frameHeadBytes + tableBytes;
  for (const { key, value, crc } of found) {
    entries.push({ key, value: value && { at, bytes: value.byteLength, crc } });
    at += value?.byteLength ?? 0;
  }
  const joined = Buffer.concat(table, tableBytes);
  return { parts: [headFrom(joined, valueBytes), joined, ...values], bytes: at, entries };
}

/** Bytes that the changes of a write take in a frame. */
export function changesBytes(changes: Iterable<Change>): number {
  let bytes = 0;
  for (const [key, value] of changes) bytes += entryBytes + Buffer.byteLength(key) + (value?.byteLength ?? 0);
  return bytes;
}

/** @param bytes twenty @returns undefined if it is none */
export function parseFrameHead(bytes: Uint8Array): FrameHead | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, frameHeadBytes);
  if (head.compare(magic, 0, 4, 0, 4) !== 0 || head.readUInt32LE(16) !== crc32(head.subarray(0, 16))) return undefined;
  return { tableBytes: head.readUInt32LE(4), valueBytes: head.readUInt32LE(8), tableCrc: head.readUInt32LE(12) };
}

/** @returns undefined if it is not the table of this head */
export function parseTable(table: Uint8Array, head: FrameHead): Entry[] | undefined {
  if (crc32(table) !== head.tableCrc) return undefined;
  const bytes = Buffer.from(table.buffer, table.byteOffset, table.byteLength);
  const entries: Entry[] = [];
  let at = frameHeadBytes + head.tableBytes;
  for (let from = 0; from < bytes.length; ) {
    const keyFrom = from + entryBytes;
    if (keyFrom > bytes.length) return undefined;
    const keyTo = keyFrom + bytes.readUInt32LE(from);
    if (keyTo > bytes.length) return undefined;
    const valueBytes = bytes.readUInt32LE(from + 4);
    const key = bytes.toString('utf8', keyFrom, keyTo);
    entries.push({ key, value: valueBytes === deleted ? undefined : { at, bytes: valueBytes, crc: bytes.readUInt32LE(from + 8) } });
    at += valueBytes === deleted ? 0 : valueBytes;
    from = keyTo;
  }
  return at === frameHeadBytes + head.tableBytes + head.valueBytes ? entries : undefined;
}

/** @returns where in these bytes a frame may begin, at `from` or later; -1 if nowhere. What it finds at the end may be cut. */
export function findMagic(bytes: Uint8Array, from: number): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(magic, from);
}

/**
 * True if some sector of these bytes was never written: it is all zeros. So a machine that lost power leaves a file that had grown already, and
 * so etcd tells a torn record from a damaged one.
 * @param at where in the file they begin, in bytes
 * @see https://github.com/etcd-io/etcd/blob/main/server/storage/wal/decoder.go isTornEntry
 */
export function hasBlankSector(bytes: Uint8Array, at: number): boolean {
  for (let from = 0; from < bytes.length; ) {
    const to = Math.min(bytes.length, from + sectorBytes - ((at + from) % sectorBytes));
    if (bytes.subarray(from, to).every((byte) => byte === 0)) return true;
    from = to;
  }
  return false;
}

function headFrom(table: Uint8Array, valueBytes: number): Uint8Array {
  const head = Buffer.allocUnsafe(frameHeadBytes);
  magic.copy(head);
  head.writeUInt32LE(table.byteLength, 4);
  head.writeUInt32LE(valueBytes, 8);
  head.writeUInt32LE(crc32(table), 12);
  head.writeUInt32LE(crc32(head.subarray(0, 16)), 16);
  return head;
}

function bytesOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.byteLength, 0);
}
