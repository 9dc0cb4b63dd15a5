// One process at a time writes a directory.
//
// The holder listens on a socket in the directory: the kernel closes it when the process dies, however it dies, so that nobody has to guess from
// a process id who lives (ids are used again, and those of another container mean nothing here). Which socket counts is said by the file
// `lock-<n>` with the greatest n, made whole in one step (link).
//
// L1 The greatest n never shrinks: a holder removes only smaller ones, and leaves its own behind.
// L2 Who wants the lock finds the greatest n dead, makes n+1, and looks again: it holds it if nothing greater came. Of two that saw the same n
//    one makes n+1; one that saw an older n finds the greater at its second look, by L1.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { link, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { createConnection, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { GodwitError } from '#core';
import { errorFrom, fileMode, removeIfThere } from './file-store-files.js';

/** The lock of a directory, held. */
export interface DirectoryLock {
  /** True if a process that died held it before. */
  readonly takenOver: boolean;
  /** Gives it up; idempotent. */
  close(): Promise<void>;
}

interface Holder {
  readonly pid: number;
  readonly socket: string;
}

const lockName = /^lock-(\d{1,15})$/;
/** A path of a socket has 104 to 108 bytes with its end, by the system. */
const maxSocketPathBytes = 103;

/** @throws {GodwitError} FAILED_PRECONDITION a living process holds it · UNAVAILABLE the file system has no sockets or no links */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const [reached, release] = await shortPath(directory);
  const own: Holder = { pid: process.pid, socket: `lock-${randomBytes(6).toString('hex')}.socket` };
  let server: Server | undefined;
  let number: number | undefined;
  const close = async () => {
    if (server?.listening === true) {
      server.close();
      await once(server, 'close');
    }
    await release();
  };
  try {
    server = await listen(join(reached, own.socket));
    for (;;) {
      const greatest = await greatestIn(directory);
      if (greatest === number) {
        const takenOver = await removeFormer(directory, reached, greatest);
        return { takenOver, close };
      }
      const holder = greatest === 0 ? undefined : await holderOf(directory, greatest);
      if (holder !== undefined && (await isListening(join(reached, holder.socket)))) throw heldBy(holder, directory);
      if (number !== undefined) await removeIfThere(join(directory, `lock-${number}`));
      number = (await makeLock(directory, greatest + 1, own)) ? greatest + 1 : undefined;
    }
  } catch (thrown) {
    await close();
    throw errorFrom(thrown, `cannot lock ${directory}`);
  }
}

function heldBy({ pid }: Holder, directory: string): GodwitError {
  const who = pid === process.pid ? `this process (${pid}) has it open already` : `process ${pid} has it open`;
  return new GodwitError('FAILED_PRECONDITION', `cannot open the store ${directory}: ${who}, and one process at a time writes a directory`);
}

async function greatestIn(directory: string): Promise<number> {
  return (await readdir(directory)).reduce((greatest, name) => Math.max(greatest, Number(lockName.exec(name)?.[1] ?? 0)), 0);
}

/** @returns false if another was faster */
async function makeLock(directory: string, number: number, holder: Holder): Promise<boolean> {
  const draft = join(directory, `${holder.socket}.draft`);
  await writeFile(draft, JSON.stringify(holder), { mode: fileMode });
  try {
    await link(draft, join(directory, `lock-${number}`));
    return true;
  } catch (thrown) {
    if (isMissingOr(thrown, 'EEXIST')) return false;
    throw thrown;
  } finally {
    await removeIfThere(draft);
  }
}

/** @returns undefined if it is gone, or a crash of the machine left it without its content */
async function holderOf(directory: string, number: number): Promise<Holder | undefined> {
  try {
    const { pid, socket } = JSON.parse(await readFile(join(directory, `lock-${number}`), 'utf8')) as Partial<Holder>;
    return typeof pid === 'number' && typeof socket === 'string' && /^lock-[0-9a-f]{12}\.socket$/.test(socket) ? { pid, socket } : undefined;
  } catch (thrown) {
    if (thrown instanceof SyntaxError || isMissingOr(thrown)) return undefined;
    throw thrown;
  }
}

/** Removes what dead holders left. @returns whether one of them had not given the lock up */
async function removeFormer(directory: string, reached: string, number: number): Promise<boolean> {
  let takenOver = false;
  for (const name of await readdir(directory)) {
    // Whoever is making a lock of this draft finds it gone, and looks again.
    if (name.endsWith('.draft')) await removeIfThere(join(directory, name));
    const former = Number(lockName.exec(name)?.[1] ?? number);
    if (former >= number) continue;
    const socket = (await holderOf(directory, former))?.socket;
    // One who was late still listens, and is about to see that it lost; its socket is its own.
    if (socket !== undefined && !(await isListening(join(reached, socket)))) takenOver = (await removeIfThere(join(directory, socket))) || takenOver;
    await removeIfThere(join(directory, name));
  }
  return takenOver;
}

async function listen(path: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  server.unref().listen({ path });
  await once(server, 'listening');
  // A visitor that fails is none.
  server.on('error', () => {});
  return server;
}

/** The kernel answers, even if the process is stopped or busy. */
async function isListening(path: string): Promise<boolean> {
  const socket = createConnection({ path });
  try {
    await once(socket, 'connect');
    return true;
  } catch (thrown) {
    if (isMissingOr(thrown, 'ECONNREFUSED')) return false;
    // EAGAIN: so many look at once that its queue is full. Whoever has a queue lives.
    if (isMissingOr(thrown, 'EAGAIN')) return true;
    throw thrown;
  } finally {
    socket.destroy();
  }
}

/** A path to the directory that is short enough for sockets in it, and what ends it. */
async function shortPath(directory: string): Promise<readonly [path: string, release: () => Promise<void>]> {
  const bytes = Buffer.byteLength(join(directory, 'lock-0123456789ab.socket'));
  if (bytes <= maxSocketPathBytes) return [directory, async () => {}];
  if (process.platform !== 'linux')
    throw new GodwitError('INVALID_ARGUMENT', `the path of the store ${directory} is ${bytes - maxSocketPathBytes} bytes too long for a socket in it`);
  const handle = await open(directory, 'r');
  return [`/proc/self/fd/${handle.fd}`, () => handle.close()];
}

function isMissingOr(thrown: unknown, ...codes: string[]): boolean {
  return thrown instanceof Error && 'code' in thrown && ['ENOENT', ...codes].includes(String(thrown.code));
}
