// Every guide is a program: its ts blocks are run as they are, and print what its text blocks say.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { transform } from 'esbuild';

const root = fileURLToPath(new URL('../../', import.meta.url));
const guides = join(root, 'docs', 'guides');
/** Those whose commands are run by a test of their own. */
const elsewhere = new Set(['building.md', 'observing.md', 'operating.md']);
const timeoutMs = 60_000;

for (const name of (await readdir(guides)).filter((file) => file.endsWith('.md') && !elsewhere.has(file))) {
  test(`docs/guides/${name}: its program runs as it is, and prints what it says`, async (t) => {
    const text = await readFile(join(guides, name), 'utf8');
    const files = await programOf(text);
    t.true(files.has('main'), 'no ts block without the name of a file');
    // Inside the package, so that the program finds it by its name, and outside what is published.
    const cache = join(root, '.cache');
    await mkdir(cache, { recursive: true });
    const folder = await mkdtemp(join(cache, 'guide-'));
    t.teardown(() => rm(folder, { recursive: true }));
    for (const [file, code] of files) await writeFile(join(folder, `${file}.js`), code);

    const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'main.js')], { timeout: timeoutMs });

    t.is(stdout, blocksOf(text, 'text').join(''));
  });
}

/** The guide's program by file, compiled: a block that begins with `// actors.ts` belongs to that file, every other one to `main`. */
async function programOf(text: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const block of blocksOf(text, 'ts')) {
    const file = /^\/\/ ([\w-]+)\.ts\n/.exec(block)?.[1] ?? 'main';
    files.set(file, `${files.get(file) ?? ''}${block}`);
  }
  for (const [file, code] of files) files.set(file, (await transform(code, { loader: 'ts', format: 'esm', target: 'es2022' })).code);
  return files;
}

function blocksOf(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, block]) => block ?? '');
}
