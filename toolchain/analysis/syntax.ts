// A module as the rules see it: its tree, and what each name in it refers to. Who parsed it (the build, ESLint, oxlint) does not matter.
import type { Reference, Scope, ScopeManager, Variable } from '@typescript-eslint/scope-manager';
import type { TSESTree } from '@typescript-eslint/types';

/** A node of the tree: ESTree with TypeScript's, with `range` (UTF-16 offsets) and `parent`. */
export type Node = TSESTree.Node;
/** Any function that has a body. */
export type FunctionNode = TSESTree.FunctionDeclaration | TSESTree.FunctionExpression | TSESTree.ArrowFunctionExpression;

/** A parsed module. */
export interface SourceModule {
  /** What findings name it by. */
  readonly path: string;
  readonly code: string;
  readonly program: TSESTree.Program;
  /** Every use of a name as a value, in order of place. */
  readonly references: readonly Reference[];
  /** What each identifier that is such a use refers to, if it is declared in this module. */
  readonly resolved: ReadonlyMap<Node, Variable>;
  /** What is declared at the top of the module. */
  readonly variables: readonly Variable[];
}

/** The module of a tree that has parents and was analysed. */
export function sourceModule(path: string, code: string, program: TSESTree.Program, { scopes }: ScopeManager): SourceModule {
  const references = scopes.flatMap((scope) => scope.references).filter(isValueReference);
  references.sort((a, b) => a.identifier.range[0] - b.identifier.range[0]);
  const resolved = new Map<Node, Variable>();
  for (const { identifier, resolved: variable } of references) if (variable !== null && variable.defs.length > 0) resolved.set(identifier, variable);
  return { path, code, program, references, resolved, variables: scopes.find(({ type }) => (type as string) === 'module')?.variables ?? [] };
}

// `typeof x` as a type counts as a use of the value x in scope analysis; it is gone at run time.
function isValueReference(reference: Reference): boolean {
  if ((reference as Partial<Reference>).isTypeReference === true) return false;
  // A function's own `arguments`: declared nowhere, captured from nowhere.
  if (reference.resolved !== null && reference.resolved.defs.length === 0 && (reference.resolved.scope.type as string) === 'function') return false;
  let parent = reference.identifier.parent;
  if (parent?.type !== 'TSQualifiedName') return parent?.type !== 'TSTypeQuery';
  // `import x = a.b` makes a value; any other qualified name is a type.
  while (parent?.type === 'TSQualifiedName') parent = parent.parent;
  return parent?.type === 'TSImportEqualsDeclaration';
}

/** The nodes right below `node`. */
export function childrenOf(node: Node): Node[] {
  return Object.entries(node).flatMap(([key, value]) => (key === 'parent' ? [] : Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : []));
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string' && 'range' in value;
}

/** Visits `node` and what is below it, in order of place. @param enter returns false to leave out what is below */
export function walk(node: Node, enter: (node: Node) => boolean): void {
  if (enter(node)) for (const child of childrenOf(node)) walk(child, enter);
}

/** True if `inner` is `outer` or lies below it. */
export function isWithin(inner: Node, outer: Node): boolean {
  return inner.range[0] >= outer.range[0] && inner.range[1] <= outer.range[1];
}

/** The uses within `node`, in order of place. */
export function referencesIn({ references }: SourceModule, node: Node): readonly Reference[] {
  return references.slice(firstFrom(references, node.range[0]), firstFrom(references, node.range[1]));
}

/** The index of the first use at `offset` or behind it. */
function firstFrom(references: readonly Reference[], offset: number): number {
  let low = 0;
  let high = references.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (references[middle].identifier.range[0] < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The uses within `node` of names that are not declared within it. */
export function freeReferences(module: SourceModule, node: Node): Reference[] {
  return referencesIn(module, node).filter(({ identifier }) => {
    const variable = module.resolved.get(identifier);
    return variable === undefined || !isWithin(variable.scope.block, node);
  });
}

/** True for what is declared at the top of the module, or of a namespace there. */
export function isOfModule({ scope }: Variable): boolean {
  let at: Scope | null = scope;
  while (at !== null && (at.type as string) === 'tsModule') at = at.upper;
  return at !== null && (at.type as string) === 'module';
}

/** What `variable` was declared as: the values of constants, the declarations of functions and classes. */
export function valuesOf(variable: Variable | undefined): Node[] {
  if (variable === undefined || !isOfModule(variable)) return [];
  return variable.defs.flatMap(({ node }) => (node.type !== 'VariableDeclarator' ? [node] : node.init === null ? [] : [unwrapped(node.init)]));
}

const wrappers = new Set(['TSAsExpression', 'TSSatisfiesExpression', 'TSNonNullExpression', 'TSTypeAssertion', 'TSInstantiationExpression', 'ChainExpression']);

/** The expression below casts and the like. */
export function unwrapped(node: Node): Node {
  let at = node;
  while (wrappers.has(at.type)) at = (at as TSESTree.TSAsExpression).expression;
  return at;
}

/** The outermost cast and the like around an expression, or itself. */
export function wrapped(node: Node): Node {
  let at = node;
  while (at.parent !== undefined && at.parent !== null && wrappers.has(at.parent.type)) at = at.parent;
  return at;
}

/** True for a function with a body. */
export function isFunction(node: Node | null | undefined): node is FunctionNode {
  return node?.type === 'FunctionDeclaration' || node?.type === 'FunctionExpression' || node?.type === 'ArrowFunctionExpression';
}

/** True for a class. */
export function isClass(node: Node): node is TSESTree.ClassDeclaration | TSESTree.ClassExpression {
  return node.type === 'ClassDeclaration' || node.type === 'ClassExpression';
}

/** The text of a string that is written out. */
export function stringOf(node: Node | undefined): string | undefined {
  const value = node && unwrapped(node);
  return value?.type === 'Literal' && typeof value.value === 'string' ? value.value : undefined;
}

/** The name of a property, if it is written out. */
export function keyName(key: Node, computed: boolean): string | undefined {
  if (key.type === 'Identifier' && !computed) return key.name;
  return key.type === 'Literal' && typeof key.value === 'string' ? key.value : undefined;
}

/** The name of a member access, if it is written out: `a.b`, `a['b']`. */
export function memberName({ property, computed }: TSESTree.MemberExpression): string | undefined {
  return property.type === 'PrivateIdentifier' ? property.name : keyName(property, computed);
}

/** The value of a literal property of an object expression. */
export function propertyOf(object: TSESTree.ObjectExpression, name: string): Node | undefined {
  for (const property of object.properties) if (property.type === 'Property' && keyName(property.key, property.computed) === name) return property.value;
  return undefined;
}

/** The innermost function around `node`. */
export function enclosingFunction(node: Node | undefined): FunctionNode | undefined {
  for (let at = node?.parent; at !== undefined && at !== null; at = at.parent) if (isFunction(at)) return at;
  return undefined;
}

/** `typeof x` asks whether there is a global x. */
export function isFeatureTest(node: Node): boolean {
  const parent = node.parent;
  return parent?.type === 'UnaryExpression' && parent.operator === 'typeof';
}
