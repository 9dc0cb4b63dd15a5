import { readFile } from 'node:fs/promises';
import test from 'ava';
import { start } from './command.test-support.js';
import { exitCodes } from './exit.js';

const document = new URL('../../docs/cli.md', import.meta.url);

async function helpOf(...command: string[]): Promise<string> {
  return (await start([...command, '--help']).ended).stdout;
}

test('docs/cli.md: says of every command what its --help says, and of every exit code what it means', async (t) => {
  const markdown = await readFile(document, 'utf8');
  const overview = await helpOf();
  const names = [...overview.matchAll(/^ {2}([a-z]+) {2,}/gm)].map(([, name = '']) => name);
  const sections = new Map([...markdown.matchAll(/^## godwit ([a-z]+)\n\n```text\n(.*?)^```$/gms)].map(([, name = '', text]) => [name, text]));

  t.is(/^```text\n(.*?)^```$/ms.exec(markdown)?.[1], overview);
  t.true(names.length > 10);
  t.deepEqual([...sections.keys()], names);
  for (const name of names) {
    const help = await helpOf(name);
    t.is(sections.get(name), help);
    t.regex(help, new RegExp(`--json[\\s\\S]*--help[\\s\\S]*\\nExamples:\\n(?:.*\\n)*? {2}.*godwit ${name}\\b`), name);
  }
  for (const [code, meaning] of exitCodes) t.true(markdown.includes(`| ${code}    | `) && overview.includes(`${code} ${meaning}`), String(code));
});
