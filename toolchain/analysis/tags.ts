// What marks a thing as one that may move: the calls actor() and elastic(), known by their import, and the directive.
import type { TSESTree } from '@typescript-eslint/types';
import { type FunctionNode, memberName, type Node, type SourceModule } from './syntax.js';

/** The directive that makes a function elastic. */
export const directive = 'use elastic';

/** The statement of the directive among the first ones of a function, if it is there. */
export function directiveOf({ body }: FunctionNode): TSESTree.ExpressionStatement | undefined {
  if (body?.type !== 'BlockStatement') return undefined;
  for (const statement of body.body) {
    if (statement.type !== 'ExpressionStatement' || typeof statement.directive !== 'string') return undefined;
    if (statement.directive === directive) return statement;
  }
  return undefined;
}

/** The entry points from which the two tags are imported: ours, and the name by which this package's own rooms import it. */
const entries = new Set(['godwit', '#core']);

/** Which of our two tags `call` calls, by its import. */
export function tagOf(module: SourceModule, { callee }: TSESTree.CallExpression): 'actor' | 'elastic' | undefined {
  const name = callee.type === 'Identifier' ? importedName(module, callee) : callee.type === 'MemberExpression' ? namespaceMember(module, callee) : undefined;
  return name === 'actor' || name === 'elastic' ? name : undefined;
}

function importedName(module: SourceModule, identifier: TSESTree.Identifier): string | undefined {
  for (const { node, parent } of module.resolved.get(identifier)?.defs ?? []) {
    if (node.type === 'ImportSpecifier' && isEntry(parent)) return node.imported.type === 'Identifier' ? node.imported.name : node.imported.value;
  }
  return undefined;
}

function namespaceMember(module: SourceModule, callee: TSESTree.MemberExpression): string | undefined {
  if (callee.object.type !== 'Identifier') return undefined;
  const isNamespace = module.resolved.get(callee.object)?.defs.some(({ node, parent }) => node.type === 'ImportNamespaceSpecifier' && isEntry(parent));
  return isNamespace === true ? memberName(callee) : undefined;
}

function isEntry(declaration: Node | null | undefined): boolean {
  return declaration?.type === 'ImportDeclaration' && entries.has(declaration.source.value);
}
