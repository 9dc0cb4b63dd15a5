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
  if (node.type === 'AwaitExpression' || isClockOrChance(module, node)) return node;
  // What is handed to actor() and elastic() runs later.
  if (isFunction(node) || (node.type === 'CallExpression' && tagOf(module, node) !== undefined)) return undefined;
  // The place is of use where it is written, so it is the call that is shown.
  if (runBy(module, node).some((run) => hostDependence(module, run, seen) !== undefined)) return node;
  for (const child of childrenOf(node)) {
    const found = hostDependence(module, child, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What runs while the call `node` is evaluated: the bodies of what it calls, if that is of this module, and of functions handed to it. */
function runBy(module: SourceModule, node: Node): Node[] {
  if (node.type !== 'CallExpression' && node.type !== 'NewExpression') return [];
  return [node.callee, ...node.arguments].flatMap((part) => {
    const called = unwrapped(part);
    const values = called.type === 'Identifier' ? valuesOf(module.resolved.get(called)) : [called];
    return values.flatMap((value) => (isFunction(value) ? childrenOf(value) : isClass(value) ? value.body.body.flatMap(runByNew) : []));
  });
}

/** What of a class runs when an instance is made. */
function runByNew(member: TSESTree.ClassElement): Node[] {
  if (member.type === 'PropertyDefinition') return member.static || member.value === null ? [] : [member.value];
  return member.type === 'MethodDefinition' && member.kind === 'constructor' ? childrenOf(member.value) : [];
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
