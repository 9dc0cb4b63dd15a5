// `npm run verify -- --schedules N [--seed S] [--jobs J] [--ablation NAME] [--json]`: searches N schedules for one that breaks an invariant.
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { GodwitError } from '#core';
import { type AblationName, ablations, type Failure, formatSchedule } from '#core/testing/search';
import type { Report, Task } from './verify-worker.js';

const usage = `Usage: npm run verify -- [--schedules N] [--seed S] [--jobs J] [--ablation NAME] [--json]

Plays N random schedules (default 10000; with --seed alone, that one), spread over J threads (default: one per core), in simulated worlds that run
the very code of core, and checks the invariants I1 to I8. Exits 1 at the first violation, with the seed and the least schedule that shows it.

  --ablation NAME   switches a protection off: then a violation is expected, and the exit status is 1 if there is none
  --json            the last line of stdout is one JSON object

Ablations:
${Object.entries(ablations)
  .map(([name, { what }]) => `  '${name}': ${what}`)
  .join('\n')}`;

interface Command {
  readonly schedules: number;
  readonly seed: number;
  readonly jobs: number;
  readonly ablation: AblationName | undefined;
  readonly json: boolean;
}

/** What all threads found together. */
interface Sum {
  schedules: number;
  failures: Failure[];
  readonly counts: Record<string, number>;
}

const say = (text: string) => void process.stdout.write(`${text}\n`);

/** Between two lines of progress, in milliseconds. */
const progressMs = 2000;

/** @returns undefined if help was asked for @throws {GodwitError} INVALID_ARGUMENT naming what is known */
function parseCommand(args: readonly string[]): Command | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      schedules: { type: 'string' },
      seed: { type: 'string' },
      jobs: { type: 'string' },
      ablation: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const { ablation } = values;
  if (ablation !== undefined && !Object.hasOwn(ablations, ablation))
    throw new GodwitError('INVALID_ARGUMENT', `there is no ablation '${ablation}'; there are '${Object.keys(ablations).join("', '")}'`);
  const schedules = numberOf('schedules', values.schedules, values.seed === undefined ? 10_000 : 1);
  return {
    schedules,
    seed: numberOf('seed', values.seed, 1),
    jobs: Math.min(schedules, numberOf('jobs', values.jobs, availableParallelism())),
    ablation: ablation as AblationName | undefined,
    json: values.json,
  };
}

function numberOf(name: string, text: string | undefined, otherwise: number): number {
  const number = text === undefined ? otherwise : Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw new GodwitError('INVALID_ARGUMENT', `--${name} must be a whole number above 0, not '${text}'`);
  return number;
}

/** Every thread takes each `jobs`-th seed; the first failure ends them all. */
async function searchWith({ schedules, seed, jobs, ablation }: Command): Promise<Sum> {
  const sum: Sum = { schedules: 0, failures: [], counts: {} };
  const done = new Array<number>(jobs).fill(0);
  const beganMs = performance.now();
  const timer = setInterval(() => {
    const played = done.reduce((a, b) => a + b, 0);
    const perMs = played / (performance.now() - beganMs);
    const left = played === 0 ? '' : `, ${Math.ceil((schedules - played) / perMs / 1000)} s to go`;
    process.stderr.write(`verify: ${played} of ${schedules} schedules, ${Math.round(perMs * 1000)} a second${left}, no violation\n`);
  }, progressMs);
  const workers: Worker[] = [];
  const jobOf = async (job: number) => {
    const task: Task = { seed: seed + job, step: jobs, schedules: Math.ceil((schedules - job) / jobs), ...(ablation === undefined ? {} : { ablation }) };
    const worker = new Worker(new URL('./verify-worker.js', import.meta.url), { workerData: task });
    workers.push(worker);
    await new Promise<void>((resolve, reject) => {
      worker.on('error', reject);
      worker.on('exit', () => resolve());
      worker.on('message', (report: Report) => {
        done[job] = report.schedules;
        if (report.type === 'progress') return;
        for (const [what, count] of Object.entries(report.counts)) sum.counts[what] = (sum.counts[what] ?? 0) + count;
        if (report.failure === undefined) return;
        sum.failures.push(report.failure);
        for (const other of workers) other.terminate().catch(reject);
      });
    });
  };
  try {
    await Promise.all(Array.from({ length: jobs }, (_, job) => jobOf(job)));
  } finally {
    clearInterval(timer);
  }
  sum.schedules = done.reduce((a, b) => a + b, 0);
  return sum;
}

function formatFailure({ seed, shrunk, violations }: Failure, ablation: AblationName | undefined): string {
  const again = `npm run verify -- --seed ${seed}${ablation === undefined ? '' : ` --ablation '${ablation}'`}`;
  const seen = (of: Failure['violations']) => of.map(({ invariant, seen }) => `  ${invariant}: ${seen}`).join('\n');
  return `seed ${seed} breaks an invariant:\n${seen(violations)}\n\nThe least of it that still does:\n${formatSchedule(shrunk.schedule)}\n${seen(shrunk.violations)}\n\nAgain: ${again}`;
}

async function run(command: Command): Promise<void> {
  const { ablation, json, seed } = command;
  const beganMs = performance.now();
  const { schedules, failures, counts } = await searchWith(command);
  const seconds = (performance.now() - beganMs) / 1000;
  const [failure] = failures;
  if (failure !== undefined) say(formatFailure(failure, ablation));
  const which = ablation === undefined ? '' : ` without '${ablation}'`;
  const found = failure === undefined ? 'no violation' : 'a violation';
  say(
    `${found} in ${schedules} schedules${which} from seed ${seed} on, ${seconds.toFixed(1)} s, ${(schedules / seconds).toFixed(0)} a second; ${summary(counts)}`,
  );
  if (json) say(JSON.stringify({ schedules, seed, ablation, seconds, counts, failures }));
  const isAsExpected = (failure === undefined) === (ablation === undefined);
  if (!isAsExpected) process.exitCode = 1;
}

/** What the schedules did, so that it can be seen that they did something. */
function summary(counts: Readonly<Record<string, number>>): string {
  const told = ['move OK', 'recall OK', 'move-failed', 'restored', 'crash', 'pause', 'cut', 'isolate', 'repeat', 'ask OK', 'stream OK', 'gap'];
  return told.map((what) => `${what} ${counts[what] ?? 0}`).join(', ');
}

try {
  const command = parseCommand(process.argv.slice(2));
  if (command === undefined) say(usage);
  else await run(command);
} catch (thrown) {
  process.stderr.write(`verify: ${GodwitError.from(thrown).message}\n`);
  process.exitCode = 1;
}
