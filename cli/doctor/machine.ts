// What this machine and user give a node: files, memory, a port, a disk that keeps its promises, a place for the control socket.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { open, statfs, unlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { GodwitError } from '#core';
import { listControlledDevices } from '#device-node';
import type { Finding } from './finding.js';

/** Open files below which an edge with some hundreds of devices runs out. */
const fewFiles = 1024;
/** Milliseconds of an fsync above which durable actors are slow: each batch of turns waits for one. */
const slowSyncMs = 20;
const lowDiskBytes = 256 * 1024 * 1024;
const mebibyte = 1024 * 1024;
const syncs = 5;
/** Bytes of one write: a register, or a small base. */
const writeBytes = 4096;

/** The process limits that matter. */
export function checkLimits(): Finding[] {
  const { userLimits } = process.report.getReport() as unknown as { readonly userLimits?: Readonly<Record<string, { readonly soft: number | 'unlimited' }>> };
  const files = userLimits?.open_files?.soft ?? 'unlimited';
  const memory = userLimits?.virtual_memory_kbytes?.soft ?? 'unlimited';
  return [
    files === 'unlimited' || files >= fewFiles
      ? { level: 'ok', check: 'open files', found: String(files) }
      : { level: 'warn', check: 'open files', found: `at most ${files}`, remedy: 'each link and blob takes one: raise the limit (ulimit -n 4096)' },
    memory === 'unlimited'
      ? { level: 'ok', check: 'address space', found: memory }
      : {
          level: 'warn',
          check: 'address space',
          found: `at most ${memory} KiB`,
          remedy: 'each actor in Wasm reserves 10 GiB of addresses, none of it memory: lift the limit (ulimit -v unlimited)',
        },
  ];
}

/** Whether a port of this machine is free. */
export async function checkPort(port: number): Promise<Finding> {
  const server = createServer();
  try {
    server.listen({ host: '127.0.0.1', port });
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return { level: 'ok', check: `port ${port}`, found: 'free' };
  } catch (thrown) {
    const reason = GodwitError.from(thrown).message;
    return { level: 'warn', check: `port ${port}`, found: reason, remedy: 'if that is no edge of yours: give godwit edge another --port' };
  }
}

/** Whether a control socket can be here, and whose are. */
export async function checkControl(): Promise<Finding> {
  if (process.getuid === undefined) return { level: 'warn', check: 'control socket', found: 'not on this system', remedy: 'start devices with --no-control' };
  try {
    const names = (await listControlledDevices()).map(({ name }) => name);
    return { level: 'ok', check: 'control socket', found: names.length === 0 ? 'no device runs' : `devices that run: ${names.join(', ')}` };
  } catch (thrown) {
    return { level: 'fail', check: 'control socket', found: GodwitError.from(thrown).message, remedy: 'until then start devices with --no-control' };
  }
}

/** Whether a node can keep what it must in this directory, and how fast. */
export async function checkData(directory: string): Promise<Finding[]> {
  const check = `data ${directory}`;
  const path = resolve(directory);
  // A node makes the last part itself.
  const there = existsSync(path) ? path : dirname(path);
  try {
    const syncMs = await measureSync(there);
    const { bavail, bsize } = await statfs(there);
    const free = `${Math.floor((bavail * bsize) / mebibyte)} MiB free`;
    const found = `${syncMs.toFixed(1)} ms an fsync`;
    return [
      syncMs <= slowSyncMs
        ? { level: 'ok', check, found }
        : { level: 'warn', check, found, remedy: `durable actors wait for one a batch of turns: a local SSD takes less than ${slowSyncMs} ms` },
      bavail * bsize >= lowDiskBytes
        ? { level: 'ok', check, found: free }
        : { level: 'warn', check, found: free, remedy: 'make room: a node whose disk is full takes no durable turn' },
    ];
  } catch (thrown) {
    return [
      {
        level: 'fail',
        check,
        found: GodwitError.from(thrown).message,
        remedy: 'name a directory on a local disk that this user may write; its parent must be there',
      },
    ];
  }
}

/** The median time of a write that is safe, in milliseconds. */
async function measureSync(directory: string): Promise<number> {
  const path = join(directory, `.godwit-doctor-${randomBytes(6).toString('hex')}`);
  const file = await open(path, 'wx', 0o600);
  const times: number[] = [];
  try {
    for (let round = 0; round < syncs; round++) {
      await file.write(randomBytes(writeBytes));
      const begun = performance.now();
      await file.sync();
      times.push(performance.now() - begun);
    }
  } finally {
    await file.close();
    await unlink(path);
  }
  return times.sort((a, b) => a - b)[Math.floor(syncs / 2)] ?? 0;
}
