// Makes of a tagged module what a node runs: the directive becomes a call of elastic(), and every tag is told its name and source.
// A declared function keeps its hoisted declaration under a local name; the elastic function stands right behind the imports, so that it is
// there before any other statement of the module runs:
//
//   export async function resize(…) { 'use elastic'; … }   →   export const resize = elastic(resize$local, { name: 'resize', source: … });
//                                                              async function resize$local(…) { … }
//
// Everything that is kept stays in its place, so that the source map is exact.

import type { TSESTree } from '@typescript-eslint/types';
import type MagicString from 'magic-string';
import { exportsOf, reservedExport } from './exports.js';
import { type FunctionNode, isFunction, keyName, type Node, propertyOf, referencesIn, type SourceModule, wrapped } from './syntax.js';
import type { Tagged } from './tagged.js';

/** Which of the two builds: 'device' tells every tag its source; 'edge' exports every tag. */
export type Side = 'device' | 'edge';

/** What {@link rewrite} does its work on. */
export interface Rewriting {
  readonly module: SourceModule;
  readonly tagged: readonly Tagged[];
  readonly text: MagicString;
  readonly side: Side;
}

/** Rewrites every tag of a module that has no findings. */
export function rewrite(rewriting: Rewriting): void {
  const { module, tagged, text, side } = rewriting;
  const exports = exportsOf(module.program);
  const rewriter = new Rewriter(rewriting);
  for (const one of tagged) rewriter.tag(one);
  const head = rewriter.head;
  if (head.length > 0) insertHead(text, module, head.join('\n'));
  const added = side === 'edge' ? tagged.flatMap((one) => reservedExport(one, exports) ?? []) : [];
  if (added.length > 0) text.append(`\n${added.join('\n')}\n`);
}

class Rewriter {
  /** Statements to be put behind the imports. */
  readonly head: string[] = [];
  private readonly elastic: string;

  constructor(private readonly given: Rewriting) {
    this.elastic = this.unused('elastic$');
  }

  tag(tagged: Tagged): void {
    const { node, directive, place } = tagged;
    if (place === undefined) return;
    if (node.type === 'CallExpression') {
      this.call(tagged, node);
      return;
    }
    if (directive !== undefined) this.given.text.remove(...directive.range);
    if (this.head.length === 0) this.head.push(`import { elastic as ${this.elastic} } from 'godwit';`);
    const options = this.options(tagged, []);
    if (node.type === 'FunctionDeclaration') this.declaration(node, options);
    else this.expression(node, options);
  }

  /** `elastic(fn, …)`, `actor('…', …)` and so on: adds what their options lack. */
  private call(tagged: Tagged, node: TSESTree.CallExpression): void {
    const { text } = this.given;
    const { options: given, tag } = tagged;
    const last = node.arguments.at(-1);
    const present = given?.type === 'ObjectExpression' ? ['name', 'source'].filter((key) => propertyOf(given, key) !== undefined) : [];
    const options = this.options(tagged, present);
    if (last === undefined || options === '') return;
    if (given !== undefined) {
      if (given.type === 'ObjectExpression') text.appendLeft(given.range[0] + 1, given.properties.length > 0 ? ` ${options},` : ` ${options} `);
      else text.appendLeft(given.range[0], `{ ${options}, ...`).appendRight(given.range[1], ' }');
    } else if (node.arguments.length === tag?.optionsAt) {
      text.appendLeft(node.range[1] - 1, `${this.endsInComma(last, node) ? '' : ','} { ${options} }`);
    }
  }

  /** True for `f(x,)`, whatever parentheses and comments are about. */
  private endsInComma(last: Node, { range: [, end] }: TSESTree.CallExpression): boolean {
    return withoutComments(this.given.module.code.slice(last.range[1], end)).includes(',');
  }

  /** Properties for the options of a tag. */
  private options({ kind, name }: Tagged, present: readonly string[]): string {
    const { side } = this.given;
    const options: string[] = [];
    if (kind === 'elastic' && !present.includes('name')) options.push(`name: ${JSON.stringify(name)}`);
    if (side === 'device' && !present.includes('source')) options.push('source: import.meta.url');
    return options.join(', ');
  }

