// What the tests of the guides share: a newcomer's project made of a guide's own files, in which its commands run.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { GodwitError } from '#core';
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
  await writeFiles(path, code);
  return path;
}

/** Writes the blocks that name their file into the project in `path`. */
export async function writeFiles(path: string, code: readonly string[]): Promise<void> {
  for (const block of code) {
    const file = /^\/\/ (\S+)\n/.exec(block)?.[1];
    if (file !== undefined) await writeFile(join(path, file), block);
  }
}

const time = /\d{4}-\d\d-\d\dT[\d:.]+Z/.source;
const number = /(?<![\w-])\d+(?:\.\d+)?/.source;

/**
 * Output as a guide shows it: any number stands for any other, any space for any width of a column, and `…` for whatever is there, on a line of its own for any
 * lines. Names with a number in them, such as `robot-1`, are what they are.
 */
export function patternOf(text: string): string {
  return text.replaceAll(new RegExp(`^…\\n|…|${time}|${number}| +|[^\\w\\s]`, 'gm'), (part) => {
    if (part === '…\n') return '(?:.*\\n)*?';
    if (part === '…') return '.*';
    if (part.length > 1 && part.endsWith('Z')) return time;
    if (/^\d/.test(part)) return number;
    return part.startsWith(' ') ? ' +' : part.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&');
  });
}

/** All that a command prints, as a guide shows it. */
export const outputOf = (text: string): RegExp => new RegExp(`^${patternOf(text)}$`);

/** Runs a block as a shell does, in a process group of its own. */
export function shell(t: ExecutionContext, block: string, cwd: string) {
  const { GODWIT_KEY: _inherited, ...env } = process.env;
  const child = spawn('bash', ['-ec', block], { cwd, env: { ...env, XDG_RUNTIME_DIR: runtimeDir }, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const looking = new Set<() => void>();
  let output = '';
  let read = 0;
  let complaints = '';
  let over = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    for (const look of [...looking]) look();
  });
  child.stderr.on('data', (text) => {
    complaints += String(text);
  });
  const ended = once(child, 'close').then(([code]) => {
    over = true;
    for (const look of [...looking]) look();
    return { code: code as number | null, output, lines: linesOf(output), complaints };
  });
  const signal = (name: NodeJS.Signals) => void process.kill(-(child.pid as number), name);
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) signal('SIGTERM');
    await ended;
  });
  return {
    ended,
    /** To all of it, as a terminal does. */
    signal,
    get lines(): readonly string[] {
      return linesOf(output);
    },
    /**
     * Resolves when these lines, as a guide shows them, are there one below the other; the first of them may be the last that was found before.
     * @throws {GodwitError} UNAVAILABLE it ended without them
     */
    shows: (text: string): Promise<void> =>
      new Promise((resolve, reject) => {
        const pattern = new RegExp(`^${patternOf(text)}`, 'm');
        const look = () => {
          const found = pattern.exec(output.slice(read));
          if (found === null && !over) return;
          looking.delete(look);
          if (found !== null) read += found.index + found[0].lastIndexOf('\n', found[0].length - 2) + 1;
          if (found !== null) resolve();
          else reject(new GodwitError('UNAVAILABLE', `it ended without showing\n${text}\nbut with\n${output}\n${complaints}`));
        };
        looking.add(look);
        look();
      }),
  };
}

const linesOf = (output: string): string[] => output.split('\n').slice(0, -1);
