import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { freePort, runtimeDir } from './command.test-support.js';
import { emptyDirectory, linkGodwit, linkPackages } from './project.test-support.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const guide = join(root, 'docs', 'guides', 'building.md');

/** The blocks of one language. */
function blocksOf(markdown: string, language: string): string[] {
  return [...markdown.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map((match) => match[1] ?? '');
}

/** A newcomer's project: the guide's own files, godwit and esbuild installed. */
async function project(t: ExecutionContext, code: readonly string[]): Promise<string> {
  const path = await emptyDirectory(t);
  await linkGodwit(path);
  await linkPackages(path, { '.bin/esbuild': '.bin/esbuild' });
  await writeFile(join(path, 'package.json'), '{ "private": true, "type": "module" }');
  for (const block of code) {
    const file = /^\/\/ (\S+)\n/.exec(block)?.[1];
    if (file !== undefined) await writeFile(join(path, file), block);
  }
  return path;
}

/** Runs a block as a shell does, in a process group of its own. */
function shell(t: ExecutionContext, block: string, cwd: string) {
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
  return { ended, line: (part: string) => new Promise<void>((resolve) => output.on('line', (line) => line.includes(part) && resolve())) };
}

test('docs/guides/building.md: its commands do what it says, on its own files', async (t) => {
  const markdown = await readFile(guide, 'utf8');
  const port = String(await freePort());
  const [build = '', edge = '', device = ''] = blocksOf(markdown, 'sh').map((block) => block.replaceAll('7443', port));
  const path = await project(t, blocksOf(markdown, 'ts'));

  const built = await shell(t, build, path).ended;
  const running = shell(t, `${edge.trimEnd()} --port ${port}`, path);
  const listening = await Promise.race([running.line('edge.listening').then(() => ''), running.ended.then(({ complaints }) => complaints)]);
  const moved = await shell(t, device, path).ended;

  t.is(built.code, 0, built.complaints);
  t.is(listening, '');
  t.is(moved.code, 0, moved.complaints);
  t.true(moved.lines.includes('count 2 on edge-1'), moved.lines.join('\n'));
  for (const said of [/nothing found/, /counter v1 +\d+ B/, /modules: signed by key/]) t.regex(built.lines.join('\n'), said);
});
