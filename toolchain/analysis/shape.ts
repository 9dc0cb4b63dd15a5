// The rules about what may be elastic, and where it may stand (GW2…).
import type { TSESTree } from '@typescript-eslint/types';
import { createFinding, type Finding, type FindingCode, type FindingText } from './findings.js';
import { type FunctionNode, isFunction, type Node, propertyOf, type SourceModule, wrapped } from './syntax.js';
import type { Discovery, Tagged } from './tagged.js';
import { directive } from './tags.js';

/** The form of names; the same that the runtime enforces for definitions. */
const nameForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Findings about directives that are in no place where they mean something. */
export function checkDirectives(module: SourceModule, { strayDirectives }: Discovery): Finding[] {
  const text = {
    message: `the directive '${directive}' has no effect here`,
    fix: 'make it the first statement of the function that may move; there is none for a whole file',
  };
  return strayDirectives.map(({ range }) => createFinding(module, range, 'GW2006', text));
}

/** Findings about names that are not valid, or given twice in the module: actors and functions share one room for names. */
export function checkNames(module: SourceModule, { tagged }: Discovery): Finding[] {
  const taken = new Set<string>();
  return tagged.flatMap((one) => {
    const { name, place } = one;
    if (name === undefined || place === undefined) return [];
    const key = `${name} v${versionOf(module, one)}`;
    const text = taken.has(key) ? takenName(name) : nameForm.test(name) ? undefined : invalidName(one, name);
    taken.add(key);
    return text === undefined ? [] : [createFinding(module, headOf(one).range, 'GW2003', text)];
  });
}

/** Versions of a definition share its name. */
function versionOf({ code }: SourceModule, { options }: Tagged): string {
  const version = options?.type === 'ObjectExpression' ? propertyOf(options, 'version') : undefined;
  return version === undefined ? '1' : code.slice(...version.range);
}

function takenName(name: string): FindingText {
  return { message: `the name '${name}' is already taken in this module`, fix: 'give it a name of its own', name };
}

function invalidName({ kind }: Tagged, name: string): FindingText {
  return {
    message: `'${name}' is not a valid name: it must be 1 to 128 of A-Z a-z 0-9 . _ - and start with a letter or digit`,
    fix: kind === 'elastic' ? `rename it, or name it: elastic(fn, { name: '…' })` : 'rename it',
    name,
  };
}

/** The finding that this kind of thing, or its place, does not let it move. */
export function checkShape(module: SourceModule, tagged: Tagged): Finding | undefined {
  // A definition without a source stays where it is made; one that is made in a function may be made at the top of its module.
  if (tagged.kind === 'definition' && (!namesItsSource(tagged) || isNested(tagged.node))) return undefined;
  const at = headOf(tagged).range;
  const kind = tagged.kind === 'elastic' ? kindFault(module, tagged) : undefined;
  if (kind !== undefined) return createFinding(module, at, 'GW2004', kind);
  return tagged.place === undefined ? createFinding(module, at, ...placeFault(tagged)) : undefined;
}

/** What a finding about a tagged thing underlines: its name, or the directive, or the tag. */
export function headOf({ node, directive: statement }: Tagged): Node {
  if (node.type === 'CallExpression') return node.callee;
  return node.type === 'FunctionDeclaration' && node.id !== null ? node.id : (statement ?? node);
}

/** How messages call a tagged thing. */
export function titleOf({ kind, name }: Tagged): string {
  const noun = kind === 'elastic' ? 'elastic function' : 'actor definition';
  return name === undefined ? `this ${noun}` : `${noun} '${name}'`;
}

function placeFault(tagged: Tagged): [FindingCode, FindingText] {
  const title = titleOf(tagged);
  if (isNested(tagged.node))
    return [
      'GW2001',
      {
        message: `${title} is not at the top of its module, so no other node can find it`,
        fix: 'move it to the top of the module; pass what it needs as parameters',
      },
    ];
  return ['GW2002', { message: `${title} is not kept under a name by which another node could find it`, fix: 'assign it to a const at the top of the module' }];
}

/** True within a function or a block: not part of the module's own statements. */
function isNested(node: Node): boolean {
  for (let at = node.parent; at !== undefined && at !== null; at = at.parent)
    if (isFunction(at) || at.type === 'BlockStatement' || at.type === 'StaticBlock') return true;
  return false;
}

/** Why a function can never be elastic, wherever it stands. */
function kindFault({ variables }: SourceModule, { node, directive: statement }: Tagged): FindingText | undefined {
  const called = node.type === 'CallExpression' ? node.arguments[0] : node;
  if (called === undefined || !isFunction(called)) return undefined;
  if (called.generator && !called.async)
    return { message: 'a generator that is not async cannot be elastic: its items may come from another node', fix: `write 'async' before it` };
  const holder = holderFault(called);
  if (holder !== undefined) return holder;
  if (statement !== undefined && !called.async)
    return { message: 'an elastic function is async: its result may come from another node', fix: `write 'async' before it, and return a promise` };
  const isNamespace = variables.some(({ defs }) => defs.length > 1 && defs.some((one) => one.node === called) && defs.some(isOfNamespace));
  if (isNamespace)
    return { message: 'a function that is a namespace too cannot be elastic: only the function moves', fix: 'give the namespace a name of its own' };
  return undefined;
}

function isOfNamespace({ node }: { readonly node: Node }): boolean {
  return node.type === 'TSModuleDeclaration';
}

function holderFault(called: FunctionNode): FindingText | undefined {
  const holder = wrapped(called).parent;
  if (holder?.type === 'Property' && holder.kind !== 'init')
    return { message: 'a getter or setter cannot be elastic', fix: 'make it a method, or a function at the top of the module' };
  if (holder?.type !== 'MethodDefinition') return undefined;
  const fix = 'make it a function at the top of the module, with what it needs of the object as parameters';
  if (holder.kind !== 'method') return { message: `a ${holder.kind === 'constructor' ? 'constructor' : 'getter or setter'} cannot be elastic`, fix };
  if (!holder.static) return { message: `a method of an object's class cannot be elastic: it needs 'this', which stays behind`, fix };
  if (holder.key.type === 'PrivateIdentifier') return { message: 'a private method cannot be elastic: nothing outside its class can find it', fix };
  if (hasDecorators(holder)) return { message: 'a method with decorators cannot be elastic: they would not be applied to what runs elsewhere', fix };
  return undefined;
}

function hasDecorators({ decorators }: Partial<TSESTree.MethodDefinition>): boolean {
  return decorators !== undefined && decorators.length > 0;
}

/** True for a definition that says where its source is, so that it is meant to move. */
export function namesItsSource({ options }: Tagged): boolean {
  return options?.type === 'ObjectExpression' && propertyOf(options, 'source') !== undefined;
}
