// `npm run model [-- --json | --traces]`: checks the Promela model of the migration protocol, and that spin finds each rule that is switched off.
import { parseArgs } from 'node:util';
import { GodwitError } from '#core';
import { judge, type Row, summaryOf, tableOf } from './judgement.js';
import { ablations, base, type Run } from './runs.js';
import { type Checker, check, compileChecker, missingTools, withFolder } from './spin.js';
import { writeTraces } from './traces.js';

const usage = `Usage: npm run model [-- --json | --traces]

Visits every state of the model of one migration (verification/model/migration.pml) with spin, then each ablation, which must fail.

  --json     the last line of stdout is one JSON object
  --traces   writes the traces that core/migration/replay.test.ts replays again, and checks nothing`;

/** Searches at the same time: CI has two cores. */
const lanes = 2;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function searched(checker: Checker, run: Run): Promise<Row> {
  const verdict = await check(checker, run);
  const row = judge(run, verdict);
  progress(`model: ${run.name}: ${row.states} states, ${row.seconds.toFixed(1)} s, ${row.result}`);
  if (!row.asExpected) for (const line of verdict.error?.trail ?? []) progress(`  ${line}`);
  return row;
}

/** All runs, in the order of their list, as many at once as there are lanes. */
function search(runs: readonly Run[]): Promise<Row[]> {
  return withFolder(async (folder) => {
    progress('model: compiling the checkers …');
    const [one, two] = await Promise.all([compileChecker(folder, 1), compileChecker(folder, 2)]);
    const rows: Row[] = [];
    let next = 0;
    const lane = async () => {
      for (let k = next++; k < runs.length; k = next++) rows[k] = await searched(runs[k].moves === 1 ? one : two, runs[k]);
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    return rows;
  });
}

async function main(): Promise<void> {
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
    print(`model: ${inCi ? 'FAILED' : 'skipped'}, ${missing.join(' and ')} not installed (Debian: apt-get install spin gcc libc6-dev)`);
    if (inCi) process.exitCode = 1;
    return;
  }
  if (values.traces) {
    await writeTraces(progress);
    return;
  }
  const began = performance.now();
  const rows = await search([...base, ...ablations]);
  for (const line of tableOf(rows)) print(line);
  const { line, passed } = summaryOf(rows);
  print(`${line}, ${((performance.now() - began) / 1000).toFixed(0)} s`);
  if (values.json) print(JSON.stringify({ passed, rows }));
  if (!passed) process.exitCode = 1;
}

try {
  await main();
} catch (thrown) {
  progress(`model: ${GodwitError.from(thrown).message}`);
  process.exitCode = 1;
}
