/** Runs spin and the C compiler on `migration.pml`. */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GodwitError } from '#core';
import type { Verdict } from './judgement.js';
import type { Run } from './runs.js';

/** The sources lie beside this file's source; the compiled program is two folders deeper, under `dist`. */
export const modelFolder = fileURLToPath(new URL('../../../verification/model/', import.meta.url));
const model = join(modelFolder, 'migration.pml');
/** Exhaustive: every state is kept, compressed without loss. Not optimised: that takes the compiler longer than it saves. */
const compile = ['-O0', '-w', '-DSAFETY', '-DNOREDUCE', '-DCOLLAPSE'];
/** Mebibytes that one run may take; a run that needs more is an error, not a pass. */
const memoryMiB = 1500;
/** Milliseconds that one program may take. */
const programTimeoutMs = 200_000;

/** A compiled checker, which settings turn into one of many models. */
export interface Checker {
  readonly program: string;
  /** What the numbers mean by which the model names steps and phases. */
  readonly words: ReadonlyMap<number, string>;
}

/** What of spin and the C compiler is missing here. */
export function missingTools(): string[] {
  return [
    ['spin', '-V'],
    ['cc', '--version'],
  ].flatMap(([tool, flag]) => (spawnSync(tool, [flag]).status === 0 ? [] : [tool]));
}

/** Calls `work` with a folder of its own, which is gone afterwards. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'godwit-model-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Compiles the model for a number of moves. @throws {GodwitError} INTERNAL */
export async function compileChecker(folder: string, moves: number): Promise<Checker> {
  const at = mkdtempSync(join(folder, 'checker-'));
  const source = await execute(at, 'spin', ['-a', `-DMOVES=${moves}`, model]);
  if (!existsSync(join(at, 'pan.c'))) throw new GodwitError('INTERNAL', `spin failed on ${model}: ${source.output.slice(0, 500)}`);
  const program = join(at, 'pan');
  const compiled = await execute(at, 'cc', [...compile, `-DMEMLIM=${memoryMiB}`, '-o', program, 'pan.c']);
  if (!existsSync(program)) throw new GodwitError('INTERNAL', `cc failed on the checker for ${moves} moves: ${compiled.output.slice(0, 500)}`);
  const names = readFileSync(join(at, 'pan.c'), 'utf8').matchAll(/case (\d+): Printf\("(\w+)"\)/g);
  return { program, words: new Map([...names].map(([, number, name]) => [Number(number), name])) };
}

/** Visits every state of one model. @throws {GodwitError} RESOURCE_EXHAUSTED or DEADLINE_EXCEEDED if it was not searched to the end */
export function check(checker: Checker, run: Run): Promise<Verdict> {
  return withFolder(async (folder) => {
    const began = performance.now();
    const { output, timedOut } = await execute(folder, checker.program, ['-E', '-m1000000', '-w20'], run.settings);
    const seconds = (performance.now() - began) / 1000;
    if (timedOut) throw new GodwitError('DEADLINE_EXCEEDED', `model '${run.name}' was not searched to its end, limit ${programTimeoutMs} ms`);
    const states = Number(/(\d+) states, stored/.exec(output)?.[1] ?? Number.NaN);
    if (existsSync(join(folder, 'migration.pml.trail'))) {
      const what = /pan:\d+: (.*)/.exec(output)?.[1] ?? 'a trail without a word';
      const replayed = await execute(folder, checker.program, ['-r', 'migration.pml.trail'], run.settings);
      return { states, seconds, error: { what, trail: linesOf(checker, replayed.output) } };
    }
    if (Number.isNaN(states) || !output.includes('errors: 0') || /max search depth too small|out of memory|memory limit/.test(output))
      throw new GodwitError('RESOURCE_EXHAUSTED', `model '${run.name}' was not searched to its end within ${memoryMiB} MiB: ${output.slice(0, 300)}`);
    return { states, seconds, error: undefined };
  });
}

/** One random way through a model, of about `statements` statements of the model, of which a step takes several. */
export function simulate(checker: Checker, run: Run, seed: number, statements: number): Promise<string[]> {
  return withFolder(async (folder) => {
    const defines = ['SIMULATE=1', `MOVES=${run.moves}`, ...run.settings.split(' ')].map((define) => `-D${define}`);
    const { output } = await execute(folder, 'spin', [`-n${seed}`, `-u${statements}`, ...defines, model]);
    return linesOf(checker, output);
  });
}

/** What a program says, whatever its status: spin and its checkers say more by their words. */
function execute(folder: string, program: string, args: readonly string[], settings = ''): Promise<{ output: string; timedOut: boolean }> {
  const options = { cwd: folder, encoding: 'utf8', timeout: programTimeoutMs, maxBuffer: 64 * 2 ** 20, env: { ...process.env, MODEL: settings } } as const;
  return new Promise((resolve) => {
    execFile(program, args, options, (error, stdout, stderr) => resolve({ output: `${stdout}${stderr}`, timedOut: error?.killed === true }));
  });
}

/** The lines of the trace among what spin says; where it stopped at its limit it left the last one unfinished. */
function linesOf({ words }: Checker, output: string): string[] {
  const moves = /(?: #\d+ #\d+)+$/;
  return output
    .split('\n')
    .map((line) => line.trim().replace(/\s+/g, ' '))
    .filter((line) => line.includes(' | tick ') && moves.test(line))
    .map((line) => line.replace(/#(\d+)/g, (_, number) => words.get(Number(number)) ?? 'none'));
}
