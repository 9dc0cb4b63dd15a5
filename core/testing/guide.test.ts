import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import test from 'ava';
import { transform } from 'esbuild';

test('docs/testing.md: its example runs as it is', async (t) => {
  const guide = await readFile(new URL('../../../docs/testing.md', import.meta.url), 'utf8');
  const example = /```ts\n([\s\S]*?)```/.exec(guide)?.[1];
  if (example === undefined) return t.fail('docs/testing.md has no example');
  const { code } = await transform(example, { loader: 'ts', format: 'esm' });
  // Inside the package, so that it finds it by its name, and outside what is published.
  const cache = new URL('../../../.cache/', import.meta.url);
  const program = new URL(`guide-example-${process.pid}.mjs`, cache);

  await mkdir(cache, { recursive: true });
  await writeFile(program, code);
  t.teardown(() => rm(program));

  await t.notThrowsAsync(import(program.href));
});
