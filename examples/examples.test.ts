import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

async function outputOf(example: string): Promise<string[]> {
  const program = fileURLToPath(new URL(`./${example}/main.js`, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program], { timeout: 60_000 });
  return stdout.trimEnd().split('\n');
}

test('examples: hello-actor greets', async (t) => {
  t.deepEqual(await outputOf('hello-actor'), ['hello, Grace', 'greeted Ada', 'greeted Grace']);
});

test('examples: elastic-function draws the same outline here and on the edge', async (t) => {
  const lines = await outputOf('elastic-function');

  t.true(lines.filter((line) => line.includes('#')).length > 8);
  t.true(lines.includes('it reported 34 rows; the picture is the same, to the byte'));
  t.regex(lines.at(-1) ?? '', /^natively again: /);
});

test('examples: chat brings every line to everybody, once and in order, while one guest moves', async (t) => {
  t.deepEqual(await outputOf('chat'), [
    'host: welcome',
    ...[1, 2, 3, 4, 5].map((line) => `host: line ${line}`),
    'host: @grace, where are you?',
    'grace: yes, host?',
    'grace runs in the script engine; all heard the same: true',
  ]);
});
