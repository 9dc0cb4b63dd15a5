// Reads a log from its first byte to its last whole frame, and tells what a crash left half from what was damaged.
import { crc32 } from 'node:zlib';
import { GodwitError } from '#core';
import { type LogHandle, readAll } from './file-store-files.js';
import { type Change, type Entry, fileHeader, findMagic, frameHeadBytes, hasBlankSector, parseFrameHead, parseTable } from './file-store-format.js';

/** Takes what a frame holds. @param at where the frame begins in the file */
export type FrameTaker = (entries: readonly Entry[], at: number, values: readonly Change[]) => void;

/** Bytes read at once: small frames come in numbers. */
const windowBytes = 1024 * 1024;

/**
 * Gives each frame to `take`, in their order.
 * @param size of the file in bytes
 * @returns where the last whole frame ends; what is behind was never acknowledged
 * @throws {GodwitError} DATA_LOSS naming file and offset · FAILED_PRECONDITION the file is no log, or of another format
 */
export async function readLog(file: LogHandle, path: string, size: number, take: FrameTaker): Promise<{ readonly end: number }> {
  const window = new Window(file, size);
  const header = size < fileHeader.byteLength ? undefined : await window.bytes(0, fileHeader.byteLength);
  if (header === undefined || Buffer.compare(header, fileHeader) !== 0)
    throw new GodwitError('FAILED_PRECONDITION', `${path} is no store of this version of Godwit: name another directory, or move the file away`);
  let at = fileHeader.byteLength;
  while (at < size) {
    const frame = await readFrame(window, at, size);
    if (frame.whole) {
      take(frame.entries, at, frame.values);
      at += frame.bytes;
    } else if (await isTorn(window, at, size, frame.bytes)) {
      return { end: at };
    } else {
      throw damaged(path, at, size);
    }
  }
  return { end: at };
}

type Found =
  | { readonly whole: true; readonly entries: readonly Entry[]; readonly values: readonly Change[]; readonly bytes: number }
  /** `bytes` as its head says; undefined if that is not readable either. */
  | { readonly whole: false; readonly bytes: number | undefined };

async function readFrame(window: Window, at: number, size: number): Promise<Found> {
  if (size - at < frameHeadBytes) return { whole: false, bytes: undefined };
  const head = parseFrameHead(await window.bytes(at, frameHeadBytes));
  if (head === undefined) return { whole: false, bytes: undefined };
  const bytes = frameHeadBytes + head.tableBytes + head.valueBytes;
  const half: Found = { whole: false, bytes };
  if (bytes > size - at) return half;
  const entries = parseTable(await window.bytes(at + frameHeadBytes, head.tableBytes), head);
  if (entries === undefined) return half;
  const values: Change[] = [];
  for (const { key, value } of entries) {
    // A copy: the window goes on, and what another frame replaces is not to be kept alive by its neighbours.
    const found = value && new Uint8Array(await window.bytes(at + value.at, value.bytes));
    if (found !== undefined && crc32(found) !== value?.crc) return half;
    values.push([key, found]);
  }
  return { whole: true, entries, values, bytes };
}

/** Whether a frame that is not whole is the work of a crash: it is the last (F1), and ends early or has a sector that was never written. */
async function isTorn(window: Window, at: number, size: number, bytes: number | undefined): Promise<boolean> {
  if (bytes !== undefined) {
    if (bytes > size - at) return true;
    return bytes === size - at && (await someBlank(window, at, size));
  }
  if (size - at < frameHeadBytes) return true;
  return !(await hasFrameBehind(window, at + 1, size)) && (await someBlank(window, at, size));
}

async function someBlank(window: Window, at: number, size: number): Promise<boolean> {
  for (let from = at; from < size; ) {
    // Sectors are not cut in two.
    const to = Math.min(size, from - (from % windowBytes) + windowBytes);
    if (hasBlankSector(await window.bytes(from, to - from), from)) return true;
    from = to;
  }
  return false;
}

async function hasFrameBehind(window: Window, from: number, size: number): Promise<boolean> {
  for (let at = from; at + frameHeadBytes <= size; ) {
    const bytes = await window.bytes(at, Math.min(windowBytes, size - at));
    const found = findMagic(bytes, 0);
    if (found < 0) {
      // A magic number may lie across the end.
      at += bytes.byteLength - 3;
    } else {
      at += found;
      if (at + frameHeadBytes <= size && parseFrameHead(await window.bytes(at, frameHeadBytes)) !== undefined) return true;
      at += 1;
    }
  }
  return false;
}

function damaged(path: string, at: number, size: number): GodwitError {
  const message = `${path} is damaged at byte ${at} of ${size}: restore it from a copy, or move it away to begin without what it holds`;
  return new GodwitError('DATA_LOSS', message, { details: { file: path, offset: at } });
}

/** A file as bytes, some of which were read ahead. */
class Window {
  private from = 0;
  private read = Buffer.alloc(0);

  constructor(
    private readonly file: LogHandle,
    private readonly size: number,
  ) {}

  /** Valid until the next call. */
  async bytes(at: number, length: number): Promise<Uint8Array> {
    if (at < this.from || at + length > this.from + this.read.byteLength) {
      this.read = Buffer.allocUnsafe(Math.max(length, Math.min(windowBytes, this.size - at)));
      this.from = at;
      await readAll(this.file, this.read, at);
    }
    return this.read.subarray(at - this.from, at - this.from + length);
  }
}
