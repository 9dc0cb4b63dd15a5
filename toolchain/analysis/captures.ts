// The rules about what may be captured (GW1…). Whatever may move runs in another process too, where its module is evaluated anew: it may use
// what is the same there, and nothing else. What it captures is followed through the module, transitively; imports are followed by the bundler.
import { builtinModules } from 'node:module';
import type { Reference, Variable } from '@typescript-eslint/scope-manager';
import type { TSESTree } from '@typescript-eslint/types';
import { changeAt, mutation, reassignment } from './changes.js';
import { hostDependence } from './constants.js';
import { createFinding, type Finding, type FindingCode, type FindingText, placeAt } from './findings.js';
import { guestGlobals, insteadOf } from './guest-globals.js';
import { namesItsSource, titleOf } from './shape.js';
import {
  childrenOf,
  enclosingFunction,
  type FunctionNode,
  freeReferences,
  isFeatureTest,
  isFunction,
  isOfModule,
  keyName,
  memberName,
  type Node,
  propertyOf,
  type SourceModule,
  stringOf,
  unwrapped,
  valuesOf,
  walk,
  wrapped,
} from './syntax.js';
import type { Tagged } from './tagged.js';
import { tagOf } from './tags.js';

const builtins = new Set(builtinModules);
/** Entry points of ours that run on Node alone; `godwit` itself runs everywhere. */
const nodeEntries = /^(godwit\/(device|edge|build|lint)|#(device-node|edge-node|toolchain))$/;

/** Findings about everything that `tagged` captures. A name that is refused is reported once for each thing that captures it. */
export function checkCaptures(module: SourceModule, tagged: Tagged, all: readonly Tagged[]): Finding[] {
  // A definition made in a function moves if that is called at the top of the module; if it names no source it stays.
  if (tagged.kind === 'definition' && tagged.place === undefined && !namesItsSource(tagged)) return [];
  const check = new CaptureCheck(module, titleOf(tagged), tagged, new Set(all.map(({ node }) => node)));
  for (const root of rootsOf(tagged)) check.follow(root, []);
  for (const called of calledAlone(module, tagged)) check.callersOnly(called);
  return check.findings();
}

/** True if what may move could capture what `node` declares, or the value of that expression. */
export function mayBeCaptured(module: SourceModule, node: Node, all: readonly Tagged[]): boolean {
  const check = new CaptureCheck(module, 'an export', undefined, new Set(all.map((one) => one.node)), 1);
  const declared = module.variables.filter(({ defs }) => defs.some((definition) => definition.node === node));
  for (const variable of declared) check.captured(node, variable, []);
  if (declared.length === 0) check.follow(node, []);
  return !check.isOver && (declared.length > 0 || hostDependence(module, node) === undefined);
}

function rootsOf({ node }: Tagged): readonly Node[] {
  return node.type === 'CallExpression' ? node.arguments : [node];
}

/** The functions that the runtime calls, with no receiver: an elastic function itself, the functions among the options of a definition. */
function calledAlone(module: SourceModule, { kind, node, options }: Tagged): FunctionNode[] {
  if (node.type !== 'CallExpression') return [node];
  const seen = new Set<Node>();
  // The function of an actor of nact's kind is called with its context as `this`.
  const called = kind === 'elastic' ? node.arguments : options === undefined ? [] : [options];
  return called.flatMap((argument) => functionsIn(module, argument, seen));
}

function functionsIn(module: SourceModule, expression: Node, seen: Set<Node>): FunctionNode[] {
  const node = unwrapped(expression);
  if (seen.has(node)) return [];
  seen.add(node);
  if (isFunction(node)) return [node];
  if (node.type === 'Identifier') return valuesOf(module.resolved.get(node)).flatMap((value) => functionsIn(module, value, seen));
  return node.type === 'ObjectExpression'
    ? node.properties.flatMap((property) => (property.type === 'Property' ? functionsIn(module, property.value, seen) : []))
    : [];
}

/** A finding whose place is not worked out yet. */
interface Fault {
  readonly node: Node;
  readonly code: FindingCode;
  readonly text: FindingText;
}

class CaptureCheck {
  private readonly faults: Fault[] = [];
  private readonly followed = new Set<Node | Variable>();
  private readonly refusedGlobals = new Set<string>();
  private readonly enclosing: FunctionNode | undefined;

  constructor(
    private readonly module: SourceModule,
    private readonly title: string,
    private readonly tagged: Tagged | undefined,
    private readonly others: ReadonlySet<Node>,
    /** So many faults are enough. */
    private readonly maxFaults = Number.POSITIVE_INFINITY,
  ) {
    this.enclosing = tagged && enclosingFunction(tagged.node);
  }

  /** True if enough was found. */
  get isOver(): boolean {
    return this.faults.length >= this.maxFaults;
  }

  findings(): Finding[] {
    return this.faults.map(({ node, code, text }) => createFinding(this.module, node.range, code, text));
  }

  /** Checks what `node` captures. @param way the names that lead to it */
  follow(node: Node, way: readonly string[]): void {
    if (this.followed.has(node)) return;
    this.followed.add(node);
    for (const reference of freeReferences(this.module, node)) {
      if (this.isOver) return;
      const variable = this.module.resolved.get(reference.identifier);
      if (isSource(this.module, reference.identifier) && valuesOf(variable).some(isImportMetaUrl)) continue;
      if (variable === undefined || isAmbient(variable)) this.global(reference, way);
      else this.captured(reference.identifier, variable, way);
    }
    walk(node, (below) => {
      if (below.type === 'ImportExpression') this.importedLater(below, way);
      if (below.type === 'MetaProperty' && below.meta.name === 'import' && !isSource(this.module, below)) this.importMeta(below, way);
      return true;
    });
  }

  /** Refuses what a function gets from the way it is called. */
  callersOnly(called: FunctionNode): void {
    for (const child of childrenOf(called)) {
      walk(child, (node) => {
        const name = callerName(node);
        if (name !== undefined) {
          this.add(node, 'GW1005', `uses '${name}', which another node does not have`, 'pass what you need as a parameter', name);
        }
        return node.type !== 'ClassBody' && (!isFunction(node) || node.type === 'ArrowFunctionExpression');
      });
    }
  }

  /** Checks a variable that is captured at `use`. */
  captured(use: Node, named: Variable, way: readonly string[]): void {
    const variable = outsideOf(this.module, named);
    if (this.followed.has(variable)) return;
    this.followed.add(variable);
    if (!isOfModule(variable)) {
      this.ofFunction(use, variable);
      return;
    }
    const [definition] = variable.defs;
    const from = importedFrom(definition.node);
    if (from !== undefined) {
      this.imported(use, variable.name, from, way);
      return;
    }
    if (this.isTagged(definition.node)) return;
    if (this.refuseChanging(use, variable, way)) return;
    if (definition.node.type === 'VariableDeclarator') this.constant(use, variable.name, definition.node, way);
    else for (const { node } of variable.defs) this.declared(use, variable, node, way);
  }

  /** A function, class, enum or namespace. */
  private declared(use: Node, { name, scope }: Variable, node: Node, way: readonly string[]): void {
    const dependent = hostDependence(this.module, node);
    if (dependent !== undefined) this.dependent(use, name, dependent, way);
    this.follow(node, [...way, name]);
    // The variables of a namespace live as long as those of the module.
    const inside = node.type === 'TSModuleDeclaration' ? scope.childScopes.filter(({ block }) => block === node) : [];
    for (const variable of inside.flatMap(({ variables }) => variables)) this.captured(use, variable, [...way, name]);
  }

  /** Captured from a function around. What a factory of definitions is called with is the same wherever its module is evaluated. */
  private ofFunction(use: Node, variable: Variable): void {
    if (this.tagged?.kind === 'definition' && this.enclosing !== undefined) {
      this.refuseChanging(use, variable, []);
      return;
    }
    const where = this.enclosing === undefined ? 'the block around it' : 'the function around it';
    this.add(
      use,
      'GW1002',
      `captures '${variable.name}' of ${where}`,
      `pass '${variable.name}' as a parameter, and move the function to the top of the module`,
      variable.name,
    );
  }

  private refuseChanging(use: Node, variable: Variable, way: readonly string[]): boolean {
    const { name } = variable;
    const keep = 'keep it in the state of an actor, or pass it as a parameter';
    const assigned = reassignment(variable);
    if (assigned !== undefined) {
      this.capture(use, name, 'GW1001', `which changes (line ${this.lineOf(assigned.identifier)})`, keep, way);
      return true;
    }
    const changed = mutation(this.module, variable);
    if (changed === undefined) return false;
    const fix = `never change '${name}' (build it in one expression), or ${keep}`;
    this.capture(use, name, 'GW1003', `whose contents change (line ${this.lineOf(changed)})`, fix, way);
    return true;
  }

  private constant(use: Node, name: string, { init, parent, id }: TSESTree.VariableDeclarator, way: readonly string[]): void {
    const { kind } = parent;
    const isResource = kind === 'using' || kind === 'await using';
    const dependent = isResource ? id : init === null ? undefined : hostDependence(this.module, init);
    if (dependent !== undefined) this.dependent(use, name, dependent, way, isResource);
    else if (init !== null) this.follow(init, [...way, name]);
  }

  private dependent(use: Node, name: string, on: Node, way: readonly string[], isResource = false): void {
    const why = isResource ? 'which is disposed of here' : `whose value differs from host to host (line ${this.lineOf(on)})`;
    this.capture(use, name, 'GW1004', why, 'compute it where it is used, or pass it as a parameter', way);
  }

  private imported(use: Node, name: string, from: string, way: readonly string[]): void {
    const isBuiltin = from.startsWith('node:') || builtins.has(from);
    if (!isBuiltin && !nodeEntries.test(from)) return;
    const fix = 'do it on the device and pass the result as a parameter, or put it behind a host function';
    this.capture(use, name, 'GW1008', `from ${from}, which only ${isBuiltin ? 'Node' : 'a device or an edge'} has`, fix, way);
  }

  private importedLater(node: TSESTree.ImportExpression, way: readonly string[]): void {
    const { source } = node;
    if (source.type === 'Literal' && typeof source.value === 'string') this.imported(source, 'import()', source.value, way);
    else this.capture(source, 'import()', 'GW1008', 'of a module that is known only when it runs', 'import it by a name that is written out', way);
  }

  private global({ identifier: node }: Reference, way: readonly string[]): void {
    const { name } = node;
    if (isFeatureTest(node) || this.refusedGlobals.has(name)) return;
    if (!guestGlobals.has(name)) {
      this.refusedGlobals.add(name);
      this.add(node, 'GW1007', `captures the global '${name}'${byWay(way)}, which may not be used in a guest`, insteadOf(name), name);
      return;
    }
    const member = wrapped(node).parent;
    const changed = changeAt(node, false);
    if (changed !== undefined) {
      this.add(changed, 'GW1003', `changes the global '${name}'${byWay(way)}`, 'keep what must last in the state of an actor', name);
    } else if (name === 'globalThis' && member?.type === 'MemberExpression' && !guestGlobals.has(memberName(member) ?? 'Object') && !isFeatureTest(member)) {
      const full = `globalThis.${memberName(member)}`;
      this.add(member, 'GW1007', `captures the global '${full}'${byWay(way)}, which may not be used in a guest`, insteadOf(memberName(member) ?? ''), full);
    }
  }

  private importMeta(node: Node, way: readonly string[]): void {
    this.add(node, 'GW1006', `captures 'import.meta'${byWay(way)}, which is another one in a bundle`, 'pass what you need of it as a parameter', 'import.meta');
  }

  private capture(use: Node, name: string, code: FindingCode, why: string, fix: string, way: readonly string[]): void {
    this.add(use, code, `captures '${name}'${byWay(way)}, ${why}`, fix, name);
  }

  private add(node: Node, code: FindingCode, what: string, fix: string, name: string): void {
    this.faults.push({ node, code, text: { message: `${this.title} ${what}`, fix, name } });
  }

  private lineOf(node: Node): number {
    return placeAt(this.module.code, node.range[0]).line;
  }

  /** What is tagged itself is checked by itself. */
  private isTagged(definition: Node): boolean {
    const value = definition.type === 'VariableDeclarator' && definition.init !== null ? unwrapped(definition.init) : definition;
    return this.others.has(value);
  }
}

function byWay(way: readonly string[]): string {
  return way.length === 0 ? '' : ` by way of ${way.map((name) => `'${name}'`).join(' → ')}`;
}

/** Within a class its name is a variable of its own: the one of the module that holds the class. */
function outsideOf({ variables }: SourceModule, variable: Variable): Variable {
  if ((variable.scope.type as string) !== 'class') return variable;
  return variables.find((one) => valuesOf(one).includes(variable.scope.block)) ?? variable;
}

/** The module from which `node` imports a name, by `import` or by TypeScript's `import x = require()`. */
function importedFrom(node: Node): string | undefined {
  if (node.type === 'TSImportEqualsDeclaration') {
    const { moduleReference: reference } = node;
    return reference.type === 'TSExternalModuleReference' ? stringOf(reference.expression) : undefined;
  }
  return node.parent?.type === 'ImportDeclaration' ? node.parent.source.value : undefined;
}

/** `declare const x` promises a global. */
function isAmbient({ defs }: Variable): boolean {
  return (
    defs.length > 0 &&
    defs.every(({ node, parent }) => (node as { declare?: boolean }).declare === true || (parent as { declare?: boolean } | null)?.declare === true)
  );
}

/** `source: import.meta.url` among the options of a tag tells where it is; a program in a guest has no use for it. */
function isSource(module: SourceModule, node: Node): boolean {
  const value = node.parent?.type === 'MemberExpression' ? wrapped(node.parent) : node;
  const property = value.parent;
  if (property?.type !== 'Property' || property.value !== value || keyName(property.key, property.computed) !== 'source') return false;
  const options = property.parent;
  const call = wrapped(options).parent;
  return (
    options.type === 'ObjectExpression' &&
    ((call?.type === 'CallExpression' && tagOf(module, call) !== undefined) ||
      (propertyOf(options, 'state') !== undefined && propertyOf(options, 'on') !== undefined))
  );
}

function isImportMetaUrl(node: Node): boolean {
  return node.type === 'MemberExpression' && node.object.type === 'MetaProperty' && memberName(node) === 'url';
}

function callerName(node: Node): string | undefined {
  switch (node.type) {
    case 'ThisExpression':
      return 'this';
    case 'Super':
      return 'super';
    case 'MetaProperty':
      return node.meta.name === 'new' ? 'new.target' : undefined;
    case 'MemberExpression':
      return node.object.type === 'Identifier' && node.object.name === 'arguments' && memberName(node) === 'callee' ? 'arguments.callee' : undefined;
    default:
      return undefined;
  }
}
