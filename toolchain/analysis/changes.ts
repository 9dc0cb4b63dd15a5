// Whether what a binding of a module names ever changes. Names are followed, aliases are not: what a function does to its parameter is not
// looked at.
import type { Reference, Variable } from '@typescript-eslint/scope-manager';
import type { TSESTree } from '@typescript-eslint/types';
import {
  enclosingFunction,
  type FunctionNode,
  isClass,
  isFunction,
  isWithin,
  keyName,
  memberName,
  type Node,
  referencesIn,
  type SourceModule,
  unwrapped,
  valuesOf,
  walk,
  wrapped,
} from './syntax.js';

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

/** The place where the object that `variable` names is changed: by its name, or by itself. A WeakMap and a WeakSet may change. */
export function mutation(module: SourceModule, variable: Variable): Node | undefined {
  const values = valuesOf(variable);
  if (values.some(isSideTable)) return undefined;
  // A class or a function may well have a static method named `add`.
  const ownMethods = !values.some(isCode);
  const byName = firstOf([variable, ...ownNames(variable)], ({ references }) =>
    firstOf(references, ({ identifier }) => {
      const changed = changeAt(identifier, ownMethods);
      return changed !== undefined && isOwnMethod(module, values, changed) ? undefined : changed;
    }),
  );
  return byName ?? firstOf(values, (value) => changeOfItself(module, value));
}

// Within a class its name is a variable of its own.
function ownNames(variable: Variable): Variable[] {
  const classes: readonly Node[] = valuesOf(variable).filter(isClass);
  return variable.scope.childScopes.filter(({ block }) => classes.includes(block)).flatMap(({ variables }) => variables);
}

// What is kept by the identity of an object ends where that object is left behind: a move cannot tear it apart.
function isSideTable(node: Node): boolean {
  return node.type === 'NewExpression' && node.callee.type === 'Identifier' && (node.callee.name === 'WeakMap' || node.callee.name === 'WeakSet');
}

/** True for a call of a method that is written in this module: whether it changes anything shows there. */
function isOwnMethod(module: SourceModule, values: readonly Node[], call: Node): boolean {
  if (call.type !== 'CallExpression' || call.callee.type !== 'MemberExpression' || unwrapped(call.callee.object).type !== 'Identifier') return false;
  const name = memberName(call.callee);
  return (
    values.length > 0 && values.every((value) => membersOf(module, value).some(({ key, computed }) => name !== undefined && keyName(key, computed) === name))
  );
}

/** The members that an object has by its literal or its class. */
function membersOf(module: SourceModule, value: Node): (TSESTree.Property | TSESTree.MethodDefinition | TSESTree.PropertyDefinition)[] {
  if (value.type === 'ObjectExpression') return value.properties.filter((member) => member.type === 'Property');
  if (value.type !== 'NewExpression' || value.callee.type !== 'Identifier') return [];
  const members = valuesOf(module.resolved.get(value.callee)).flatMap((made) => (isClass(made) ? made.body.body : []));
  return members.filter(
    (member) => (member.type === 'MethodDefinition' || member.type === 'PropertyDefinition') && !member.static,
  ) as TSESTree.MethodDefinition[];
}

function isCode(node: Node): boolean {
  return isFunction(node) || isClass(node);
}

/**
 * The expression that changes the object at `named` (a name, or `this`), if it is changed there.
 * @param ownMethods whether `x.push()` counts; `x.items.push()` always does
 */
export function changeAt(named: Node, ownMethods: boolean): Node | undefined {
  let at = wrapped(named);
  let depth = 0;
  let member: TSESTree.MemberExpression | undefined;
  for (let up = at.parent; up?.type === 'MemberExpression' && up.object === at; up = at.parent) {
    member = up;
    depth += 1;
    at = wrapped(up);
  }
  const parent = at.parent;
  if (parent?.type === 'CallExpression' && parent.callee !== at) return isChangingCall(parent, at) ? parent : undefined;
  if (member === undefined) return undefined;
  if (parent?.type === 'CallExpression') return depth > (ownMethods ? 0 : 1) && changers.has(memberName(member) ?? '') ? parent : undefined;
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

/** The place where what `value` makes changes itself when it is used: by `this` in a method, or by a variable that its functions share. */
function changeOfItself(module: SourceModule, value: Node): Node | undefined {
  if (value.type === 'ObjectExpression')
    return firstOf(value.properties, (property) => (property.type === 'Property' ? changeByThis(property.value) : undefined));
  if (isClass(value)) return firstOf(value.body.body, (member) => ('static' in member && member.static ? changeByMember(member) : undefined));
  if (value.type !== 'NewExpression' && value.type !== 'CallExpression') return undefined;
  const callee = unwrapped(value.callee);
  return firstOf(callee.type === 'Identifier' ? valuesOf(module.resolved.get(callee)) : [callee], (called) => {
    if (isFunction(called)) return changeInClosure(module, called);
    return isClass(called) ? firstOf(called.body.body, (member) => ('static' in member && !member.static ? changeByMember(member) : undefined)) : undefined;
  });
}

function changeByMember(member: TSESTree.ClassElement): Node | undefined {
  if (member.type === 'MethodDefinition') return member.kind === 'constructor' ? undefined : changeByThis(member.value);
  return member.type === 'PropertyDefinition' && member.value !== null ? changeByThis(member.value) : undefined;
}

function changeByThis(method: Node): Node | undefined {
  if (!isFunction(method)) return undefined;
  let changed: Node | undefined;
  walk(method, (node) => {
    if (node.type === 'ThisExpression') changed ??= changeAt(node, false);
    return node === method || (node.type !== 'ClassBody' && (!isFunction(node) || node.type === 'ArrowFunctionExpression'));
  });
  return changed;
}

/** A variable of `called` that a function within it changes: it lives on in what the call gave. */
function changeInClosure(module: SourceModule, called: FunctionNode): Node | undefined {
  return firstOf(referencesIn(module, called), (reference) => {
    const use = reference.identifier;
    const home = enclosingFunction(module.resolved.get(use)?.defs[0].name);
    if (home === undefined || !isWithin(home, called) || enclosingFunction(use) === home) return undefined;
    return reference.isWrite() && reference.init !== true ? use : changeAt(use, true);
  });
}

function firstOf<T>(values: readonly T[], find: (value: T) => Node | undefined): Node | undefined {
  for (const value of values) {
    const found = find(value);
    if (found !== undefined) return found;
  }
  return undefined;
}
