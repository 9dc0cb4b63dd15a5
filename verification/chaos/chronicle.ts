// What happened in a run, as it happens: a file of JSON lines, and those who wait for something.
import { createWriteStream, mkdtempSync, type WriteStream } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NodeEvent } from '#core';
import { machineMs } from './orders.js';

/** An event of a node of the run. */
export interface Seen {
  readonly node: string;
  readonly atMs: number;
  readonly event: NodeEvent;
}

export class Chronicle {
  /** Folder of the run: `faults.jsonl`, `errors.log` and what the device keeps. */
  readonly folder = mkdtempSync(join(tmpdir(), 'godwit-chaos-'));
  readonly path = join(this.folder, 'faults.jsonl');
  readonly errors: WriteStream = createWriteStream(join(this.folder, 'errors.log'));
  private readonly file = createWriteStream(this.path);
  private readonly beganMs = machineMs();
  private readonly watchers = new Set<(seen: Seen) => void>();

  /** Writes one line. */
  note(what: string, fields: Readonly<Record<string, unknown>>, atMs = machineMs()): void {
    this.file.write(`${JSON.stringify({ atMs: Math.round((atMs - this.beganMs) * 10) / 10, what, ...fields })}\n`);
  }

  saw(seen: Seen): void {
    const { type, ...fields } = seen.event;
    // One a turn: they would hide the rest.
    if (type !== 'checkpoint') this.note(type, { node: seen.node, ...fields }, seen.atMs);
    for (const watcher of [...this.watchers]) watcher(seen);
  }

  watch(watcher: (seen: Seen) => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  /** The first event from now on for which `holds`, or undefined when the signal aborts. */
  next(holds: (seen: Seen) => boolean, signal: AbortSignal): Promise<Seen | undefined> {
    return new Promise((resolve) => {
      const end = (seen: Seen | undefined) => {
        unwatch();
        signal.removeEventListener('abort', give);
        resolve(seen);
      };
      const give = () => end(undefined);
      const unwatch = this.watch((seen) => {
        if (holds(seen)) end(seen);
      });
      if (signal.aborted) give();
      else signal.addEventListener('abort', give);
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.file, this.errors].map((stream) => new Promise<void>((resolve) => stream.end(resolve))));
  }
}
