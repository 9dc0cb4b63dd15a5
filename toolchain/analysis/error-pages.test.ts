import { readFile } from 'node:fs/promises';
import test from 'ava';
import { analyse, type FindingCode, findingTitles } from './index.js';

const folder = new URL('../../../docs/errors/', import.meta.url);
const page = (code: string) => readFile(new URL(`${code}.md`, folder), 'utf8');

for (const [code, title] of Object.entries(findingTitles) as [FindingCode, string][]) {
  test(`error page ${code}: its refused example has this finding and no other, its corrected one has none`, async (t) => {
    const text = await page(code);
    const [refused, corrected] = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, example]) => example ?? '');

    t.true(text.startsWith(`# ${code}: ${title}\n`));
    t.deepEqual([...new Set(await codesOf(refused ?? ''))], [code]);
    t.deepEqual(await codesOf(corrected ?? ''), []);
  });
}

test('error pages: the overview lists every code', async (t) => {
  const overview = await page('README');

  for (const [code, title] of Object.entries(findingTitles)) t.true(overview.includes(`| [${code}](${code}.md) | ${title} `), code);
});

async function codesOf(example: string): Promise<string[]> {
  if (example === '') throw new Error('the page has no such example');
  return (await analyse(example, 'example.ts')).findings.map(({ code }) => code);
}
