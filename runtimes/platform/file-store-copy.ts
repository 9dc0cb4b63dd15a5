// A log written anew beside the old one, without its dead share, while the old one goes on growing:
//
//   old   │ frames, some of them dead │ frames that came since │
//   new   │ what lived at the begin   │ the same, byte by byte │
//
// C1 What lives is copied with its checksum checked: damage is never given a fresh checksum.
// C2 Only whole, synced frames of the old log are copied.
import { rename } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { GodwitError } from '#core';
import { fileMode, type LogHandle, type OpenFile, readAll, removeIfThere, writeParts } from './file-store-files.js';
import { type Change, fileHeader, frameFrom } from './file-store-format.js';

/** Where a live value lies in a log. */
export interface Place {
  readonly at: number;
  readonly bytes: number;
  readonly crc: number;
}

/** The old log as a copy begins. */
export interface LogAtBegin {
  readonly file: LogHandle;
  readonly path: string;
  /** Where its last whole frame ends. */
  readonly end: number;
  readonly places: ReadonlyMap<string, Place>;
}

/** Live values copied in one frame, unless one alone is larger; also what is synced at a time, so that writes to the old log do not wait for long. */
const copyBytes = 4 * 1024 * 1024;
const copyEntries = 10_000;

/** A new log in the making. Its methods are called one after another. */
export class LogCopy {
  /** Where the live values of the begin are. */
  private readonly places = new Map<string, Place>();
  private end = fileHeader.byteLength;
  /** How much further behind a frame lies here, once it is copied byte by byte; negative. */
  private shift = 0;

  private constructor(
    readonly file: LogHandle,
    private readonly from: LogAtBegin,
    private copiedTo: number,
  ) {}

  /**
   * Copies what lives.
   * @param signal gives up between two frames; nothing is left then
   * @throws {GodwitError} DATA_LOSS a value is not what was written · ABORTED by the signal
   */
  static async begin(from: LogAtBegin, openFile: OpenFile, signal: AbortSignal): Promise<LogCopy> {
    const copy = new LogCopy(await openFile(draftOf(from.path), 'wx+', fileMode), from, from.end);
    try {
      await writeParts(copy.file, [fileHeader], 0);
      for await (const changes of copy.live([...from.places])) {
        if (signal.aborted) throw new GodwitError('ABORTED', `the new log of ${from.path} is not needed any more`);
        await copy.append(changes);
      }
      copy.shift = copy.end - from.end;
      return copy;
    } catch (thrown) {
      await copy.discard();
      throw thrown;
    }
  }

  /** Bytes of the old log that are not copied yet. @param to where its last whole frame ends now */
  lag(to: number): number {
    return to - this.copiedTo;
  }

  /** Copies what came since, up to `to`. */
  async catchUp(to: number): Promise<void> {
    while (this.copiedTo < to) {
      const bytes = Buffer.allocUnsafe(Math.min(copyBytes, to - this.copiedTo));
      await readAll(this.from.file, bytes, this.copiedTo);
      await writeParts(this.file, [bytes], this.end);
      this.end += bytes.byteLength;
      this.copiedTo += bytes.byteLength;
      await this.file.datasync();
    }
  }

  /** Takes the old log's place; the directory is not synced yet. @returns where it ends */
  async replace(): Promise<number> {
    await this.file.datasync();
    await rename(draftOf(this.from.path), this.from.path);
    return this.end;
  }

  /** Where a live value of the old log lies here. */
  placeOf(key: string, place: Place): Place {
    if (place.at >= this.from.end) return { ...place, at: place.at + this.shift };
    return this.places.get(key) ?? place;
  }

  async discard(): Promise<void> {
    await this.file.close();
    await removeIfThere(draftOf(this.from.path));
  }

  private async append(changes: readonly Change[]): Promise<void> {
    const frame = frameFrom(changes);
    await writeParts(this.file, frame.parts, this.end);
    await this.file.datasync();
    for (const { key, value } of frame.entries) if (value !== undefined) this.places.set(key, { ...value, at: this.end + value.at });
    this.end += frame.bytes;
  }

  private async *live(places: ReadonlyArray<readonly [string, Place]>): AsyncGenerator<Change[]> {
    let changes: Change[] = [];
    let bytes = 0;
    for (const [key, { at, bytes: length, crc }] of places) {
      const value = Buffer.allocUnsafe(length);
      await readAll(this.from.file, value, at);
      // C1
      if (crc32(value) !== crc) throw new GodwitError('DATA_LOSS', `the value of ${key} at byte ${at} of ${this.from.path} is damaged`);
      changes.push([key, value]);
      bytes += length;
      if (bytes < copyBytes && changes.length < copyEntries) continue;
      yield changes;
      changes = [];
      bytes = 0;
    }
    if (changes.length > 0) yield changes;
  }
}

/** The name of a log that is being made. */
export function draftOf(path: string): string {
  return `${path}.new`;
}
