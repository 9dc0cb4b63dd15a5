import { readFile } from 'node:fs/promises';
import test from 'ava';
import { freePort } from './command.test-support.js';
import { blocksOf, guide, project, shell } from './guide.test-support.js';

test('docs/guides/building.md: its commands do what it says, on its own files', async (t) => {
  const markdown = await readFile(guide('building.md'), 'utf8');
  const port = String(await freePort());
  const [build = '', edge = '', device = ''] = blocksOf(markdown, 'sh').map((block) => block.replaceAll('7443', port));
  const path = await project(t, blocksOf(markdown, 'ts'));

  const built = await shell(t, build, path).ended;
  const running = shell(t, `${edge.trimEnd()} --port ${port}`, path);
  await running.shows('…edge.listening…\n');
  const moved = await shell(t, device, path).ended;

  t.is(built.code, 0, built.complaints);
  t.is(moved.code, 0, moved.complaints);
  t.true(moved.lines.includes('count 2 on edge-1'), moved.lines.join('\n'));
  for (const said of [/nothing found/, /counter v1 +\d+ B/, /modules: signed by key/]) t.regex(built.lines.join('\n'), said);
});
