// Where the control sockets of a user's devices are: a directory that nobody else may enter, and in it one for each name.
//
//   $XDG_RUNTIME_DIR/godwit, or godwit-<uid> where temporary files go
//     robot-1/  control.sock, and the lock that only a living process holds
import { once } from 'node:events';
import { lstat, mkdir, readdir, unlink } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GodwitError } from '#core';
import { lockDirectory } from '#runtimes/platform';

/** A device of this user and machine that can be told what to do. @public */
export interface ControlledDevice {
  readonly name: string;
  /** Path of its control socket. */
  readonly socket: string;
}

/** Where the control socket of one device goes, kept from others of its name. */
export interface ControlPlace {
  readonly socket: string;
  /** Gives the place up; idempotent. */
  release(): Promise<void>;
}

const socketName = 'control.sock';
const ownerOnly = 0o700;
const othersMask = 0o077;
/** A path of a socket has 104 to 108 bytes with its end, by the system. */
const maxSocketPathBytes = 103;

/** The devices of this user that run with a control socket on this machine, by name. @throws {GodwitError} PERMISSION_DENIED another user may write where they are @public */
export async function listControlledDevices(): Promise<ControlledDevice[]> {
  const directory = controlDirectory();
  if (!(await isOwn(directory))) return [];
  const names = await readdir(directory);
  const devices = await Promise.all(
    names.sort().map(async (name) => {
      const socket = join(directory, name, socketName);
      return (await isListening(socket)) ? [{ name, socket }] : [];
    }),
  );
  return devices.flat();
}

/**
 * Takes the place of the control socket of device `name`, where no socket is left.
 * @throws {GodwitError} ALREADY_EXISTS a device of this name runs · INVALID_ARGUMENT the path is too long · PERMISSION_DENIED, UNIMPLEMENTED it
 * cannot be kept from others here
 */
export async function claimControlSocket(name: string): Promise<ControlPlace> {
  if (process.getuid === undefined)
    throw new GodwitError('UNIMPLEMENTED', 'a control socket needs Unix domain sockets, which this system has not: do without it (godwit device --no-control)');
  const directory = controlDirectory();
  const own = join(directory, name);
  const socket = join(own, socketName);
  const excess = Buffer.byteLength(socket) - maxSocketPathBytes;
  if (excess > 0)
    throw new GodwitError(
      'INVALID_ARGUMENT',
      `the path of the control socket ${socket} is ${excess} bytes too long: set XDG_RUNTIME_DIR to a shorter directory, or choose a shorter name`,
    );
  try {
    for (const path of [directory, own]) await makeOwn(path);
  } catch (thrown) {
    const { message } = GodwitError.from(thrown);
    throw new GodwitError('PERMISSION_DENIED', `cannot make the directory of the control socket: ${message}; set XDG_RUNTIME_DIR to one that can be written`, {
      cause: thrown,
    });
  }
  await isOwn(directory);
  const lock = await locked(own, name);
  await unlink(socket).catch(() => undefined);
  let released: Promise<void> | undefined;
  return { socket, release: () => (released ??= lock.close()) };
}

/** One level: Node's way to make parents, too, never ends where a parent takes in no directory, as below /proc. */
async function makeOwn(directory: string): Promise<void> {
  try {
    await mkdir(directory, { mode: ownerOnly });
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST')) throw thrown;
  }
}

async function locked(directory: string, name: string): ReturnType<typeof lockDirectory> {
  try {
    return await lockDirectory(directory);
  } catch (thrown) {
    const error = GodwitError.from(thrown);
    if (error.code !== 'FAILED_PRECONDITION') throw error;
    throw new GodwitError('ALREADY_EXISTS', `a device named ${name} runs on this machine already: stop it, or give this one another name`, { cause: error });
  }
}

function controlDirectory(): string {
  const { XDG_RUNTIME_DIR: runtime } = process.env;
  return runtime === undefined || runtime === '' ? join(tmpdir(), `godwit-${process.getuid?.() ?? 'user'}`) : join(runtime, 'godwit');
}

/** @returns false if it is not there @throws {GodwitError} PERMISSION_DENIED it is another user's, or others may enter */
async function isOwn(directory: string): Promise<boolean> {
  try {
    const found = await lstat(directory);
    if (found.isDirectory() && found.uid === process.getuid?.() && (found.mode & othersMask) === 0) return true;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return false;
    throw thrown;
  }
  throw new GodwitError(
    'PERMISSION_DENIED',
    `${directory} must be a directory of this user that nobody else may enter (mode 700): remove it, or set XDG_RUNTIME_DIR`,
  );
}

/** The kernel answers, even if the process is stopped or busy. */
async function isListening(path: string): Promise<boolean> {
  const socket = createConnection({ path });
  try {
    await once(socket, 'connect');
    return true;
  } catch (thrown) {
    // So many ask at once that its queue is full. Whoever has a queue lives.
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'EAGAIN';
  } finally {
    socket.destroy();
  }
}
