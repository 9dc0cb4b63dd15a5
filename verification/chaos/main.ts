// `npm run chaos -- --minutes M --seed S [--faults N] [--volatile] [--json]`
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { GodwitError } from '#core';
import { reportOf, tableOf } from './report.js';
import { Run, type RunOptions } from './run.js';

const usage = `Usage: npm run chaos -- [--minutes M] [--seed S] [--faults N] [--volatile] [--json]

Starts a device and three edges as processes, moves actors between them under load, and kills, stops, cuts and stalls them.
Counts what was sent and handled, and checks order and state at the end. Exits 1 at any violation.

  --minutes M   how long it torments them; default 1
  --seed S      an integer that chooses faults and moves; default: a random one, which is printed
  --faults N    ends after N faults, if that is earlier
  --volatile    the actors are volatile: what crashes cost them must have been observable, and the device is spared
  --json        the last line of stdout is one JSON object`;

interface Command extends RunOptions {
  readonly json: boolean;
}

/** @returns undefined if help was asked for. @throws {GodwitError} INVALID_ARGUMENT */
function parseCommand(args: readonly string[]): Command | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '1' },
      seed: { type: 'string', default: String(randomInt(2 ** 31)) },
      faults: { type: 'string', default: 'Infinity' },
      volatile: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const [minutes, seed, faults] = [values.minutes, values.seed, values.faults].map(Number);
  if (!(minutes > 0 && minutes <= 24 * 60)) throw new GodwitError('INVALID_ARGUMENT', `--minutes must be above 0 and at most a day, not ${values.minutes}`);
  if (!Number.isSafeInteger(seed)) throw new GodwitError('INVALID_ARGUMENT', `--seed must be an integer, not ${values.seed}`);
  if (!(faults >= 1)) throw new GodwitError('INVALID_ARGUMENT', `--faults must be at least 1, not ${values.faults}`);
  return { minutes, seed, faults, durability: values.volatile ? 'volatile' : 'durable', json: values.json };
}

const print = (line: string) => void process.stdout.write(`${line}\n`);
const progressEveryMs = 5000;

function showProgress(run: Run): NodeJS.Timeout {
  return setInterval(() => {
    const { moved, restored } = run.counts;
    process.stderr.write(`${Math.round(run.seconds)} s: ${run.total} faults, ${moved} moves, ${restored} takeovers, ${run.sent} entries of the application\n`);
  }, progressEveryMs);
}

/** @returns true if nothing was violated */
async function torment(command: Command): Promise<boolean> {
  const { seed, json } = command;
  const run = new Run(command);
  print(`seed ${seed}, log ${run.chronicle.path}`);
  const stop = (signal: NodeJS.Signals) => {
    run.close().then(
      () => process.exit(signal === 'SIGINT' ? 130 : 143),
      () => process.exit(1),
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop(signal));
  const progress = showProgress(run);
  try {
    const outcome = await run.go();
    const report = reportOf(run, command, outcome);
    print(tableOf(report));
    for (const { kind, what } of report.violations) print(`VIOLATION ${kind}: ${what}`);
    if (report.violations.length > 0)
      print(
        `again: npm run chaos -- --minutes ${command.minutes} --seed ${seed}${command.durability === 'volatile' ? ' --volatile' : ''}; what happened: ${report.log}`,
      );
    if (json) print(JSON.stringify(report));
    return report.violations.length === 0;
  } finally {
    clearInterval(progress);
    await run.close();
  }
}

try {
  const command = parseCommand(process.argv.slice(2));
  if (command === undefined) print(usage);
  else process.exitCode = (await torment(command)) ? 0 : 1;
} catch (thrown) {
  process.stderr.write(`chaos: ${GodwitError.from(thrown).message}\n`);
  process.exitCode = 1;
}
