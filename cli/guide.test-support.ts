// What the tests of the guides share: a newcomer's project made of a guide's own files, in which its commands run.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';

const root = fileURLToPath(new URL('../../', import.meta.url));
const command = fileURLToPath(new URL('./main.js', import.meta.url));

/** Where a guide lies. */
export const guide = (name: string): string => join(root, 'docs', 'guides', name);

/** The blocks of one language. */
export function blocksOf(markdown: string, language: string): string[] {
  return [...markdown.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map((match) => match[1] ?? '');
}

/** A newcomer's project: the guide's own files; godwit, esbuild and `packages` installed. @returns its folder */
export async function project(t: ExecutionContext, code: readonly string[], packages: readonly string[] = []): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'godwit-guide-'));
  t.teardown(() => rm(path, { recursive: true }));
  await mkdir(join(path, 'node_modules', '.bin'), { recursive: true });
  await symlink(root, join(path, 'node_modules', 'godwit'));
  await symlink(join(root, 'node_modules', '.bin', 'esbuild'), join(path, 'node_modules', '.bin', 'esbuild'));
  for (const name of packages) await symlink(join(root, 'node_modules', name), join(path, 'node_modules', name));
  const godwit = join(path, 'node_modules', '.bin', 'godwit');
  await writeFile(godwit, `#!/bin/sh\nexec "${process.execPath}" "${command}" "$@"\n`);
  await chmod(godwit, 0o755);
  await writeFile(join(path, 'package.json'), '{ "private": true, "type": "module" }');
  for (const block of code) {
    const file = /^\/\/ (\S+)\n/.exec(block)?.[1];
    if (file !== undefined) await writeFile(join(path, file), block);
  }
  return path;
}

/** Runs a block as a shell does, in a process group of its own. */
export function shell(t: ExecutionContext, block: string, cwd: string) {
  const { GODWIT_KEY: _inherited, ...env } = process.env;
  const child = spawn('bash', ['-ec', block], { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  let complaints = '';
  child.stderr.on('data', (text) => {
    complaints += String(text);
  });
  const output = createInterface({ input: child.stdout });
  output.on('line', (line) => lines.push(line));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, lines, complaints }));
  t.teardown(async () => {
    if (child.exitCode === null) process.kill(-(child.pid as number), 'SIGTERM');
    await ended;
  });
  return { ended, lines, line: (part: string) => new Promise<void>((resolve) => output.on('line', (line) => line.includes(part) && resolve())) };
}
