import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import ts from 'typescript';

const root = fileURLToPath(new URL('../../', import.meta.url));
const documents = ['README.md'];
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
  test(`${document}: every ts block compiles against the built package`, async (t) => {
    const blocks = blocksOf(await readFile(`${root}${document}`, 'utf8'));

    const faults = [...blocks].flatMap(([line, code]) => faultsOf(code).map(([at, message]) => `${document}:${line + at}: ${message}`));

    t.true(blocks.size > 0);
    t.deepEqual(faults, []);
  });
}

test('README.md: the check of its blocks sees a fault', (t) => {
  const faults = faultsOf(`import { actor } from 'godwit';\nactor(1);`);

  t.is(faults.length, 1);
  t.is(faults[0]?.[0], 1);
});

/** The ```ts blocks of a Markdown text, by the number of their first line. */
function blocksOf(markdown: string): Map<number, string> {
  const blocks = new Map<number, string>();
  for (const match of markdown.matchAll(/^```ts\n(.*?)^```$/gms)) {
    blocks.set(markdown.slice(0, match.index).split('\n').length + 1, match[1] ?? '');
  }
  return blocks;
}

/** What the compiler says of a block, as [line from 0, message]. The block is a file at the package's root, where `godwit` names the package itself. */
function faultsOf(code: string): Array<[number, string]> {
  const file = `${root}block.ts`;
  const host = ts.createCompilerHost(options);
  const { fileExists, getSourceFile, readFile: readText } = host;
  host.fileExists = (name) => name === file || fileExists(name);
  host.readFile = (name) => (name === file ? code : readText(name));
  host.getSourceFile = (name, format, ...rest) => (name === file ? ts.createSourceFile(name, code, format) : getSourceFile(name, format, ...rest));
  host.getCurrentDirectory = () => root;
  const program = ts.createProgram([file], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ file: at, start, messageText }) => {
    const line = at?.fileName === file && start !== undefined ? at.getLineAndCharacterOfPosition(start).line : 0;
    return [line, ts.flattenDiagnosticMessageText(messageText, '\n')];
  });
}
