/** Searches schedules, one seed after the other, for one that breaks an invariant. */
import { type AblationName, ablate, ablations } from './ablations.js';
import type { Violation } from './history.js';
import { createSchedule, type Menu, type Schedule } from './schedule.js';
import { shrink } from './shrink.js';
import { play } from './stage.js';

/** What to search. */
export interface SearchOptions {
  /** The first seed. Default 1. */
  readonly seed?: number;
  /** How many seeds, at most. */
  readonly schedules: number;
  /** Every how manyth seed; default 1. */
  readonly step?: number;
  /** The protection to be switched off. */
  readonly ablation?: AblationName;
  /** What may be in the schedules; default: where the ablation is needed most, else as the seed says, see `createSchedule`. */
  readonly menu?: Menu;
  /** False to leave what was found as it is. Default true. */
  readonly shrinks?: boolean;
  /** Called after each schedule with how many there were. */
  readonly onSchedule?: (done: number) => void;
}

/** What a search found. */
export interface Found {
  /** How many schedules were played; the last one broke an invariant, if any did. */
  readonly schedules: number;
  readonly failure: Failure | undefined;
  /** How often what happened, over all schedules. */
  readonly counts: Readonly<Record<string, number>>;
}

/** A schedule that broke an invariant. */
export interface Failure {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** The least of it that still does. */
  readonly shrunk: { readonly schedule: Schedule; readonly violations: readonly Violation[] };
}

/** Plays schedules until one breaks an invariant. One search at a time per thread. */
export async function search(options: SearchOptions): Promise<Found> {
  const { ablation } = options;
  const restore = ablation === undefined ? () => {} : ablate(ablation);
  try {
    return await searchAblated(options);
  } finally {
    restore();
  }
}

async function searchAblated(options: SearchOptions): Promise<Found> {
  const { seed = 1, schedules, step = 1, ablation, shrinks = true, onSchedule } = options;
  const menu = options.menu ?? (ablation === undefined ? undefined : ablations[ablation].menu);
  const counts: Record<string, number> = {};
  for (let done = 1; done <= schedules; done++) {
    const schedule = createSchedule(seed + (done - 1) * step, menu);
    const { violations, counts: more } = await play(schedule);
    for (const [what, count] of Object.entries(more)) counts[what] = (counts[what] ?? 0) + count;
    onSchedule?.(done);
    if (violations.length === 0) continue;
    const replay = async (candidate: Schedule) => (await play(candidate)).violations;
    const shrunk = shrinks ? await shrink(schedule, violations, replay, maxTries) : { schedule, violations };
    return { schedules: done, failure: { seed: schedule.seed, violations, shrunk }, counts };
  }
  return { schedules, failure: undefined, counts };
}

/** Schedules played to shrink one: some seconds. */
const maxTries = 400;
