import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import ts from 'typescript';

const root = fileURLToPath(new URL('../../', import.meta.url));
const guides = (await readdir(`${root}docs/guides`)).map((name) => `docs/guides/${name}`);
const documents = ['README.md', ...guides];
// As a newcomer's own project would be set up, the strictest way.
const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
  types: ['node'],
  strict: true,
  noEmit: true,
  skipLibCheck: true,
};

for (const document of documents) {
  test(`${document}: its ts blocks compile against the built package`, async (t) => {
    const files = programOf(await readFile(`${root}${document}`, 'utf8'));
    const faults = [...files.keys()].flatMap((file) => faultsOf(file, files).map(([line, message]) => `${document}:${line + 1}: ${message}`));

    t.true(files.size > 0);
    t.deepEqual(faults, []);
  });
}

test('README.md: the check of its blocks sees a fault', (t) => {
  const file = `${root}block.ts`;
  const faults = faultsOf(file, new Map([[file, `import { actor } from 'godwit';\nactor(1);`]]));

  t.is(faults.length, 1);
  t.is(faults[0]?.[0], 1);
});

test('README.md, docs: every guide is linked from README.md, and every link to a file leads to one', async (t) => {
  const docs = (await readdir(`${root}docs`, { recursive: true })).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`);
  const links = new Map<string, string[]>();
  for (const document of ['README.md', ...docs]) {
    const found = [...(await readFile(`${root}${document}`, 'utf8')).matchAll(/\]\(([^)\s:#]+)(?:#[^)]*)?\)/g)];
    links.set(
      document,
      found.map(([, target = '']) => join(dirname(document), target)),
    );
  }

  const fromReadme = new Set(links.get('README.md'));
  t.deepEqual(
    ['docs/tutorial.md', 'docs/testing.md', ...guides].filter((document) => !fromReadme.has(document)),
    [],
  );
  t.deepEqual(
    [...links].flatMap(([document, targets]) => targets.filter((target) => !existsSync(`${root}${target}`)).map((target) => `${document}: ${target}`)),
    [],
  );
});

/**
 * The program of a Markdown text, by file at the package's root, where `godwit` names the package itself: a ts block that begins with `// actors.ts` belongs
 * to that file, all others are one. What does not belong to a file is empty lines in it, so that lines keep their numbers.
 */
function programOf(markdown: string): Map<string, string> {
  const files = new Map<string, string[]>();
  const lineCount = markdown.split('\n').length;
  for (const match of markdown.matchAll(/^```ts\n(.*?)^```$/gms)) {
    const code = match[1] ?? '';
    const file = `${root}${/^\/\/ (\S+\.ts)\n/.exec(code)?.[1] ?? 'block.ts'}`;
    const lines = files.get(file) ?? new Array<string>(lineCount).fill('');
    files.set(file, lines);
    const first = markdown.slice(0, match.index).split('\n').length;
    lines.splice(first, code.split('\n').length, ...code.split('\n'));
  }
  return new Map([...files].map(([file, lines]) => [file, lines.join('\n')]));
}

/** The declarations that every document needs, read once. */
const parsed = new Map<string, ts.SourceFile | undefined>();

/** What the compiler says of a file, as [line from 0, message]. */
function faultsOf(file: string, files: ReadonlyMap<string, string>): Array<[number, string]> {
  const host = ts.createCompilerHost(options);
  const { fileExists, getSourceFile, readFile: readText } = host;
  host.fileExists = (name) => files.has(name) || fileExists(name);
  host.readFile = (name) => files.get(name) ?? readText(name);
  host.getSourceFile = (name, format, ...rest) => {
    const text = files.get(name);
    if (text !== undefined) return ts.createSourceFile(name, text, format);
    if (!parsed.has(name)) parsed.set(name, getSourceFile(name, format, ...rest));
    return parsed.get(name);
  };
  host.getCurrentDirectory = () => root;
  const program = ts.createProgram([file], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ file: at, start, messageText }) => {
    const line = at?.fileName === file && start !== undefined ? at.getLineAndCharacterOfPosition(start).line : 0;
    return [line, ts.flattenDiagnosticMessageText(messageText, '\n')];
  });
}
