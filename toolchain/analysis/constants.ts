// Whether a module-level binding is the same on every host: never assigned again, never changed, and made by an expression that gives the
// same wherever the module is evaluated. Names are followed, aliases are not: what a function does to its parameter is not looked at.
import type { Reference, Variable } from '@typescript-eslint/scope-manager';
import type { TSESTree } from '@typescript-eslint/types';
import { childrenOf, type FunctionNode, isFunction, isOfModule, memberName, type Node, type SourceModule, unwrapped, wrapped } from './syntax.js';
import { tagOf } from './tags.js';

/** The use that assigns `variable` again, after its declaration. */
export function reassignment(variable: Variable): Reference | undefined {
  return variable.references.find((reference) => reference.isWrite() && reference.init !== true && !isFirstEnumWrite(reference));
}

// What compilers make of an enum: var Colour; (function (Colour) { … })(Colour || (Colour = {}));
function isFirstEnumWrite({ identifier }: Reference): boolean {
  const assignment = identifier.parent;
  return assignment?.type === 'AssignmentExpression' && enumCall(assignment) !== undefined;
}

/** The statement that fills a compiled enum, if `node` is `X = {}` in it. */
export function enumCall(node: Node): TSESTree.CallExpression | undefined {
  const either = node.parent;
  if (either?.type !== 'LogicalExpression' || either.operator !== '||' || either.right !== node) return undefined;
  const call = either.parent;
  return call?.type === 'CallExpression' && isFunction(call.callee) && call.parent.type === 'ExpressionStatement' ? call : undefined;
}

const changers = new Set('add clear copyWithin delete fill pop push reverse set shift sort splice unshift'.split(' '));
const changingFunctions = new Map([
  ['Object', new Set(['assign', 'defineProperties', 'defineProperty', 'setPrototypeOf'])],
  ['Reflect', new Set(['defineProperty', 'deleteProperty', 'set', 'setPrototypeOf'])],
]);

/** The place where the object that `variable` names is changed by its name; a WeakMap and a WeakSet may be. */
export function mutation({ resolved }: SourceModule, variable: Variable): Node | undefined {
  const { defs } = variable;
  const values = defs.flatMap(({ node }) => (node.type === 'VariableDeclarator' && node.init !== null ? [unwrapped(node.init)] : []));
  if (values.some(isSideTable)) return undefined;
  // A class or a function may well have a static method named `add`.
  const methods = defs.every(({ node }) => node.type === 'VariableDeclarator') && !values.some(isCode);
  for (const [use, named] of resolved) {
    const changed = named === variable || isOwnName(named, variable) ? changeAt(use, methods) : undefined;
    if (changed !== undefined) return changed;
  }
  return undefined;
}

// Within a class its name is a variable of its own.
function isOwnName(inner: Variable, { defs: [outer] }: Variable): boolean {
  return (outer.type as string) === 'ClassName' && inner.defs.some(({ type, node }) => (type as string) === 'ClassName' && node === outer.node);
}

// What is kept by the identity of an object ends where that object is left behind: a move cannot tear it apart.
function isSideTable(node: Node): boolean {
  return node.type === 'NewExpression' && node.callee.type === 'Identifier' && (node.callee.name === 'WeakMap' || node.callee.name === 'WeakSet');
}

function isCode(node: Node): boolean {
  return isFunction(node) || node.type === 'ClassExpression';
}

/** The expression that changes the object named at `identifier`, if it is changed there. @param methods whether calls like `x.push()` count */
export function changeAt(identifier: Node, methods: boolean): Node | undefined {
  let at = wrapped(identifier);
  let member: TSESTree.MemberExpression | undefined;
  for (let up = at.parent; up?.type === 'MemberExpression' && up.object === at; up = at.parent) {
    member = up;
    at = wrapped(up);
  }
  const parent = at.parent;
  if (parent?.type === 'CallExpression') {
    if (parent.callee !== at) return member === undefined && isChangingCall(parent, at) ? parent : undefined;
    return methods && member !== undefined && changers.has(memberName(member) ?? '') ? parent : undefined;
  }
  if (member === undefined) return undefined;
  if (parent?.type === 'UpdateExpression' || (parent?.type === 'UnaryExpression' && parent.operator === 'delete')) return parent;
  return isAssigned(at) ? at : undefined;
}

