// What a node keeps beyond its crash, in a directory of its own: the store port over an append-only log.
//
//   write ──▶ queue ──group──▶ one frame ──▶ write + fsync ──▶ all of the group resolve
//
// S1 A write resolves when its frame is on disk; writes that came meanwhile share the next frame and its one fsync.
// S2 A frame is there as a whole or not at all, after a crash too.
// S3 Of a group that fails each write is tried alone, so that a large one does not take small ones with it.
import { resolve } from 'node:path';
import { GodwitError, type Logger, type Store, silentLogger } from '#core';
import { errorFrom, makeDirectory, type OpenFile } from './file-store-files.js';
import { type Change, changesBytes, frameFrom } from './file-store-format.js';
import { type DirectoryLock, lockDirectory } from './file-store-lock.js';
import { Log } from './file-store-log.js';

/** Options of {@link openFileStore}. @public */
export interface FileStoreOptions {
  /** Told of what a crash left and of the log's being written anew. */
  readonly logger?: Logger;
  /** Opens the log; for tests. Default: of node:fs/promises. */
  readonly openFile?: OpenFile;
}

/** A store in a directory. @public */
export interface FileStore extends Store {
  /** Waits for the writes under way and gives the directory up. Idempotent. */
  close(): Promise<void>;
}

/** Bytes of writes that share a frame: a crash loses it as a whole, and a failure makes each of them be written again. */
const groupBytes = 8 * 1024 * 1024;

/**
 * Opens the store in a directory on a local file system, which is made if its parent is there. One process at a time has it.
 *
 * Values of a write are not copied: they must not change until it resolves. `found` stays in memory as long as the store. When more than half
 * of the log is dead it is written anew beside it; writes go on meanwhile.
 * @throws {GodwitError} FAILED_PRECONDITION a living process has it open, or it is no store of this version · DATA_LOSS the log is damaged, with
 * `details` { file, offset } · NOT_FOUND its parent is missing · PERMISSION_DENIED · RESOURCE_EXHAUSTED the disk is full
 * @public
 */
export async function openFileStore(directory: string, options: FileStoreOptions = {}): Promise<FileStore> {
  if (directory === '') throw new GodwitError('INVALID_ARGUMENT', 'the directory of a store has a name');
  const path = resolve(directory);
  const { logger = silentLogger, openFile } = options;
  try {
    await makeDirectory(path);
    const lock = await lockDirectory(path);
    if (lock.takenOver) logger.log('info', 'store.taken-over', { directory: path, reason: 'the process that had it open is dead' });
    try {
      let store: LoggedStore | undefined;
      const onCopied = () => store?.wake();
      const { log, found } = await Log.open({ directory: path, logger, onCopied, ...(openFile === undefined ? {} : { openFile }) });
      store = new LoggedStore(path, log, lock, found);
      return store;
    } catch (thrown) {
      await lock.close();
      throw thrown;
    }
  } catch (thrown) {
    throw errorFrom(thrown, `cannot open the store ${path}`);
  }
}

interface Write {
  readonly changes: readonly Change[];
  readonly bytes: number;
  readonly done: () => void;
  readonly failed: (error: GodwitError) => void;
}

class LoggedStore implements FileStore {
  private readonly queue: Write[] = [];
  private working: Promise<void> | undefined;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly path: string,
    private readonly log: Log,
    private readonly lock: DirectoryLock,
    readonly found: ReadonlyMap<string, Uint8Array>,
  ) {}

  async write(changes: ReadonlyMap<string, Uint8Array | undefined>): Promise<void> {
    if (this.closing !== undefined) throw new GodwitError('UNAVAILABLE', `the store ${this.path} is closed`, { retryable: false });
    const list = [...changes];
    if (list.length === 0) return;
    const bytes = changesBytes(list);
    await new Promise<void>((done, failed) => {
      this.queue.push({ changes: list, bytes, done, failed });
      this.wake();
    });
  }

  /** There is work to do. */
  wake(): void {
    this.working ??= this.work();
  }

  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    // A copy that is made just now is put in its place before.
    while (this.working !== undefined) await this.working;
    try {
      await this.log.close();
    } finally {
      await this.lock.close();
    }
  }

  private async work(): Promise<void> {
    // Calls of the same tick are a group already.
    await Promise.resolve();
    while (this.queue.length > 0 || this.log.isCopied) {
      if (this.queue.length > 0) await this.writeGroup(this.takeGroup());
      await this.log.compact();
    }
    this.working = undefined;
  }

  private async writeGroup(group: readonly Write[]): Promise<void> {
    const alone = group.length === 1;
    const written = await this.attempt(group, alone);
    // S3
    if (!written && !alone) for (const write of group) await this.attempt([write], true);
  }

  private takeGroup(): Write[] {
    let bytes = 0;
    const others = this.queue.findIndex((write, index) => {
      bytes += write.bytes;
      return index > 0 && bytes > groupBytes;
    });
    return this.queue.splice(0, others < 0 ? this.queue.length : others);
  }

  /** @returns false if it failed, which is told to the writes only if it is `final` */
  private async attempt(group: readonly Write[], final: boolean): Promise<boolean> {
    try {
      await this.log.append(frameFrom(group.flatMap(({ changes }) => changes)));
    } catch (thrown) {
      await this.log.cut().catch(() => undefined);
      if (final) for (const { failed } of group) failed(writeError(thrown, this.path));
      return false;
    }
    for (const { done } of group) done();
    return true;
  }
}

/** A write knows two reasons of the disk, see {@link Store.write}, and that it was called wrongly. */
function writeError(thrown: unknown, path: string): GodwitError {
  const error = errorFrom(thrown, `cannot write to the store ${path}`);
  if (error.code === 'RESOURCE_EXHAUSTED' || error.code === 'INVALID_ARGUMENT') return error;
  return new GodwitError('UNAVAILABLE', error.message, { cause: thrown });
}
