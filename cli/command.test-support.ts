// Runs the built command as a child process, as a shell would, and reads its JSON logs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { GodwitError } from '#core';

const program = fileURLToPath(new URL('./main.js', import.meta.url));

/** Where the devices of this test file have their control sockets: those of other files, and of whoever runs the tests, are elsewhere. */
export const runtimeDir = mkdtempSync(join(tmpdir(), 'godwit-run-'));
process.once('exit', () => rmSync(runtimeDir, { recursive: true, force: true }));

/** One line of the log. */
export interface Entry {
  readonly event: string;
  readonly [field: string]: unknown;
}

export interface Command {
  readonly pid: number;
  /** The first entry of this event, past or to come. @throws {GodwitError} UNAVAILABLE the command ended without it */
  entry(event: string): Promise<Entry>;
  /** The first so many entries of this event. @throws {GodwitError} as `entry` */
  entries(event: string, count: number): Promise<readonly Entry[]>;
  /** The first line that has this in it, past or to come. @throws {GodwitError} as `entry` */
  line(part: string): Promise<string>;
  /** What it has said on stderr, once that has this in it. @throws {GodwitError} as `entry` */
  complaint(part: string): Promise<string>;
  signal(name: NodeJS.Signals): void;
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
}

/** @param key given as GODWIT_KEY; none if undefined @param more where it runs; default: here, and what its environment has beside ours */
export function start(args: readonly string[], key?: string, { cwd, env: own }: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {}): Command {
  const { GODWIT_KEY: _inherited, ...env } = process.env;
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...env, XDG_RUNTIME_DIR: runtimeDir, ...own, ...(key === undefined ? {} : { GODWIT_KEY: key }) },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  });
  const entries: Entry[] = [];
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  let over = false;
  let stdout = '';
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += String(text);
    wake();
  });
  const wake = () => {
    for (const look of [...waiting]) look();
  };
  createInterface({ input: child.stdout }).on('line', (line) => {
    stdout += `${line}\n`;
    lines.push(line);
    if (line.startsWith('{')) entries.push(JSON.parse(line) as Entry);
    wake();
  });
  const ended = once(child, 'close').then(([code]) => {
    over = true;
    wake();
    return { code: code as number | null, stdout, stderr };
  });
  const until = <T>(what: string, find: () => T | undefined) =>
    new Promise<T>((resolve, reject) => {
      const look = () => {
        const found = find();
        if (found === undefined && !over) return;
        waiting.delete(look);
        if (found !== undefined) resolve(found);
        else reject(new GodwitError('UNAVAILABLE', `the command ended without ${what}: ${stderr}`));
      };
      waiting.add(look);
      look();
    });
  return {
    pid: child.pid as number,
    entry: (event) => until(event, () => entries.find((entry) => entry.event === event)),
    entries: (event, count) =>
      until(`${count} of ${event}`, () => {
        const found = entries.filter((entry) => entry.event === event).slice(0, count);
        return found.length === count ? found : undefined;
      }),
    line: (part) => until(part, () => lines.find((line) => line.includes(part))),
    complaint: (part) => until(part, () => (stderr.includes(part) ? stderr : undefined)),
    signal: (name) => void child.kill(name),
    ended,
  };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
