// One thread of `npm run verify`: searches its share of the seeds.
import { parentPort, workerData } from 'node:worker_threads';
import { GodwitError } from '#core';
import { type Failure, type SearchOptions, search } from '#core/testing/search';

/** A thread's share. */
export type Task = Pick<SearchOptions, 'schedules' | 'ablation'> & { readonly seed: number; readonly step: number };

/** What a thread says. */
export type Report =
  | { readonly type: 'progress'; readonly schedules: number }
  | { readonly type: 'end'; readonly schedules: number; readonly failure: Failure | undefined; readonly counts: Readonly<Record<string, number>> };

/** Schedules between two words of progress. */
const progressEvery = 10;

// Errors are part of what is searched, and nobody reads where they were made.
Error.stackTraceLimit = 0;
const task = workerData as Task;
const tell = (report: Report) => parentPort?.postMessage(report);
let played = 0;
process.on('unhandledRejection', (thrown) => {
  const { code, message } = GodwitError.from(thrown);
  throw new GodwitError('INTERNAL', `seed ${task.seed + played * task.step}: a promise was rejected and nobody waited for it: ${code} ${message}`);
});
const onSchedule = (schedules: number) => {
  played = schedules;
  if (schedules % progressEvery === 0) tell({ type: 'progress', schedules });
};
const found = await search({ ...task, onSchedule });
tell({ type: 'end', ...found });
