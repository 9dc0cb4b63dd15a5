import type { AnyDefinition, Definition } from '../actors/definition.js';
import { definitionOfFunction } from './function.js';

/** The definitions among a module's exports, those behind its elastic functions included: what a program serves, a build ships, and an application brings along. */
export function definitionsIn(exports: Readonly<Record<string, unknown>>): AnyDefinition[] {
  return Object.entries(exports).flatMap(([name, exported]) => {
    const value = definitionOfFunction(exported, name) ?? exported;
    return isDefinition(value) ? [value] : [];
  });
}

function isDefinition(value: unknown): value is AnyDefinition {
  if (typeof value !== 'object' || value === null) return false;
  const { name, on, protocol } = value as Partial<Definition>;
  return typeof name === 'string' && typeof on === 'object' && typeof protocol === 'object' && protocol?.definition === name;
}
