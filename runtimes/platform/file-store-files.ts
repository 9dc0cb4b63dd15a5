// What a file store asks of the file system, with every failure a GodwitError that says what to do.
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Code, GodwitError } from '#core';

/** An open file, as far as a log needs one. */
export type LogHandle = Pick<FileHandle, 'read' | 'writev' | 'truncate' | 'datasync' | 'stat' | 'close'>;

/** Opens a file as `open` of node:fs/promises does; tests put faults into it. */
export type OpenFile = (path: string, flags: string, mode: number) => Promise<LogHandle>;

/** Nobody else reads what actors know. */
export const fileMode = 0o600;
const directoryMode = 0o700;
/** POSIX promises that a writev takes 1024 parts on Linux and 16 everywhere; libuv cuts it further where it must. */
const maxParts = 512;

const codeFrom: Readonly<Record<string, readonly [Code, string]>> = {
  ENOSPC: ['RESOURCE_EXHAUSTED', 'the disk is full: make room, then try again'],
  EDQUOT: ['RESOURCE_EXHAUSTED', 'the quota of the disk is used up: make room, then try again'],
  EFBIG: ['RESOURCE_EXHAUSTED', 'the file is as large as files may be here'],
  EMFILE: ['RESOURCE_EXHAUSTED', 'the process has as many open files as it may have'],
  EACCES: ['PERMISSION_DENIED', 'the user of this process may not: give it the right, or name another directory'],
  EPERM: ['PERMISSION_DENIED', 'the user of this process may not: give it the right, or name another directory'],
  EROFS: ['PERMISSION_DENIED', 'the file system is read-only: name another directory'],
  ENOENT: ['NOT_FOUND', 'there is no such file or directory: its parent must exist'],
  ENOTDIR: ['FAILED_PRECONDITION', 'a file is where a directory should be: name another directory'],
};

/** The error for a failed operation on a file or directory. */
export function errorFrom(thrown: unknown, what: string): GodwitError {
  if (GodwitError.is(thrown)) return thrown;
  const reason = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : undefined;
  const [code, advice] = codeFrom[reason ?? ''] ?? ['UNAVAILABLE', thrown instanceof Error ? thrown.message : String(thrown)];
  return new GodwitError(code, `${what}: ${advice}${reason === undefined ? '' : ` (${reason})`}`, { cause: thrown });
}

/** A directory that is there, for its owner only if it had to be made; its parent must exist. */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: directoryMode });
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST') return;
    throw thrown;
  }
  await syncDirectory(dirname(path));
}

/** Names made, changed or removed in a directory survive a crash from now on. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Removes a file. @returns whether it was there */
export async function removeIfThere(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return false;
    throw thrown;
  }
}

/** Writes all parts one after another. On failure some bytes may be there. */
export async function writeParts(file: LogHandle, parts: readonly Uint8Array[], at: number): Promise<void> {
  let rest = parts.filter((part) => part.byteLength > 0);
  for (let position = at; rest.length > 0; ) {
    const { bytesWritten } = await file.writev(rest.slice(0, maxParts), position);
    position += bytesWritten;
    rest = withoutFirst(rest, bytesWritten);
  }
}

/** Fills a buffer. @throws {GodwitError} DATA_LOSS the file ends before */
export async function readAll(file: LogHandle, into: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < into.byteLength; ) {
    const { bytesRead } = await file.read(into, done, into.byteLength - done, at + done);
    if (bytesRead === 0) throw new GodwitError('DATA_LOSS', `the file ends at byte ${at + done}, before byte ${at + into.byteLength} that it had`);
    done += bytesRead;
  }
}

function withoutFirst(parts: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skipped = 0;
  let index = 0;
  for (; index < parts.length && skipped + parts[index].byteLength <= bytes; index++) skipped += parts[index].byteLength;
  const [first, ...others] = parts.slice(index);
  return first === undefined ? [] : [first.subarray(bytes - skipped), ...others];
}
