import type { Outcome, Run, RunOptions } from './run.js';
import { type Takeover, takeoverLimitMs } from './takeovers.js';

/** What `--json` prints. */
export interface Report {
  readonly seed: number;
  readonly minutes: number;
  readonly durability: string;
  readonly faults: { readonly total: number; readonly perMinute: number; readonly byKind: Readonly<Record<string, number>> };
  readonly moves: Outcome['moves'];
  readonly entries: Outcome['tally'];
  readonly rollbacks: { readonly takeovers: number; readonly gaps: number; readonly reexecuted: number };
  readonly takeoverMs: {
    readonly count: number;
    readonly p50: number;
    readonly max: number;
    readonly limit: number;
    readonly midMove: { readonly count: number; readonly max: number };
    readonly unprovoked: number;
  };
  readonly worstLatenessMs: number;
  readonly violations: Outcome['violations'];
  readonly log: string;
}

export function reportOf(run: Run, { seed, durability }: RunOptions, outcome: Outcome): Report {
  const times = timesOf(run.takeovers.all.filter(({ midMove }) => !midMove));
  const midMoves = timesOf(run.takeovers.all.filter(({ midMove }) => midMove));
  const minutes = outcome.seconds / 60;
  return {
    seed,
    minutes: Math.round(minutes * 100) / 100,
    durability,
    faults: { total: run.total, perMinute: Math.round(run.total / minutes), byKind: outcome.faults },
    moves: outcome.moves,
    entries: outcome.tally,
    rollbacks: { takeovers: run.counts.restored, gaps: run.counts.gaps, reexecuted: run.counts.reexecuted },
    takeoverMs: {
      count: times.length,
      p50: times[Math.floor(times.length / 2)] ?? 0,
      max: times.at(-1) ?? 0,
      limit: takeoverLimitMs,
      midMove: { count: midMoves.length, max: midMoves.at(-1) ?? 0 },
      unprovoked: run.takeovers.unprovoked,
    },
    worstLatenessMs: Math.round(run.worstLatenessMs),
    violations: outcome.violations,
    log: run.chronicle.path,
  };
}

function timesOf(takeovers: readonly Takeover[]): number[] {
  return takeovers.map(({ tookMs }) => Math.round(tookMs)).sort((a, b) => a - b);
}

/** The report for people. */
export function tableOf(report: Report): string {
  const { faults, moves, entries, takeoverMs, rollbacks, violations } = report;
  const rows: Array<[string, string | number]> = [
    ...Object.entries(faults.byKind)
      .sort(([, a], [, b]) => b - a)
      .map(([kind, count]): [string, number] => [`  ${kind}`, count]),
    ['faults', `${faults.total} (${faults.perMinute} a minute)`],
    ['moves done', moves.done],
    ...Object.entries(moves.failed).map(([code, count]): [string, number] => [`  not done: ${code}`, count]),
    [`entries sent (${report.durability})`, entries.sent],
    ['  handled', entries.handled],
    ['  lost', entries.lost],
    ['  duplicated', entries.duplicated],
    ['  reordered', entries.reordered],
    ['  asks that ended with an error', entries.uncertain],
    ['rolled back: takeovers', rollbacks.takeovers],
    ['  records run again', rollbacks.reexecuted],
    ['  records lost, and told', rollbacks.gaps],
    ['takeover at home: count', takeoverMs.count],
    ['  p50', `${takeoverMs.p50} ms`],
    ['  max', `${takeoverMs.max} ms (limit ${takeoverMs.limit} ms)`],
    ['  in the middle of a move', `${takeoverMs.midMove.count}, max ${takeoverMs.midMove.max} ms`],
    ['  without a fault', takeoverMs.unprovoked],
    ['device late by up to', `${report.worstLatenessMs} ms`],
    ['violations', violations.length],
  ];
  const widest = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(widest)}  ${value}`).join('\n');
}
