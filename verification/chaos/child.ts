// A process of the run: takes orders, tells news, and dies when it is told to.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { GodwitError } from '#core';
import type { Answers, DeviceOrder, EdgeOrder, Message, News, Numbered } from './orders.js';

/** Kills what it watches over once its driver is gone. */
export interface Guardian {
  watch(child: ChildProcess): void;
  /** Ends what is left, and the guardian itself. */
  close(): Promise<void>;
}

export function startGuardian(): Guardian {
  const process_ = spawn(process.execPath, [programOf('guardian')], { stdio: ['pipe', 'ignore', 'inherit'] });
  const gone = once(process_, 'exit');
  const input = process_.stdin;
  return {
    watch(child) {
      // A process that is started while the run closes ends with its driver.
      const tell = (sign: string) => void (input.writable && input.write(`${sign}${child.pid}\n`));
      tell('+');
      child.once('exit', () => tell('-'));
    },
    async close() {
      input.end();
      await gone;
    },
  };
}

/** What a {@link Child} tells its owner. */
export interface ChildEvents {
  onNews(news: News): void;
  /** It ended, and the driver had not killed it. */
  onDied(how: string): void;
}

export class Child {
  /** Resolves when the process is gone. */
  readonly gone: Promise<unknown>;
  private readonly process: ChildProcess;
  private readonly waiting = new Map<number, { readonly resolve: (value: never) => void; readonly reject: (error: GodwitError) => void }>();
  private next = 1;
  private killed = false;

  /** @param errors takes what the process writes to standard error */
  constructor(
    readonly name: string,
    program: 'device' | 'edge',
    guardian: Guardian,
    errors: Writable,
    events: ChildEvents,
  ) {
    this.process = fork(programOf(program), [], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    guardian.watch(this.process);
    this.process.stderr?.pipe(errors, { end: false });
    this.process.on('message', (message: Message) => {
      if (message.type === 'answer') this.answered(message);
      else events.onNews(message);
    });
    this.gone = once(this.process, 'exit');
    this.process.once('exit', (code, signal) => {
      const how = `${name} ended with ${signal ?? `code ${code}`}`;
      for (const { reject } of this.waiting.values()) reject(new GodwitError('UNAVAILABLE', how));
      this.waiting.clear();
      if (!this.killed) events.onDied(how);
    });
  }

  /** @throws {GodwitError} UNAVAILABLE the process ended · UNKNOWN whatever it answered */
  ask<O extends DeviceOrder | EdgeOrder>(order: O): Promise<Answers[O['type']]> {
    return new Promise((resolve, reject) => {
      if (!this.process.connected) {
        reject(new GodwitError('UNAVAILABLE', `${this.name} is gone`));
        return;
      }
      const id = this.next++;
      this.waiting.set(id, { resolve, reject });
      const message: Numbered<O> = { id, order };
      // What cannot be sent any more ends with the process.
      this.process.send(message, () => {});
    });
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.process.kill(name);
  }

  async kill(): Promise<void> {
    this.killed = true;
    this.process.kill('SIGKILL');
    await this.gone;
  }

  private answered({ id, value, error }: Extract<Message, { type: 'answer' }>): void {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (error === undefined) waiting?.resolve(value as never);
    else waiting?.reject(new GodwitError('UNKNOWN', error));
  }
}

function programOf(name: string): string {
  return fileURLToPath(new URL(`./processes/${name}.js`, import.meta.url));
}
