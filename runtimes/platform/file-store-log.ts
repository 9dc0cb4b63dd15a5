// The log of a file store: one file that grows by a frame a write, and is written anew beside it when most of it is dead.
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { GodwitError, type Logger } from '#core';
import { draftOf, LogCopy, type Place } from './file-store-copy.js';
import { fileMode, type LogHandle, type OpenFile, removeIfThere, syncDirectory, writeParts } from './file-store-files.js';
import { entryBytes, type Frame, fileHeader } from './file-store-format.js';
import { readLog } from './file-store-reading.js';

/** What a log is opened with. */
export interface LogOptions {
  readonly directory: string;
  readonly logger: Logger;
  /** Default: of node:fs/promises. */
  readonly openFile?: OpenFile;
  /** Called when a new log has been copied, so that `compact` may put it in its place. */
  readonly onCopied: () => void;
}

/** A log shorter than this is not worth writing anew. */
const minCompactBytes = 4 * 1024 * 1024;
/** A new log that is behind by no more is put in its place; writes wait for the rest. */
const smallLagBytes = 256 * 1024;
/** Each is shorter than the one before, unless writes are as fast as the copy: then they wait. */
const catchUpPasses = 4;

/** The log. `append` and `compact` are called one after another, never two at a time. */
export class Log {
  private readonly places = new Map<string, Place>();
  private readonly openFile: OpenFile;
  /** Bytes of the log up to the end of its last whole frame; what lies behind was never acknowledged. */
  private end = 0;
  /** Bytes that the log would have without its dead share, about. */
  private live = 0;
  /** True if bytes of a failed write may lie behind the end. */
  private ragged = false;
  /** True if the log was put in its place anew and a crash might still bring the former one back. */
  private unsettled = false;
  /** From this length on it is looked whether the log is worth writing anew. */
  private compactAt = minCompactBytes;
  /** A copy being made, what gives it up, and the copy once it is made. */
  private copying: { readonly over: Promise<void>; readonly stop: AbortController; made?: LogCopy } | undefined;

  private constructor(
    private file: LogHandle,
    private readonly path: string,
    private readonly options: LogOptions,
  ) {
    this.openFile = options.openFile ?? open;
  }

  /**
   * Opens the log of a directory, or begins it. A frame that a crash left half is cut off; a large dead share goes.
   * @returns the log and every value in it
   * @throws {GodwitError} DATA_LOSS something in it is damaged · FAILED_PRECONDITION it is of another format
   */
  static async open(options: LogOptions): Promise<{ readonly log: Log; readonly found: Map<string, Uint8Array> }> {
    const path = join(options.directory, 'store.log');
    const { openFile = open } = options;
    await removeIfThere(draftOf(path));
    const file = await openFile(path, 'r+', fileMode).catch((thrown: unknown) => {
      if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return begin(openFile, path);
      throw thrown;
    });
    const log = new Log(file, path, options);
    try {
      return { log, found: await log.restore() };
    } catch (thrown) {
      await log.close();
      throw thrown;
    }
  }

  /** True if a new log waits to be put in its place by {@link compact}. */
  get isCopied(): boolean {
    return this.copying?.made !== undefined;
  }

  /**
   * Appends a frame; it is on disk when this resolves. If it fails nothing of the frame is kept.
   * @throws whatever the file system throws
   */
  async append(frame: Frame): Promise<void> {
    try {
      await this.write(frame);
    } catch (thrown) {
      // It may be the copy that has taken the room.
      if (!(await this.abandonCopy())) throw thrown;
      await this.write(frame);
    }
  }

  /** Removes what a failed write left. @throws whatever the file system throws; it is tried again before the next write then */
  async cut(): Promise<void> {
    if (!this.ragged) return;
    await this.file.truncate(this.end);
    await this.file.datasync();
    this.ragged = false;
  }

  /** Begins to write the log anew if most of it is dead, or puts a new one in its place. A failure leaves the log as it was, and is logged. */
  async compact(): Promise<void> {
    const { copying } = this;
    if (copying?.made !== undefined) {
      const { made } = copying;
      this.copying = undefined;
      await this.put(made).catch((thrown: unknown) => this.notCompacted(thrown));
    } else if (copying === undefined && this.end >= this.compactAt && this.end >= 2 * this.live) {
      const stop = new AbortController();
      this.copying = { stop, over: this.copy(stop.signal).catch((thrown: unknown) => this.notCompacted(thrown)) };
    }
  }

