// Finds what may move in a module, and where the rest of a program can find it: the place that gives it its name.
import type { TSESTree } from '@typescript-eslint/types';
import { type FunctionNode, isFunction, keyName, memberName, type Node, propertyOf, type SourceModule, stringOf, walk, wrapped } from './syntax.js';
import { directive, directiveOf, type Tag, tagOf } from './tags.js';

/** An actor definition or an elastic function, as it is written. */
export interface Tagged {
  readonly kind: 'definition' | 'elastic';
  /** The call of the tag, or the function that begins with the directive. */
  readonly node: TSESTree.CallExpression | FunctionNode;
  /** The directive, if that is the tag. */
  readonly directive: TSESTree.ExpressionStatement | undefined;
  /** The tag that is called; undefined if it is the directive. */
  readonly tag: Tag | undefined;
  /** The argument of the call that has the options, if there is one. */
  readonly options: Node | undefined;
  /** What it is called; undefined if it is not written out, or not to be had. */
  readonly name: string | undefined;
  /** Undefined if it is not at the top of the module, in a place with a name. */
  readonly place: Place | undefined;
}

/** Where something at the top of a module is kept: in a binding, or in a property of what a binding holds. */
export interface Place {
  /** What the module calls it; undefined for an anonymous default export. */
  readonly binding: string | undefined;
  /** Properties from the binding inwards. */
  readonly path: readonly string[];
}

/** What {@link discover} finds: in order of place. */
export interface Discovery {
  readonly tagged: readonly Tagged[];
  /** Directives that are in no place where they mean something. */
  readonly strayDirectives: readonly Node[];
}

/** Everything in a module that may move. */
export function discover(module: SourceModule): Discovery {
  const tagged: Tagged[] = [];
  const directives = new Set<Node>();
  const strayDirectives: Node[] = [];
  walk(module.program, (node) => {
    if (isFunction(node)) {
      const found = directiveOf(node);
      if (found !== undefined) {
        directives.add(found);
        if (!isArgumentOfElastic(module, node)) tagged.push(taggedByDirective(node, found));
      }
    } else if (node.type === 'CallExpression') {
      const tag = tagOf(module, node);
      if (tag !== undefined) tagged.push(taggedByCall(node, tag));
    } else if (node.type === 'ExpressionStatement' && node.expression.type === 'Literal' && node.expression.value === directive && !directives.has(node)) {
      strayDirectives.push(node);
    }
    return true;
  });
  return { tagged, strayDirectives };
}

function isArgumentOfElastic(module: SourceModule, node: FunctionNode): boolean {
  const { parent } = wrapped(node);
  return parent?.type === 'CallExpression' && tagOf(module, parent)?.kind === 'elastic';
}

function taggedByDirective(node: FunctionNode, found: TSESTree.ExpressionStatement): Tagged {
  const place = node.type === 'FunctionDeclaration' ? placeOfDeclaration(node) : placeOf(node);
  return { kind: 'elastic', node, directive: found, tag: undefined, options: undefined, name: nameOf(place), place };
}

function taggedByCall(node: TSESTree.CallExpression, tag: Tag): Tagged {
  const { kind, optionsAt } = tag;
  const [first, options, place] = [node.arguments[0], node.arguments[optionsAt], placeOf(node)];
  const name = kind === 'definition' ? stringOf(first) : (givenName(options) ?? nameOf(place));
  return { kind, node, directive: undefined, tag, options, name, place };
}

/** The name among the options of an elastic function. */
function givenName(options: Node | undefined): string | undefined {
  return options?.type === 'ObjectExpression' ? stringOf(propertyOf(options, 'name')) : undefined;
}

function nameOf(place: Place | undefined): string | undefined {
  return place && [place.binding ?? 'default', ...place.path].join('.');
}

/** The place of a function or class that is declared. */
function placeOfDeclaration(node: TSESTree.FunctionDeclaration | TSESTree.ClassDeclaration, path: readonly string[] = []): Place | undefined {
  const isDefault = node.parent.type === 'ExportDefaultDeclaration';
  if (!isDefault && !isTopStatement(node)) return undefined;
  // What an anonymous default export contains cannot be reached by a name.
  return node.id === null && path.length > 0 ? undefined : { binding: node.id?.name, path };
}

/** The place of an expression. */
function placeOf(expression: Node): Place | undefined {
  const path: string[] = [];
  let at = wrapped(expression);
  for (;;) {
    const parent = at.parent;
    if (parent?.type === 'Property' || parent?.type === 'PropertyDefinition' || parent?.type === 'MethodDefinition') {
      const key = keyName(parent.key, parent.computed);
      if (key === undefined || parent.value !== at || !holdsPlainly(parent)) return undefined;
      path.unshift(key);
      const holder = parent.parent.type === 'ClassBody' ? parent.parent.parent : parent.parent;
      if (holder.type === 'ClassDeclaration') return placeOfDeclaration(holder, path);
      at = wrapped(holder);
    } else if (parent?.type === 'CallExpression' && isFreeze(parent, at)) {
      at = wrapped(parent);
    } else if (parent?.type === 'VariableDeclarator') {
      const { id, parent: declaration } = parent;
      return id.type === 'Identifier' && isTopStatement(declaration) ? { binding: id.name, path } : undefined;
    } else {
      return parent?.type === 'ExportDefaultDeclaration' && path.length === 0 ? { binding: undefined, path } : undefined;
    }
  }
}

/** True for `Object.freeze(at)`, which is `at`. */
function isFreeze({ callee, arguments: [first] }: TSESTree.CallExpression, at: Node): boolean {
  return (
    first === at &&
    callee.type === 'MemberExpression' &&
    callee.object.type === 'Identifier' &&
    callee.object.name === 'Object' &&
    memberName(callee) === 'freeze'
  );
}

/** True for a property of an object, and for a static property or method of a class, that is simply a value. */
function holdsPlainly(holder: TSESTree.Property | TSESTree.PropertyDefinition | TSESTree.MethodDefinition): boolean {
  if (holder.type === 'Property') return holder.kind === 'init' && holder.parent.type === 'ObjectExpression';
  return holder.static && (holder.type === 'PropertyDefinition' || holder.kind === 'method');
}

function isTopStatement(statement: Node): boolean {
  return statement.parent?.type === 'Program' || (statement.parent?.type === 'ExportNamedDeclaration' && statement.parent.parent.type === 'Program');
}
