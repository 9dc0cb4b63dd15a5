/** Runs spin and the C compiler on `migration.pml`. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GodwitError } from '#core';
import type { Run } from './runs.js';

/** The sources lie beside this file's source; the compiled program is two folders deeper, under `dist`. */
export const modelFolder = fileURLToPath(new URL('../../../verification/model/', import.meta.url));
const model = join(modelFolder, 'migration.pml');
/** Exhaustive: every state is kept, compressed without loss. */
const compile = ['-O1', '-w', '-DSAFETY', '-DNOREDUCE', '-DCOLLAPSE'];
/** Mebibytes that one run may take; a run that needs more is an error, not a pass. */
const memoryMiB = 1500;
const runTimeoutMs = 120_000;

export interface Verdict {
  readonly states: number;
  readonly seconds: number;
  /** The assertion that failed, with the trail that leads there; undefined if all states were visited and none failed. */
  readonly error: { readonly what: string; readonly trail: readonly string[] } | undefined;
}

/** What of spin and the C compiler is missing here. */
export function missingTools(): string[] {
  return [
    ['spin', '-V'],
    ['cc', '--version'],
  ].flatMap(([tool, flag]) => (spawnSync(tool, [flag]).status === 0 ? [] : [tool]));
}

/** Visits every state of one model. @throws {GodwitError} INTERNAL, RESOURCE_EXHAUSTED or DEADLINE_EXCEEDED if it was not searched to the end */
export function check(run: Run): Verdict {
  const folder = mkdtempSync(join(tmpdir(), 'godwit-model-'));
  try {
    const defines = run.defines.map((define) => `-D${define}`);
    tool(folder, 'spin', ['-a', ...defines, model], run.name);
    tool(folder, 'cc', [...compile, `-DMEMLIM=${memoryMiB}`, '-o', 'pan', 'pan.c'], run.name);
    const began = performance.now();
    const { output, error } = tool(folder, './pan', ['-E', '-m1000000', '-w22'], run.name);
    const seconds = (performance.now() - began) / 1000;
    if (error !== undefined)
      throw new GodwitError('DEADLINE_EXCEEDED', `model '${run.name}' was not searched to its end: ${error.message}, limit ${runTimeoutMs} ms`);
    const states = Number(/(\d+) states, stored/.exec(output)?.[1] ?? Number.NaN);
    const failed = /pan:\d+: (.*)/.exec(output)?.[1];
    if (existsSync(join(folder, 'migration.pml.trail'))) {
      const trail = linesOf(tool(folder, 'spin', ['-k', 'migration.pml.trail', ...defines, model], run.name).output);
      return { states, seconds, error: { what: shortened(failed), trail } };
    }
    if (Number.isNaN(states) || !output.includes('errors: 0') || /max search depth too small|out of memory|memory limit/.test(output))
      throw new GodwitError('RESOURCE_EXHAUSTED', `model '${run.name}' was not searched to its end within ${memoryMiB} MiB: ${output.slice(0, 300)}`);
    return { states, seconds, error: undefined };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One random way through a model, of about `steps` steps. */
export function simulate(run: Run, seed: number, steps: number): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'godwit-model-'));
  try {
    return linesOf(tool(folder, 'spin', [`-n${seed}`, `-u${steps}`, ...run.defines.map((define) => `-D${define}`), model], run.name).output);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function tool(folder: string, program: string, args: readonly string[], what: string): { output: string; error: Error | undefined } {
  const { stdout, stderr, error } = spawnSync(program, args, { cwd: folder, encoding: 'utf8', timeout: runTimeoutMs, maxBuffer: 64 * 2 ** 20 });
  const output = `${stdout}${stderr}`;
  // Replaying a trail ends in the very error that the trail is about.
  const failed = error !== undefined || (args[0] === '-a' && /Error: /.test(output)) || (program === 'cc' && output.includes('error:'));
  if (program !== './pan' && failed) throw new GodwitError('INTERNAL', `${program} failed on model '${what}': ${error?.message ?? output.slice(0, 500)}`);
  return { output, error };
}

/** The lines of the trace among what spin says; where it stopped at its limit it left the last one unfinished. */
function linesOf(output: string): string[] {
  return output
    .split('\n')
    .filter((line) => line.includes(' | tick '))
    .map((line) => line.trim().replace(/\s+/g, ' '))
    .filter((line) => !line.endsWith('-'));
}

function shortened(what: string | undefined): string {
  return (what ?? 'a trail without a word').replace(/\s+/g, ' ').slice(0, 120);
}