  /** Gives a copy up. */
  async close(): Promise<void> {
    await this.abandonCopy();
    await this.file.close();
  }

  private async write(frame: Frame): Promise<void> {
    await this.cut();
    if (this.unsettled) await this.settle();
    this.ragged = true;
    await writeParts(this.file, frame.parts, this.end);
    await this.file.datasync();
    this.ragged = false;
    this.learn(frame, this.end);
    this.end += frame.bytes;
  }

  private async restore(): Promise<Map<string, Uint8Array>> {
    const found = new Map<string, Uint8Array>();
    const { size } = await this.file.stat();
    const { end } = await readLog(this.file, this.path, size, (entries, at, values) => {
      this.learn({ entries }, at);
      for (const [key, value] of values) {
        if (value === undefined) found.delete(key);
        else found.set(key, value);
      }
    });
    this.end = end;
    this.ragged = end < size;
    if (this.ragged) this.options.logger.log('warn', 'store.torn-tail-cut', { file: this.path, offset: end, bytes: size - end });
    await this.cut();
    // A process that was killed may have left what it never synced; whoever reads it now takes it for kept.
    await this.file.datasync();
    await this.settle();
    await this.compact();
    await this.copying?.over;
    if (this.isCopied) await this.compact();
    return found;
  }

  private learn({ entries }: Pick<Frame, 'entries'>, frameAt: number): void {
    for (const { key, value } of entries) {
      const former = this.places.get(key);
      if (former !== undefined) this.live -= liveBytes(key, former);
      if (value === undefined) this.places.delete(key);
      else {
        this.places.set(key, { ...value, at: frameAt + value.at });
        this.live += liveBytes(key, value);
      }
    }
  }

  /** Runs beside writes. */
  private async copy(signal: AbortSignal): Promise<void> {
    const { file, path, end, places } = this;
    const copy = await LogCopy.begin({ file, path, end, places }, this.openFile, signal);
    try {
      for (let pass = 0; pass < catchUpPasses && copy.lag(this.end) > smallLagBytes && !signal.aborted; pass++) await copy.catchUp(this.end);
    } catch (thrown) {
      await copy.discard();
      throw thrown;
    }
    if (this.copying === undefined) return copy.discard();
    this.copying.made = copy;
    if (!signal.aborted) this.options.onCopied();
  }

  private async put(copy: LogCopy): Promise<void> {
    const [former, before] = [this.file, this.end];
    try {
      await copy.catchUp(this.end);
      this.end = await copy.replace();
    } catch (thrown) {
      await copy.discard();
      throw thrown;
    }
    this.file = copy.file;
    this.unsettled = true;
    for (const [key, place] of this.places) this.places.set(key, copy.placeOf(key, place));
    this.compactAt = minCompactBytes;
    this.options.logger.log('debug', 'store.compacted', { file: this.path, before, after: this.end });
    await former.close();
    await this.settle();
  }

  /** @returns whether there was one */
  private async abandonCopy(): Promise<boolean> {
    const { copying } = this;
    if (copying === undefined) return false;
    copying.stop.abort();
    await copying.over;
    await copying.made?.discard();
    this.copying = undefined;
    this.waitToCompact();
    return true;
  }

  private notCompacted(thrown: unknown): void {
    this.copying = undefined;
    this.waitToCompact();
    const error = GodwitError.from(thrown);
    if (error.code !== 'ABORTED') this.options.logger.log('warn', 'store.not-compacted', { file: this.path, bytes: this.end, reason: error.message });
  }

  /** Not again at each write: when the log has grown by half. */
  private waitToCompact(): void {
    this.compactAt = Math.floor(this.end * 1.5);
  }

  private async settle(): Promise<void> {
    await syncDirectory(this.options.directory);
    this.unsettled = false;
  }
}

/** A new log: in its place with one step, so that it is never without its header. */
async function begin(openFile: OpenFile, path: string): Promise<LogHandle> {
  const file = await openFile(draftOf(path), 'wx+', fileMode);
  try {
    await writeParts(file, [fileHeader], 0);
    await file.datasync();
    await rename(draftOf(path), path);
    return file;
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

/** Bytes that an entry costs in a frame that it shares. */
function liveBytes(key: string, { bytes }: { readonly bytes: number }): number {
  return entryBytes + Buffer.byteLength(key) + bytes;
}
