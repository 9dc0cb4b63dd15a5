import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { Linter } from 'eslint';
import plugin from './lint.js';

const refused = `import { actor, elastic } from 'godwit';
let calls = 0;
export const resize = elastic(async (width) => {
  calls += 1;
  return width * window.devicePixelRatio;
});
const Counter = actor('counter', { state: () => ({ count: 0 }), on: { next: (state) => process.exit(state.count) } });
export const outer = (gain) => elastic(async (x) => x * gain);
`;
const allowed = `import { actor, elastic } from 'godwit';
const factor = 2;
export const resize = elastic(async (width) => width * factor);
export const Counter = actor('counter', { state: () => ({ count: 0 }), on: { next: (state) => ++state.count } });
export const calls = [];
calls.push(window);
`;
const places = ['GW1001 4:3-4:8', 'GW1007 5:18-5:24', 'GW1007 7:88-7:95', 'GW1002 8:57-8:61'];

test('lint rule: ESLint reports every finding at its place, with the fix and the page', (t) => {
  const lint = (code: string) => new Linter().verify(code, { plugins: { godwit: plugin }, rules: { 'godwit/movable': 'error' } }, { filename: 'f.js' });

  t.deepEqual(
    lint(refused).map(({ messageId, line, column, endLine, endColumn }) => `${messageId} ${line}:${column}-${endLine}:${endColumn}`),
    places,
  );
  t.is(
    lint(refused)[0]?.message,
    `GW1001: elastic function 'resize' captures 'calls', which changes (line 4); fix: keep it in the state of an actor, or pass it as a parameter (docs/errors/GW1001.md)`,
  );
  t.deepEqual(lint(allowed), []);
});

test('lint rule: oxlint reports the same, of TypeScript too', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'godwit-lint-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const config = {
    jsPlugins: [fileURLToPath(new URL('./lint.js', import.meta.url))],
    categories: { correctness: 'off' },
    rules: { 'godwit/movable': 'error' },
  };
  await writeFile(join(folder, '.oxlintrc.json'), JSON.stringify(config));
  await writeFile(join(folder, 'refused.js'), refused);
  await writeFile(
    join(folder, 'typed.ts'),
    `type Size = typeof size; let size = 1; size++;\nexport async function f<T extends Size>(x: T): Promise<Size> {\n  'use elastic';\n  return x + size;\n}\n`,
  );
  await writeFile(join(folder, 'allowed.ts'), allowed);
  const oxlint = fileURLToPath(new URL('../bin/oxlint', import.meta.resolve('oxlint')));

  const { stdout } = await promisify(execFile)(process.execPath, [oxlint, '--format', 'json'], { cwd: folder }).catch((failed: { stdout: string }) => failed);

  const { diagnostics } = JSON.parse(stdout) as {
    diagnostics: { message: string; filename: string; labels: { span: { line: number; column: number; length: number } }[] }[];
  };
  const found = diagnostics.map(({ message, filename, labels: [label] }) => {
    const { line, column, length } = label.span;
    return `${filename} ${message.slice(0, 6)} ${line}:${column}-${line}:${column + length}`;
  });
  t.deepEqual(found.sort(), [...places.map((place) => `refused.js ${place}`), 'typed.ts GW1001 4:14-4:18'].sort());
});
