// Whether an expression gives the same wherever and whenever its module is evaluated.
import type { TSESTree } from '@typescript-eslint/types';
import { childrenOf, isClass, isFunction, memberName, type Node, type SourceModule, unwrapped, valuesOf } from './syntax.js';
import { tagOf } from './tags.js';

/**
 * What makes the value of `expression` differ from host to host or from start to start: the clock, chance, or waiting. Module functions that it
 * calls are looked into; those that it only makes are not.
 */
export function hostDependence(module: SourceModule, expression: Node, seen = new Set<Node>()): Node | undefined {
  const node = unwrapped(expression);
  if (seen.has(node)) return undefined;
  seen.add(node);
  if (node.type === 'AwaitExpression' || isReading(module, node)) return node;
  // What is handed to actor() and elastic() runs later.
  if (isFunction(node) || (node.type === 'CallExpression' && tagOf(module, node) !== undefined)) return undefined;
  // The place is of use where it is written, so it is the call that is shown.
  const called = calledBy(module, node);
  if (called.some((value) => isClock(module, value)) || called.flatMap(bodyOf).some((run) => hostDependence(module, run, seen) !== undefined)) return node;
  for (const child of isClass(node) ? node.body.body.flatMap(runByClass) : childrenOf(node)) {
    const found = hostDependence(module, child, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What the call `node` may call while it is evaluated: what it names, and the functions handed to it. */
function calledBy(module: SourceModule, node: Node): Node[] {
  if (node.type !== 'CallExpression' && node.type !== 'NewExpression') return [];
  return [node.callee, ...node.arguments].flatMap((part) => {
    const called = unwrapped(part);
    return called.type === 'Identifier' ? valuesOf(module.resolved.get(called)) : [called];
  });
}

/** What runs when `called` is called or made, if that is of this module. */
function bodyOf(called: Node): Node[] {
  if (isFunction(called)) return childrenOf(called);
  return isClass(called) ? called.body.body.flatMap(runByNew) : [];
}

/** What of a class runs when an instance is made. */
function runByNew(member: TSESTree.ClassElement): Node[] {
  if (member.type === 'PropertyDefinition') return member.static || member.value === null ? [] : [member.value];
  return member.type === 'MethodDefinition' && member.kind === 'constructor' ? childrenOf(member.value) : [];
}

/** What of a class runs when the class itself is made. */
function runByClass(member: TSESTree.ClassElement): Node[] {
  if (member.type === 'StaticBlock') return member.body;
  return member.type === 'PropertyDefinition' && member.static && member.value !== null ? [member.value] : [];
}

const clocks = new Set(['Date.now', 'Math.random', 'performance.now']);

/** True for a function that reads the clock or makes chance; only a call of it does so. */
function isClock(module: SourceModule, node: Node): boolean {
  if (node.type !== 'MemberExpression' || !isGlobal(module, node.object)) return false;
  return clocks.has(`${node.object.name}.${memberName(node)}`) || node.object.name === 'crypto';
}

function isReading(module: SourceModule, node: Node): boolean {
  if (node.type === 'NewExpression') return isGlobal(module, node.callee) && node.callee.name === 'Date' && node.arguments.length === 0;
  if (node.type === 'CallExpression') return isGlobal(module, node.callee) && node.callee.name === 'Date';
  if (node.type !== 'MemberExpression') return false;
  if (isClock(module, node.object)) return memberName(node) === 'call' || memberName(node) === 'apply';
  return isGlobal(module, node.object) && node.object.name === 'performance' && !isClock(module, node);
}

function isGlobal(module: SourceModule, node: Node): node is TSESTree.Identifier {
  return node.type === 'Identifier' && module.resolved.get(node) === undefined;
}
