// What the tests of the guides share: a newcomer's project made of a guide's own files, in which its commands run.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { runtimeDir } from './command.test-support.js';
import { emptyDirectory, linkGodwit, linkPackages } from './project.test-support.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Where a guide lies. */
export const guide = (name: string): string => join(root, 'docs', 'guides', name);

/** The blocks of one language. */
export function blocksOf(markdown: string, language: string): string[] {
  return [...markdown.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map((match) => match[1] ?? '');
}

/** A newcomer's project: the guide's own files; godwit, esbuild and `packages` installed. @returns its folder */
export async function project(t: ExecutionContext, code: readonly string[], packages: readonly string[] = []): Promise<string> {
  const path = await emptyDirectory(t);
  await linkGodwit(path);
  await linkPackages(path, { ...Object.fromEntries(packages.map((name) => [name, name])), '.bin/esbuild': '.bin/esbuild' });
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
  const child = spawn('bash', ['-ec', block], { cwd, env: { ...env, XDG_RUNTIME_DIR: runtimeDir }, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
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
