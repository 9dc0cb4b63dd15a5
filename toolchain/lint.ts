// The check as a plugin for ESLint and for oxlint's `jsPlugins`: an entry of its own, because a linter needs neither bundler nor parser (it has
// parsed the file already), and because both linters want a plugin as the default export of its module.
import type { ScopeManager } from '@typescript-eslint/scope-manager';
import type { TSESTree } from '@typescript-eslint/types';
import { checkProgram, findingTitles } from './analysis/index.js';

/** What a rule gets of its linter; both linters have it. */
interface RuleContext {
  readonly filename: string;
  /** A {@link ParsedCode}; linters type it by their languages. */
  readonly sourceCode: unknown;
  report(descriptor: { readonly messageId: string; readonly data: Readonly<Record<string, string>>; readonly loc: RuleLocation }): void;
}

/** JavaScript or TypeScript, parsed and analysed. */
interface ParsedCode {
  readonly text: string;
  readonly ast: TSESTree.Program;
  readonly scopeManager: ScopeManager;
}

interface RuleLocation {
  readonly start: { readonly line: number; readonly column: number };
  readonly end: { readonly line: number; readonly column: number };
}

/** Reports whatever keeps an actor definition or an elastic function from moving: the rules GW1… and GW2… of docs/errors. */
const movable = {
  meta: {
    type: 'problem' as const,
    docs: { description: 'what actors and elastic functions capture must be the same on every node', recommended: true },
    messages: Object.fromEntries(Object.keys(findingTitles).map((code) => [code, `${code}: {{message}}; fix: {{fix}} ({{page}})`])),
    schema: [],
  },
  create: (context: RuleContext) => ({
    Program() {
      const { text, ast, scopeManager } = context.sourceCode as ParsedCode;
      for (const finding of checkProgram(text, context.filename, ast, scopeManager)) {
        const { code, message, fix, page, line, column, endLine, endColumn } = finding;
        context.report({
          messageId: code,
          data: { message, fix, page },
          loc: { start: { line, column: column - 1 }, end: { line: endLine, column: endColumn - 1 } },
        });
      }
    },
  }),
};

/** `{ plugins: { godwit }, rules: { 'godwit/movable': 'error' } }` in ESLint; `jsPlugins: ['godwit/lint']` and the same rule in oxlint. @public */
const plugin = { meta: { name: 'godwit' }, rules: { movable } };

// biome-ignore lint/style/noDefaultExport: the form in which ESLint and oxlint want a plugin
export default plugin;
