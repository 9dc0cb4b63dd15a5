// Directories and values for the tests of the file store.
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { GodwitError } from '#core';
import { type FileStoreOptions, openFileStore } from './file-store.js';
import type { LogHandle, OpenFile } from './file-store-files.js';

export async function emptyDirectory(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'godwit-store-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

export type Entries = Readonly<Record<string, string | Uint8Array | undefined>>;

/** A write as the port takes it; strings as UTF-8. */
export function changesOf(entries: Entries): Map<string, Uint8Array | undefined> {
  return new Map(Object.entries(entries).map(([key, value]) => [key, typeof value === 'string' ? Buffer.from(value) : value]));
}

/** What a store found, as text. */
export function textOf(found: ReadonlyMap<string, Uint8Array>): Record<string, string> {
  return Object.fromEntries([...found].map(([key, value]) => [key, Buffer.from(value).toString()]));
}

/** Opens a store, makes writes one after another, and closes it. @returns what it had found */
export async function writeAndClose(directory: string, ...writes: Entries[]): Promise<Record<string, string>> {
  const store = await openFileStore(directory);
  for (const entries of writes) await store.write(changesOf(entries));
  await store.close();
  return textOf(store.found);
}

/** The log of a store that is closed. */
export function logOf(directory: string): Promise<Buffer> {
  return readFile(join(directory, 'store.log'));
}

export async function failureOf(failing: Promise<unknown>): Promise<GodwitError> {
  return failing.then(
    () => new GodwitError('UNKNOWN', 'it did not fail'),
    (thrown: unknown) => GodwitError.from(thrown),
  );
}

/** A disk that fails when it is told to. */
export class FaultyDisk {
  /** Bytes that are still free; what goes beyond is written in part, as a disk does. */
  room = Number.POSITIVE_INFINITY;
  /** What the next syncs fail with. */
  readonly syncFailures: string[] = [];
  syncs = 0;
  /** Whether something else has taken all the room just now. */
  isFull: () => boolean = () => false;

  readonly options: FileStoreOptions & { readonly openFile: OpenFile } = {
    openFile: async (path, flags, mode) => this.wrap(await open(path, flags, mode)),
  };

  private wrap(file: LogHandle): LogHandle {
    const writev = async (parts: readonly Uint8Array[], position?: number | null) => {
      if (this.room === 0 || this.isFull()) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      const bytes = Buffer.concat(parts);
      const fitting = bytes.subarray(0, Math.min(bytes.length, this.room));
      this.room -= fitting.length;
      const { bytesWritten } = await file.writev([fitting], position ?? undefined);
      return { bytesWritten, buffers: [...parts] };
    };
    const datasync = async () => {
      this.syncs += 1;
      const code = this.syncFailures.shift();
      if (code !== undefined) throw Object.assign(new Error(`${code}: of the test`), { code });
      await file.datasync();
    };
    return {
      read: file.read.bind(file),
      truncate: file.truncate.bind(file),
      stat: file.stat.bind(file),
      close: file.close.bind(file),
      writev: writev as LogHandle['writev'],
      datasync,
    };
  }
}
