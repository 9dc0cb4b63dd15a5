import type { ScopeManager } from '@typescript-eslint/scope-manager';
import type { TSESTree } from '@typescript-eslint/types';
import { checkCaptures } from './captures.js';
import { exportName, exportsOf } from './exports.js';
import { type Finding, placeAt } from './findings.js';
import { parseModule } from './parse.js';
import { checkDirectives, checkNames, checkShape, headOf } from './shape.js';
import { type SourceModule, sourceModule } from './syntax.js';
import { type Discovery, discover, type Tagged } from './tagged.js';
import { mayTag } from './tags.js';

/** An actor definition or an elastic function of a module. @public */
export interface TaggedName {
  /** Undefined if it is not written out. */
  readonly name: string | undefined;
  /** What a guest's program exports it by; undefined for what cannot be found there. */
  readonly exportName: string | undefined;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
}

/** What {@link analyse} tells about a module. @public */
export interface Analysis {
  readonly definitions: readonly TaggedName[];
  readonly elasticFunctions: readonly TaggedName[];
  /** In order of place; empty if all that is tagged may move. */
  readonly findings: readonly Finding[];
}

/**
 * Finds the actor definitions and elastic functions of a module and checks what they capture.
 * @param path names the file in findings, and its language by its extension
 * @throws {GodwitError} FAILED_PRECONDITION the parser is not installed
 * @public
 */
export async function analyse(code: string, path: string): Promise<Analysis> {
  if (!mayTag(code)) return { definitions: [], elasticFunctions: [], findings: [] };
  const { module, fault } = await parseModule(code, path);
  if (module === undefined) return { definitions: [], elasticFunctions: [], findings: [fault] };
  const discovery = discover(module);
  const names = (kind: Tagged['kind']) => discovery.tagged.filter((one) => one.kind === kind).map((one) => taggedName(module, one));
  return { definitions: names('definition'), elasticFunctions: names('elastic'), findings: check(module, discovery) };
}

/** The findings of a module that somebody else has parsed and analysed; its nodes have parents. */
export function checkProgram(code: string, path: string, program: TSESTree.Program, scopes: ScopeManager): Finding[] {
  if (!mayTag(code)) return [];
  const module = sourceModule(path, code, program, scopes);
  return check(module, discover(module));
}

function taggedName(module: SourceModule, tagged: Tagged): TaggedName {
  return { name: tagged.name, exportName: exportName(tagged, exportsOf(module.program)), ...placeAt(module.code, headOf(tagged).range[0]) };
}

/** Every rule on one module; findings in order of place, the same place and rule once. */
export function check(module: SourceModule, discovery: Discovery): Finding[] {
  const findings = [
    ...checkDirectives(module, discovery),
    ...checkNames(module, discovery),
    ...discovery.tagged.flatMap((one) => checkTagged(module, one, discovery)),
  ];
  const places = new Map(findings.toReversed().map((finding) => [`${finding.line}:${finding.column} ${finding.code}`, finding]));
  return [...places.values()].sort((a, b) => a.line - b.line || a.column - b.column);
}

function checkTagged(module: SourceModule, tagged: Tagged, { tagged: all }: Discovery): Finding[] {
  const shape = checkShape(module, tagged);
  if (shape?.code === 'GW2004') return [shape];
  const captures = checkCaptures(module, tagged, all);
  // What it captures of its surroundings says more than that it has some.
  return shape === undefined || captures.some(({ code }) => code === 'GW1002') ? captures : [shape, ...captures];
}
