import { access, watch } from 'node:fs/promises';
import { join } from 'node:path';
import { GodwitError } from '#core';

/** What {@link follow} takes. */
export interface FollowOptions {
  /** Watched with everything below them. */
  readonly folders: readonly string[];
  /** Whether a change of this file, an absolute path, matters. */
  readonly concerns: (path: string) => boolean;
  /** Done after each change, never twice at a time. What it throws is its own to tell. */
  readonly act: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** Milliseconds without another change: an editor, or a build, writes several files at once. */
const quietMs = 100;

/** Acts whenever files change, until it is told to end. @throws {GodwitError} FAILED_PRECONDITION a folder cannot be watched */
export async function follow({ folders, concerns, act, signal }: FollowOptions): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let acting = Promise.resolve();
  const changed = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      acting = acting.then(act);
    }, quietMs);
  };
  const one = async (folder: string) => {
    try {
      // Watching what is not there fails in silence.
      await access(folder);
      for await (const { filename } of watch(folder, { recursive: true, signal })) if (filename !== null && concerns(join(folder, filename))) changed();
    } catch (thrown) {
      if (!signal.aborted) throw new GodwitError('FAILED_PRECONDITION', `cannot watch ${folder}: ${GodwitError.from(thrown).message}`, { cause: thrown });
    }
  };
  await Promise.all(folders.map(one));
  clearTimeout(timer);
  await acting;
}
