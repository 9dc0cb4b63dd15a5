import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Unavailable } from './metric.js';

/** Files of the kernel below a root: '/' on a machine, a folder of fixtures in tests. */
export class LinuxFiles {
  constructor(private readonly root: string) {}

  /** @throws if it cannot be read */
  async text(path: string): Promise<string> {
    return (await readFile(join(this.root, path), 'utf8')).trim();
  }

  /** The file's number. @returns undefined if there is no such file or no number in it */
  async number(path: string): Promise<number | undefined> {
    try {
      const text = await this.text(path);
      const value = Number(text);
      return text !== '' && Number.isFinite(value) ? value : undefined;
    } catch {
      return undefined;
    }
  }

  /** Names in a folder; none if it does not exist. */
  async names(path: string): Promise<string[]> {
    try {
      return (await readdir(join(this.root, path))).sort();
    } catch {
      return [];
    }
  }
}

/** Why a kernel file gave nothing. */
export function unreadable(path: string, thrown: unknown): Unavailable {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown);
  return { unavailable: `/${path} cannot be read (${code})` };
}
