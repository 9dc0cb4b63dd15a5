// What marks a thing as one that may move: the calls of actor(), elastic() and those of godwit/nact, known by their import, and the directive.
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

/** A call that marks something as what may move. */
export interface Tag {
  readonly kind: 'definition' | 'elastic';
  /** Which argument has its options. */
  readonly optionsAt: number;
}

const ofGodwit = new Map<string, Tag>([
  ['actor', { kind: 'definition', optionsAt: 1 }],
  ['elastic', { kind: 'elastic', optionsAt: 1 }],
]);
const ofNact = new Map<string, Tag>(['stateful', 'stateless'].map((name) => [name, { kind: 'definition', optionsAt: 2 }]));

/** Tags by the entry points from which they are imported: ours, and the names by which this package's own rooms import them. */
const entries: ReadonlyMap<string, ReadonlyMap<string, Tag>> = new Map([
  ['godwit', ofGodwit],
  ['#core', ofGodwit],
  ['godwit/nact', ofNact],
  ['#actors/nact', ofNact],
]);

const nameOfEntry = new RegExp(`['"](${[...entries.keys()].join('|')})['"]`);

/** True if a module may tag something; if not, it need not be parsed. */
export function mayTag(code: string): boolean {
  return code.includes(directive) || nameOfEntry.test(code);
}

/** Which of our tags `call` calls, by its import. */
export function tagOf(module: SourceModule, { callee }: TSESTree.CallExpression): Tag | undefined {
  if (callee.type === 'Identifier') return importedTag(module, callee);
  return callee.type === 'MemberExpression' ? namespaceMember(module, callee) : undefined;
}

function importedTag(module: SourceModule, identifier: TSESTree.Identifier): Tag | undefined {
  for (const { node, parent } of module.resolved.get(identifier)?.defs ?? []) {
    if (node.type === 'ImportSpecifier') return tagsOf(parent)?.get(node.imported.type === 'Identifier' ? node.imported.name : node.imported.value);
  }
  return undefined;
}

function namespaceMember(module: SourceModule, callee: TSESTree.MemberExpression): Tag | undefined {
  const [definition] = callee.object.type === 'Identifier' ? (module.resolved.get(callee.object)?.defs ?? []) : [];
  return definition?.node.type === 'ImportNamespaceSpecifier' ? tagsOf(definition.parent)?.get(memberName(callee) ?? '') : undefined;
}

function tagsOf(declaration: Node | null | undefined): ReadonlyMap<string, Tag> | undefined {
  return declaration?.type === 'ImportDeclaration' ? entries.get(declaration.source.value) : undefined;
}
