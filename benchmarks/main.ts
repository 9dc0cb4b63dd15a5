// `npm run bench -- SUITE [--quick] [--json]`
import { cpus, loadavg, type } from 'node:os';
import { parseArgs } from 'node:util';
import { GodwitError } from '#core';
import { durability } from './durability.js';
import { messaging } from './messaging.js';
import { migration } from './migration.js';
import type { Effort, Machine, Report, Suite } from './suite.js';
import { types } from './types.js';

const full: Effort = { rounds: 7, roundMs: 80, latencySamples: 7000, moves: 20 };
/** For CI: shows that everything runs; its figures mean nothing. */
const quick: Effort = { rounds: 1, roundMs: 2, latencySamples: 100, moves: 2 };

const suites = { messaging, migration, durability, types } as const;

const usage = `Usage: npm run bench -- SUITE [--quick] [--json]

${Object.values(suites)
  .map(({ name, summary }) => `  ${name.padEnd(10)}  ${summary}`)
  .join('\n')}

  --quick   one short round: shows that it runs, measures nothing worth reading
  --json    the last line of stdout is one JSON object (see benchmarks/README.md)`;

interface Command {
  readonly suite: keyof typeof suites;
  readonly quick: boolean;
  readonly json: boolean;
}

/** @returns undefined if help was asked for. @throws {GodwitError} INVALID_ARGUMENT naming what is known */
function parseCommand(args: readonly string[]): Command | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { quick: { type: 'boolean', default: false }, json: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
  });
  if (values.help) return undefined;
  const known = Object.keys(suites).join(', ');
  if (positionals.length !== 1) throw new GodwitError('INVALID_ARGUMENT', `name one suite; there are ${known}`);
  const [suite] = positionals as [string];
  if (!isSuite(suite)) throw new GodwitError('INVALID_ARGUMENT', `there is no suite '${suite}'; there are ${known}`);
  return { suite, quick: values.quick, json: values.json };
}

function isSuite(name: string): name is keyof typeof suites {
  return Object.hasOwn(suites, name);
}

function machine(): Machine {
  const [cpu] = cpus();
  return {
    cpu: cpu?.model ?? 'unknown',
    cores: cpus().length,
    node: process.version,
    platform: `${type()} ${process.arch}`,
    loadAverage: loadavg()[0],
  };
}

async function run<Row>(suite: Suite<Row>, command: Command): Promise<void> {
  const startedAt = new Date().toISOString();
  const before = machine();
  const rows = await suite.run(command.quick ? quick : full, (line) => process.stderr.write(`${line}\n`));
  const report: Report<Row> = { suite: suite.name, quick: command.quick, startedAt, machine: before, rows };
  const { cpu, cores, node, platform, loadAverage } = before;
  console.log(
    `${suite.name}, ${startedAt}, ${cores} × ${cpu}, Node ${node}, ${platform}, load ${loadAverage.toFixed(1)}${command.quick ? ', QUICK: the figures mean nothing' : ''}\n`,
  );
  for (const line of suite.format(rows)) console.log(line);
  if (command.json) console.log(JSON.stringify(report));
}

try {
  const command = parseCommand(process.argv.slice(2));
  if (command === undefined) console.log(usage);
  else if (command.suite === 'messaging') await run(messaging, command);
  else if (command.suite === 'migration') await run(migration, command);
  else if (command.suite === 'durability') await run(durability, command);
  else await run(types, command);
} catch (thrown) {
  process.stderr.write(`bench: ${GodwitError.from(thrown).message}\n`);
  process.exitCode = 1;
}
