import type { TSESTree } from '@typescript-eslint/types';
import { GodwitError } from '#core';
import { createFinding, type Finding } from './findings.js';
import { childrenOf, type Node, type SourceModule, sourceModule } from './syntax.js';

/**
 * Parses a module of TypeScript or JavaScript, with JSX where its name allows it.
 * @returns the module, or the finding that it has no valid syntax
 * @throws {GodwitError} FAILED_PRECONDITION the parser is not installed
 */
export async function parseModule(code: string, path: string): Promise<{ module: SourceModule; fault?: undefined } | { module?: undefined; fault: Finding }> {
  const [{ parseSync }, { analyze }] = await Promise.all([loadParser(), import('@typescript-eslint/scope-manager')]);
  const { program, errors } = parseSync(path, code, { lang: languageOf(path), sourceType: 'module', astType: 'ts', range: true, preserveParens: false });
  const [error] = errors;
  if (error !== undefined) {
    const { start = 0, end = 0 } = error.labels[0] ?? {};
    return {
      fault: createFinding({ path, code }, [start, end], 'GW2005', { message: `this file does not parse: ${error.message}`, fix: 'correct the syntax' }),
    };
  }
  const tree = program as unknown as TSESTree.Program;
  setParents(tree);
  // No libraries: their names would only stand for types. No JSX pragma: elements are made by what the bundler chooses.
  const scopes = analyze(tree, { sourceType: 'module', lib: [], jsxPragma: null, jsxFragmentName: null });
  return { module: sourceModule(path, code, tree, scopes) };
}

/** The parser is an optional peer: a device and an edge never parse. */
async function loadParser(): Promise<typeof import('oxc-parser')> {
  try {
    return await import('oxc-parser');
  } catch (cause) {
    throw new GodwitError(
      'FAILED_PRECONDITION',
      'checking what actors and elastic functions capture needs oxc-parser: npm install oxc-parser (an optional peer of godwit), or ship the output of a build',
      { cause },
    );
  }
}

function languageOf(path: string): 'ts' | 'tsx' | 'jsx' {
  if (/\.[cm]?ts$/.test(path)) return 'ts';
  return path.endsWith('.tsx') ? 'tsx' : 'jsx';
}

function setParents(node: Node): void {
  for (const child of childrenOf(node)) {
    (child as { parent?: Node }).parent = node;
    setParents(child);
  }
}