function isChangingCall({ callee, arguments: [first] }: TSESTree.CallExpression, argument: Node): boolean {
  return (
    first === argument &&
    callee.type === 'MemberExpression' &&
    callee.object.type === 'Identifier' &&
    changingFunctions.get(callee.object.name)?.has(memberName(callee) ?? '') === true
  );
}

/** True for the left side of an assignment, however deep in a pattern, and for what a loop assigns. */
function isAssigned(node: Node): boolean {
  const parent = node.parent;
  switch (parent?.type) {
    case 'AssignmentExpression':
    case 'ForOfStatement':
    case 'ForInStatement':
      return parent.left === node;
    case 'AssignmentPattern':
      return parent.left === node && isAssigned(parent);
    case 'ArrayPattern':
    case 'RestElement':
      return isAssigned(parent);
    case 'Property':
      return parent.value === node && parent.parent.type === 'ObjectPattern' && isAssigned(parent.parent);
    default:
      return false;
  }
}

/**
 * What makes the value of `expression` differ from host to host or from start to start: the clock, chance, or waiting. Module functions that it
 * calls are looked into; those that it only makes are not.
 */
export function hostDependence(module: SourceModule, expression: Node, seen = new Set<Node>()): Node | undefined {
  const node = unwrapped(expression);
  if (seen.has(node)) return undefined;
  seen.add(node);
  if (node.type === 'AwaitExpression' || isClockOrChance(module, node)) return node;
  // What is handed to actor() and elastic() runs later.
  if (isFunction(node) || (node.type === 'CallExpression' && tagOf(module, node) !== undefined)) return undefined;
  for (const called of calledBy(module, node)) {
    const found = inBody(module, called, seen);
    // The place is of use where it is written, so it is the call that is shown.
    if (found !== undefined) return node;
  }
  for (const child of childrenOf(node)) {
    const found = hostDependence(module, child, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The functions that run while `node` is evaluated: the callee, if it is of this module, and functions handed to it. */
function calledBy(module: SourceModule, node: Node): FunctionNode[] {
  if (node.type !== 'CallExpression' && node.type !== 'NewExpression') return [];
  return [node.callee, ...node.arguments].flatMap((part) => {
    const called = unwrapped(part);
    if (isFunction(called)) return [called];
    return called.type === 'Identifier' ? valuesOf(module.resolved.get(called)).filter(isFunction) : [];
  });
}

/** What `variable` was declared as: the values of constants, the declarations of functions and classes. */
export function valuesOf(variable: Variable | undefined): Node[] {
  if (variable === undefined || !isOfModule(variable)) return [];
  return variable.defs.flatMap(({ node }) => (node.type !== 'VariableDeclarator' ? [node] : node.init === null ? [] : [unwrapped(node.init)]));
}

function inBody(module: SourceModule, called: FunctionNode, seen: Set<Node>): Node | undefined {
  if (seen.has(called)) return undefined;
  seen.add(called);
  for (const child of childrenOf(called)) {
    const found = hostDependence(module, child, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isClockOrChance(module: SourceModule, node: Node): boolean {
  if (node.type === 'MemberExpression' && isGlobal(module, node.object)) {
    const name = `${node.object.name}.${memberName(node)}`;
    return name === 'Math.random' || name === 'Date.now' || node.object.name === 'performance' || node.object.name === 'crypto';
  }
  return node.type === 'NewExpression' && isGlobal(module, node.callee) && node.callee.name === 'Date' && node.arguments.length === 0;
}

function isGlobal(module: SourceModule, node: Node): node is TSESTree.Identifier {
  return node.type === 'Identifier' && module.resolved.get(node) === undefined;
}
