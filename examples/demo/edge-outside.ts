// The edge's process as the demo sees it.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Code, GodwitError } from '#core';
import type { EdgeAnswer, EdgeStart } from './edge-messages.js';

/** A running edge in a process of its own. */
export interface EdgeProcess {
  readonly name: string;
  readonly pid: number;
  readonly url: string;
  readonly tiers: ReadonlyArray<{ readonly tier: string; readonly operationsPerSecond: number }>;
  /** As `kill -9`: it gets no chance to say anything. Resolves when the process is gone. */
  kill(): Promise<void>;
  /** Lets it end in order; kills it if that takes more than 3 s. Idempotent. */
  close(): Promise<void>;
}

const closeMs = 3000;

/** Starts the edge's process and waits until it listens. @throws {GodwitError} ALREADY_EXISTS the port is in use · UNAVAILABLE the process ended */
export async function startEdgeProcess(start: EdgeStart): Promise<EdgeProcess> {
  const child = fork(fileURLToPath(new URL('./edge-inside.js', import.meta.url)), [], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const gone = once(child, 'exit');
  const first = new Promise<EdgeAnswer>((resolve, reject) => {
    child.once('message', (message) => resolve(message as EdgeAnswer));
    child.once('error', (error) => reject(GodwitError.from(error, 'UNAVAILABLE')));
    child.once('exit', (code, signal) =>
      reject(new GodwitError('UNAVAILABLE', `the process of edge ${start.name} ended (${signal ?? `exit code ${code}`}) before it listened`)),
    );
  });
  child.send(start);
  const answer = await first;
  if (answer.type === 'failed') {
    await gone;
    throw new GodwitError(answer.code as Code, answer.message);
  }

  let closing: Promise<void> | undefined;
  const end = async () => {
    if (child.connected) child.disconnect();
    const timer = setTimeout(() => child.kill('SIGKILL'), closeMs);
    await gone;
    clearTimeout(timer);
  };
  return {
    name: start.name,
    pid: child.pid as number,
    url: answer.url,
    tiers: answer.tiers,
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
    close: () => (closing ??= end()),
  };
}
