import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { freePort } from './command.test-support.js';
import { blocksOf, outputOf, shell, writeFiles } from './guide.test-support.js';
import { emptyDirectory, installProject, linkGodwit } from './project.test-support.js';

const tutorial = new URL('../../docs/tutorial.md', import.meta.url);

test('docs/tutorial.md: its commands print what it says, from an empty directory on, and no total is lost or repeated', async (t) => {
  // Some thirty processes, and the compiler four times.
  t.timeout(180_000);
  const port = String(await freePort());
  const markdown = (await readFile(tutorial, 'utf8')).replaceAll('7443', port);
  const [make = '', install = '', start = '', wrong = '', check = '', edge = '', again = '', offload = '', top = '', recall = '', once = ''] = blocksOf(
    markdown,
    'sh',
  );
  const [made = '', counts = '', refused = '', checked = '', listening = '', linked = '', ...rest] = blocksOf(markdown, 'text');
  const [moved = '', away = '', table = '', cameHome = '', home = '', survived = ''] = rest;
  const desk = await emptyDirectory(t);
  const clone = join(desk, 'godwit');
  const path = join(desk, 'my-app');
  await mkdir(clone);
  await linkGodwit(clone);
  /** Runs a block to its end. */
  const done = async (block: string, cwd = path) => {
    const { output, complaints } = await shell(t, block, cwd).ended;
    return { output, complaints };
  };

  t.regex((await done(make, clone)).output, outputOf(made));
  t.regex(install, /^cd \.\.\/my-app\nnpm install \.\.\/godwit\/godwit-[\d.]+\.tgz\n$/);
  await installProject(path);
  await writeFiles(path, blocksOf(markdown, 'ts'));

  const alone = shell(t, start, path);
  await alone.shows(counts);
  alone.signal('SIGINT');
  await alone.ended;
  t.deepEqual(
    alone.lines.filter((line) => line.includes(' warn ')),
    [],
  );
  t.regex((await done(wrong)).output, outputOf(refused));
  t.regex((await done(check)).output, outputOf(checked));

  const host = shell(t, `${edge.trimEnd()} --port ${port}`, path);
  await host.shows(listening);
  const device = shell(t, again, path);
  await device.shows(linked);
  t.regex((await done(offload)).output, outputOf(moved));
  await device.shows(away);
  t.regex((await done(top)).output, outputOf(table));
  t.regex((await done(recall)).output, outputOf(cameHome));
  await device.shows(home);
  t.regex((await done(once)).output, outputOf(moved));
  await device.shows(away);
  host.signal('SIGQUIT');
  await device.shows(survived);
  device.signal('SIGINT');
  await device.ended;

  const first = totalsIn(alone.lines);
  const then = totalsIn(device.lines);
  // At its start the application tells 1 and asks 1.
  t.deepEqual(first, range(2, first.length));
  t.deepEqual(then, range((first.at(-1) ?? 0) + 2, then.length));
});

const totalsIn = (lines: readonly string[]): number[] => lines.flatMap((line) => /^total (\d+) on /.exec(line)?.[1] ?? []).map(Number);
const range = (from: number, length: number): number[] => Array.from({ length }, (_, index) => from + index);
