/** What the tests of schedules that broke an invariant once have in common. */
import test from 'ava';
import type { Operation, Schedule } from './schedule.js';
import { play } from './stage.js';
import type { LedgerKind } from './workload.js';

/** Where a schedule plays; an actor is its address and its kind. */
interface Setting {
  readonly seed: number;
  readonly nodes: readonly string[];
  readonly rttMs: number;
  readonly fsyncMs?: number;
  readonly hashMs?: number;
  readonly bulkBytes?: number;
  readonly clockPpm?: number;
  readonly actors: readonly string[];
}

/** A schedule that broke an invariant once, shrunk to what was needed, and what had gone wrong. */
export type Found = readonly [wrong: string, setting: Setting, ...operations: Operation[]];

/** Plays each again. */
export function replay(found: readonly Found[]): void {
  for (const [wrong, setting, ...operations] of found) {
    test.serial(`search, found once: ${wrong}`, async (t) => {
      const { violations } = await play(scheduleOf(setting, operations));

      t.deepEqual(violations, []);
    });
  }
}

const isEdge = (node: string) => node.startsWith('edge');

function scheduleOf({ seed, nodes, rttMs, fsyncMs = 1, hashMs = 0, bulkBytes = 0, clockPpm = 0, actors }: Setting, operations: readonly Operation[]): Schedule {
  const plans = actors.map((actor) => {
    const [home, name, kind] = actor.split(/[/ ]/) as [string, string, LedgerKind];
    return { home, name, kind };
  });
  return {
    seed,
    devices: nodes.filter((node) => !isEdge(node)),
    edges: nodes.filter(isEdge),
    rttMs,
    fsyncMs,
    hashMs,
    bulkBytes,
    clockPpm,
    actors: plans,
    operations,
  };
}
