// The part of a module that runs elsewhere: what it tags, what that uses, and what else it exports that may be captured. The rest stays on the
// device, so that a file may define what moves and also start the device that it moves from.
import type { Reference, Variable } from '@typescript-eslint/scope-manager';
import type { TSESTree } from '@typescript-eslint/types';
import type MagicString from 'magic-string';
import { mayBeCaptured } from './captures.js';
import { changeAt, enumCall } from './changes.js';
import { guestGlobals } from './guest-globals.js';
import { isOfModule, type Node, referencesIn, type SourceModule } from './syntax.js';
import type { Tagged } from './tagged.js';

/** Removes from `text` what stays on the device. */
export function slice(module: SourceModule, tagged: readonly Tagged[], text: MagicString): void {
  const kept = keptStatements(module, tagged);
  for (const statement of module.program.body) {
    if (statement.type === 'ExportNamedDeclaration' && isList(statement)) sliceList(module, statement, kept, text);
    else if (!kept.has(statement) && !isHarmless(statement)) text.remove(...statement.range);
  }
}

function keptStatements(module: SourceModule, tagged: readonly Tagged[]): ReadonlySet<Node> {
  const kept = new Set<Node>();
  const queue: Node[] = tagged.flatMap(({ node, place }) => (place === undefined ? [] : [statementOf(node)]));
  const exported = module.program.body.flatMap((statement) => exportedNodes(module, statement));
  queue.push(...exported.filter((node) => mayBeCaptured(module, node, tagged)).map(statementOf));
  for (const statement of module.program.body) {
    const given = givenToGlobal(module, statement);
    if (given.length > 0 && given.every((node) => mayBeCaptured(module, node, tagged))) queue.push(statement);
  }
  for (let statement = queue.pop(); statement !== undefined; statement = queue.pop()) {
    if (kept.has(statement)) continue;
    kept.add(statement);
    for (const variable of usedIn(module, statement)) queue.push(...declaringNodes(variable).map(statementOf));
  }
  return kept;
}

/** The statement of the module in which `node` is. */
function statementOf(node: Node): Node {
  let at = node;
  while (at.parent !== undefined && at.parent.type !== 'Program') at = at.parent;
  return at;
}

/** What a statement gives to a global of guests: `Array.prototype.last = …`, `Object.defineProperty(Array.prototype, 'last', …)`. */
function givenToGlobal(module: SourceModule, statement: Node): readonly Node[] {
  if (statement.type !== 'ExpressionStatement') return [];
  const isOfGuests = ({ identifier }: Reference) =>
    !module.resolved.has(identifier) && guestGlobals.has((identifier as TSESTree.Identifier).name) && changeAt(identifier, false) !== undefined;
  const { expression } = statement;
  if (expression.type === 'AssignmentExpression') return referencesIn(module, expression.left).some(isOfGuests) ? [expression.right] : [];
  if (expression.type !== 'CallExpression') return [];
  const [first, ...given] = expression.arguments;
  return first !== undefined && referencesIn(module, first).some(isOfGuests) ? given : [];
}

/** Variables of the module that are used within `node`. */
function usedIn(module: SourceModule, node: Node): Set<Variable> {
  return new Set(
    referencesIn(module, node).flatMap(({ identifier }) => {
      const variable = module.resolved.get(identifier);
      return variable !== undefined && isOfModule(variable) ? [variable] : [];
    }),
  );
}

/** What declares `variable`; for a compiled enum, what fills it too. */
function declaringNodes({ defs, references }: Variable): Node[] {
  return [...defs.map(({ node }) => node), ...references.flatMap(({ identifier }) => enumCall(identifier.parent) ?? [])];
}

/** What a statement exports, each as the node of its declaration or the expression. */
function exportedNodes(module: SourceModule, statement: TSESTree.ProgramStatement): Node[] {
  if (statement.type === 'ExportDefaultDeclaration') return [statement.declaration];
  if (statement.type !== 'ExportNamedDeclaration' || statement.source !== null) return [];
  const { declaration, specifiers } = statement;
  if (declaration?.type === 'VariableDeclaration') return [...declaration.declarations];
  if (declaration !== null) return [declaration];
  return specifiers.flatMap(({ local }) => (variableNamed(module, local)?.defs ?? []).map(({ node }) => node));
}

function isList(statement: TSESTree.ExportNamedDeclaration): boolean {
  return statement.source === null && statement.declaration === null && statement.specifiers.length > 0;
}

function sliceList(module: SourceModule, statement: TSESTree.ExportNamedDeclaration, kept: ReadonlySet<Node>, text: MagicString): void {
  const isKept = (node: Node) => kept.has(statementOf(node));
  const stays = statement.specifiers.filter(({ local, exportKind }) => {
    const variable = variableNamed(module, local);
    return (
      exportKind === 'type' || statement.exportKind === 'type' || variable === undefined || variable.defs.some(({ node }) => isKept(node) || isHarmless(node))
    );
  });
  if (stays.length === statement.specifiers.length) return;
  const names = stays.map(({ range }) => module.code.slice(...range)).join(', ');
  if (names === '') text.remove(...statement.range);
  else text.update(...statement.range, `export { ${names} };`);
}

function variableNamed({ variables }: SourceModule, local: TSESTree.Identifier | TSESTree.StringLiteral): Variable | undefined {
  return local.type === 'Identifier' ? variables.find(({ name }) => name === local.name) : undefined;
}

/** True for what has no effect where it runs: types, directives, and exports of other modules, which the bundler follows. */
function isHarmless(node: Node): boolean {
  switch (node.type) {
    case 'TSInterfaceDeclaration':
    case 'TSTypeAliasDeclaration':
    case 'TSDeclareFunction':
    case 'ExportAllDeclaration':
      return true;
    case 'ExportNamedDeclaration':
      return node.source !== null || (node.declaration !== null && isHarmless(node.declaration));
    case 'ExpressionStatement':
      return typeof node.directive === 'string';
    default:
      return (node as { declare?: boolean }).declare === true;
  }
}
