import { readFile } from 'node:fs/promises';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { build } from 'esbuild';
import { edgeSide } from './edge-side.js';

test('edge side: maps of a bundle of compiled code lead to the TypeScript that was written', async (t) => {
  const entry = fileURLToPath(new URL('./fixtures/greeter.js', import.meta.url));
  const written = await readFile(new URL('../../toolchain/fixtures/greeter.ts', import.meta.url), 'utf8');

  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    outdir: '/out',
    sourcemap: true,
    format: 'esm',
    external: ['#core', 'node:fs'],
    plugins: [edgeSide],
    logLevel: 'silent',
  });

  const [map, program] = outputFiles.map(({ text }) => text);
  const payload = JSON.parse(map) as SourceMapPayload;
  const before = program.slice(0, program.indexOf('state.greeted')).split('\n');
  const entryFound = new SourceMap(payload).findEntry(before.length - 1, before.at(-1)?.length ?? 0);
  if (!('originalSource' in entryFound)) throw new Error('not mapped');
  t.is(basename(entryFound.originalSource), 'greeter.ts');
  t.true(written.split('\n')[entryFound.originalLine].startsWith('state.greeted', entryFound.originalColumn));
});
