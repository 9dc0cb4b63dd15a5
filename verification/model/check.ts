// `npm run model [-- --json | --traces]`: checks the Promela model of the migration protocol, and that spin finds each rule that is switched off.
import { parseArgs } from 'node:util';
import { GodwitError } from '#core';
import { ablations, base, type Run } from './runs.js';
import { check, missingTools } from './spin.js';
import { writeTraces } from './traces.js';

const usage = `Usage: npm run model [-- --json | --traces]

Visits every state of the model of one migration (verification/model/migration.pml) with spin, then each ablation, which must fail.

  --json     the last line of stdout is one JSON object
  --traces   writes the traces that core/migration/replay.test.ts replays again, and checks nothing`;

interface Row {
  readonly name: string;
  readonly ablation: boolean;
  readonly states: number;
  readonly seconds: number;
  readonly result: string;
  readonly asExpected: boolean;
}

function row(run: Run, ablation: boolean): Row {
  process.stderr.write(`model: ${run.name} …\n`);
  const { states, seconds, error } = check(run);
  const asExpected = ablation === (error !== undefined);
  if (!asExpected) for (const line of error?.trail ?? []) process.stderr.write(`  ${line}\n`);
  process.stderr.write(
    `       ${states} states, ${seconds.toFixed(1)} s, ${error === undefined ? 'no error' : 'error'}${asExpected ? '' : ': NOT as expected'}\n`,
  );
  const found = error === undefined ? 'no error' : `error after ${error.trail.length} steps`;
  return {
    name: run.name,
    ablation,
    states,
    seconds,
    asExpected,
    result: asExpected ? found : `WRONG: ${found}${error === undefined ? '' : `, ${error.what}`}`,
  };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function printTable(rows: readonly Row[]): void {
  const width = Math.max(...rows.map(({ name, ablation }) => name.length + (ablation ? 9 : 0)));
  for (const { name, ablation, states, seconds, result } of rows)
    print(`${`${ablation ? 'without: ' : ''}${name}`.padEnd(width)}  ${String(states).padStart(8)} states  ${seconds.toFixed(1).padStart(6)} s  ${result}`);
}

function main(): void {
  const { values } = parseArgs({
    options: { json: { type: 'boolean', default: false }, traces: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
  });
  if (values.help) {
    print(usage);
    return;
  }
  const missing = missingTools();
  if (missing.length > 0) {
    const inCi = process.env.CI === 'true';
    print(`model: ${inCi ? 'FAILED' : 'skipped'}, ${missing.join(' and ')} not installed (Debian: apt-get install spin gcc)`);
    if (inCi) process.exitCode = 1;
    return;
  }
  if (values.traces) {
    writeTraces((line) => process.stderr.write(`${line}\n`));
    return;
  }
  const rows = [...base.map((run) => row(run, false)), ...ablations.map((run) => row(run, true))];
  printTable(rows);
  if (values.json) print(JSON.stringify({ rows }));
  const wrong = rows.filter(({ asExpected }) => !asExpected).length;
  print(wrong === 0 ? `model: all ${rows.length} runs as expected` : `model: ${wrong} of ${rows.length} runs NOT as expected`);
  if (wrong > 0) process.exitCode = 1;
}

try {
  main();
} catch (thrown) {
  process.stderr.write(`model: ${GodwitError.from(thrown).message}\n`);
  process.exitCode = 1;
}
