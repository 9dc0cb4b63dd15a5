/** Whether spin found what it had to: nothing in the protocol as it is, and with a rule switched off the breach of the invariant that the rule protects. */
import type { Run } from './runs.js';

/** What one search saw. */
export interface Verdict {
  readonly states: number;
  readonly seconds: number;
  /** The assertion that failed, with the trail that leads there; undefined if all states were visited and none failed. */
  readonly error: { readonly what: string; readonly trail: readonly string[] } | undefined;
}

/** One line of the table. */
export interface Row {
  readonly name: string;
  readonly ablation: boolean;
  readonly states: number;
  readonly seconds: number;
  readonly result: string;
  readonly asExpected: boolean;
}

/** The invariant, as the model's assertions begin with it; BOUNDS is the model's own, and never what an ablation is to find. */
function brokenIn(what: string): string {
  return /\b(I\d|BOUNDS)\s*\|\|/.exec(what)?.[1] ?? 'an unnamed assertion';
}

/** Judges one search. */
export function judge(run: Run, { states, seconds, error }: Verdict): Row {
  const broken = error === undefined ? undefined : brokenIn(error.what);
  const asExpected = broken === run.breaks;
  const found = error === undefined ? 'no error' : `${broken} broken after ${error.trail.length} steps`;
  const wanted = run.breaks === undefined ? 'no error' : `${run.breaks} broken`;
  return {
    name: run.name,
    ablation: run.breaks !== undefined,
    states,
    seconds,
    asExpected,
    result: asExpected ? found : `WRONG: ${found}, expected ${wanted}`,
  };
}

/** The table, a line a row. */
export function tableOf(rows: readonly Row[]): string[] {
  const titled = rows.map((row) => ({ ...row, title: `${row.ablation ? 'without: ' : ''}${row.name}` }));
  const width = Math.max(...titled.map(({ title }) => title.length));
  return titled.map(
    ({ title, states, seconds, result }) => `${title.padEnd(width)}  ${String(states).padStart(8)} states  ${seconds.toFixed(1).padStart(6)} s  ${result}`,
  );
}

/** The last word: that all runs did as expected, or how many did not. */
export function summaryOf(rows: readonly Row[]): { readonly line: string; readonly passed: boolean } {
  const wrong = rows.filter(({ asExpected }) => !asExpected).length;
  if (rows.length === 0) return { line: 'model: no run', passed: false };
  return wrong === 0
    ? { line: `model: all ${rows.length} runs as expected`, passed: true }
    : { line: `model: ${wrong} of ${rows.length} runs NOT as expected`, passed: false };
}