  private declaration(node: TSESTree.FunctionDeclaration, options: string): void {
    const { text, module } = this.given;
    const name = node.id?.name;
    const local = this.unused(`${name ?? 'default'}$local`);
    const outer = name ?? this.unused('default$elastic');
    const { parent } = node;
    const isDefault = parent.type === 'ExportDefaultDeclaration';
    const isExported = parent.type === 'ExportNamedDeclaration';
    this.head.push(`${isExported ? 'export ' : ''}const ${outer} = /* @__PURE__ */ ${this.elastic}(${local}, { ${options} });`);
    if (isDefault) this.head.push(`export { ${outer} as default };`);
    if (isDefault || isExported) text.remove(parent.range[0], node.range[0]);
    if (node.id === null) {
      text.appendLeft(afterKeyword(module.code, node), ` ${local}`);
      return;
    }
    for (const overload of overloadsOf(module.program, node.id.name)) this.overload(overload, local);
    text.update(...node.id.range, local);
    this.ownCalls(node, local);
  }

  private overload(node: TSESTree.TSDeclareFunction, local: string): void {
    const { text } = this.given;
    const { parent, id } = node;
    if (parent.type !== 'Program') text.remove(parent.range[0], node.range[0]);
    if (id !== null) text.update(...id.range, local);
  }

  /** A function that calls itself stays where it runs. */
  private ownCalls(node: TSESTree.FunctionDeclaration, local: string): void {
    const { text, module } = this.given;
    for (const { identifier: use } of referencesIn(module, node)) {
      if (module.resolved.get(use)?.defs.some(({ type, node: declared }) => (type as string) === 'FunctionName' && declared === node) !== true) continue;
      const isShorthand = use.parent?.type === 'Property' && use.parent.shorthand;
      if (isShorthand) text.appendLeft(use.range[1], `: ${local}`);
      else text.update(...use.range, local);
    }
  }

  private expression(node: FunctionNode, options: string): void {
    const { text, module } = this.given;
    const open = `/* @__PURE__ */ ${this.elastic}(`;
    const holder = wrapped(node).parent;
    const isMethod = holder?.type === 'MethodDefinition' || (holder?.type === 'Property' && holder.method);
    if (!isMethod) {
      text.appendLeft(node.range[0], open).appendRight(node.range[1], `, { ${options} })`);
      return;
    }
    const [keyStart, keyEnd] = holder.key.range;
    const written = module.code.slice(keyStart, keyEnd);
    const key = holder.computed ? `[${written}]` : written;
    const inClass = holder.type === 'MethodDefinition';
    text.update(
      holder.range[0],
      holder.computed ? offsetOf(module.code, ']', keyEnd) + 1 : keyEnd,
      `${inClass ? `static ${key} =` : `${key}:`} ${open}async function${node.generator ? '*' : ''} `,
    );
    text.appendRight(node.range[1], `, { ${options} })${inClass ? ';' : ''}`);
    if (inClass) for (const { range } of signaturesOf(holder)) text.remove(...range);
  }

  /** A name that does not occur in the module. */
  private unused(name: string): string {
    let found = name;
    while (this.given.module.code.includes(found)) found += '$';
    return found;
  }
}

/** Behind the directives and imports with which the module begins. */
function insertHead(text: MagicString, { program, code }: SourceModule, head: string): void {
  const rest = program.body.findIndex(
    (statement) => statement.type !== 'ImportDeclaration' && !('directive' in statement && typeof statement.directive === 'string'),
  );
  const last = program.body[(rest < 0 ? program.body.length : rest) - 1];
  if (last !== undefined) {
    text.appendRight(last.range[1], `\n${head}`);
    return;
  }
  // Not before `#!…`.
  const begin = code.startsWith('#!') ? code.indexOf('\n') + 1 : 0;
  text.appendRight(begin, `${head}\n`);
}

function afterKeyword(code: string, { range, typeParameters }: TSESTree.FunctionDeclaration): number {
  return typeParameters?.range[0] ?? offsetOf(code, '(', range[0]);
}

/** Where `mark` stands first behind `from`, comments left out; no string or pattern lies between. */
function offsetOf(code: string, mark: string, from: number): number {
  return from + withoutComments(code.slice(from)).indexOf(mark);
}

/** Comments become spaces, so that all else keeps its offset. */
function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, (comment) => ' '.repeat(comment.length));
}

function overloadsOf({ body }: TSESTree.Program, name: string): TSESTree.TSDeclareFunction[] {
  return body.flatMap((statement) => {
    const declared = statement.type === 'ExportNamedDeclaration' || statement.type === 'ExportDefaultDeclaration' ? statement.declaration : statement;
    return declared?.type === 'TSDeclareFunction' && declared.id?.name === name ? [declared] : [];
  });
}

function signaturesOf(method: TSESTree.MethodDefinition): Node[] {
  const name = keyName(method.key, method.computed);
  return method.parent.body.filter(
    (member) => member.type === 'MethodDefinition' && member.static && !isFunction(member.value) && keyName(member.key, member.computed) === name,
  );
}
