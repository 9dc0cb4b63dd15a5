import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import ts from 'typescript';

const root = fileURLToPath(new URL('../../', import.meta.url));
const documents = ['README.md', 'docs/guides/building.md'];
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

    const files = filesOf([...blocks.values()]);
    const faults = [...blocks].flatMap(([line, code]) => faultsOf(code, files).map(([at, message]) => `${document}:${line + at}: ${message}`));

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

/** The blocks that begin with the name of their file, `// actors.ts`, by path: others import them. */
function filesOf(blocks: readonly string[]): ReadonlyMap<string, string> {
  return new Map(blocks.flatMap((code) => [...code.matchAll(/^\/\/ (\S+\.ts)$/gm)].slice(0, 1).map(([, name]) => [`${root}${name}`, code])));
}

/** What the compiler says of a block, as [line from 0, message]. The block is a file at the package's root, where `godwit` names the package itself. */
function faultsOf(code: string, others: ReadonlyMap<string, string> = new Map()): Array<[number, string]> {
  const file = `${root}block.ts`;
  const files = new Map([...others, [file, code]]);
  const host = ts.createCompilerHost(options);
  const { fileExists, getSourceFile, readFile: readText } = host;
  host.fileExists = (name) => files.has(name) || fileExists(name);
  host.readFile = (name) => files.get(name) ?? readText(name);
  host.getSourceFile = (name, format, ...rest) => {
    const text = files.get(name);
    return text === undefined ? getSourceFile(name, format, ...rest) : ts.createSourceFile(name, text, format);
  };
  host.getCurrentDirectory = () => root;
  const program = ts.createProgram([file], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ file: at, start, messageText }) => {
    const line = at?.fileName === file && start !== undefined ? at.getLineAndCharacterOfPosition(start).line : 0;
    return [line, ts.flattenDiagnosticMessageText(messageText, '\n')];
  });
}
