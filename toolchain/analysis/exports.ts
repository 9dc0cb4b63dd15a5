// What a module exports, and under which reserved names the edge's program exports the rest of what may move.
import type { TSESTree } from '@typescript-eslint/types';
import type { Place, Tagged } from './tagged.js';

/** Begins the names of exports that a guest's program has and the module does not. */
const reservedPrefix = 'godwit$';

/** The first exported name of each local binding; `undefined` is what an anonymous default export holds. */
export type Exports = ReadonlyMap<string | undefined, string>;

/** What `program` exports of its own. */
export function exportsOf(program: TSESTree.Program): Exports {
  const names = new Map<string | undefined, string>();
  const add = (local: string | undefined, name: string) => names.has(local) || names.set(local, name);
  for (const statement of program.body) {
    if (statement.type === 'ExportDefaultDeclaration') {
      const { declaration } = statement;
      if (declaration.type === 'FunctionDeclaration' || declaration.type === 'ClassDeclaration') add(declaration.id?.name, 'default');
      else add(declaration.type === 'Identifier' ? declaration.name : undefined, 'default');
    } else if (statement.type === 'ExportNamedDeclaration' && statement.source === null) {
      for (const name of statement.declaration === null ? [] : declaredNames(statement.declaration)) add(name, name);
      for (const { local, exported } of statement.specifiers) {
        if (local.type === 'Identifier') add(local.name, exported.type === 'Identifier' ? exported.name : exported.value);
      }
    }
  }
  return names;
}

/** Names that a statement declares, patterns left out: what may move is not kept in one. */
function declaredNames(declaration: TSESTree.ExportNamedDeclaration['declaration']): string[] {
  if (declaration?.type === 'VariableDeclaration') return declaration.declarations.flatMap(({ id }) => (id.type === 'Identifier' ? [id.name] : []));
  if (declaration?.type === 'FunctionDeclaration' || declaration?.type === 'ClassDeclaration') return declaration.id === null ? [] : [declaration.id.name];
  return [];
}

/** What the edge's program exports `tagged` by; undefined if it has no place. */
export function exportName({ place }: Tagged, exports: Exports): string | undefined {
  return place && (ownExport(place, exports) ?? `${reservedPrefix}${[place.binding, ...place.path].join('$').replace(/[^\w$]/g, '_')}`);
}

/** The statement that exports `tagged` from the edge's program, where the module does not. */
export function reservedExport(tagged: Tagged, exports: Exports): string | undefined {
  const { place } = tagged;
  if (place === undefined || ownExport(place, exports) !== undefined) return undefined;
  const name = exportName(tagged, exports);
  if (place.path.length === 0) return `export { ${place.binding} as ${name} };`;
  return `export const ${name} = ${place.binding}${place.path.map((key) => `[${JSON.stringify(key)}]`).join('')};`;
}

function ownExport({ binding, path }: Place, exports: Exports): string | undefined {
  return path.length === 0 ? exports.get(binding) : undefined;
}
