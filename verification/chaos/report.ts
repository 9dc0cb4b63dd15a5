import type { Outcome, Run, RunOptions } from './run.js';
import { isOnTime, type Takeover, takeoverLimitMs } from './takeovers.js';

/** What `--json` prints. */
export interface Report {
  readonly seed: number;
  readonly minutes: number;
  readonly durability: string;
  readonly faults: { readonly total: number; readonly perMinute: number; readonly byKind: Readonly<Record<string, number>> };
  readonly moves: Outcome['moves'];
  readonly entries: Outcome['tally'];
  readonly streams: Outcome['streams'];
  readonly rollbacks: { readonly takeovers: number; readonly gaps: number; readonly reexecuted: number };
  readonly takeoverMs: {
    readonly count: number;
    readonly p50: number;
    readonly max: number;
    readonly limit: number;
    /** Beyond the limit although home, driver and disk were on time: each a violation. */
    readonly slow: number;
    /** Beyond the limit where home, driver or disk were late themselves: how long each took, and how late they were. */
    readonly slowMachine: ReadonlyArray<{ readonly tookMs: number; readonly latenessMs: number }>;
    readonly midMove: { readonly count: number; readonly max: number };
    /** Of a home that had been stopped meanwhile; from when it went on. */
    readonly afterStops: { readonly count: number; readonly max: number };
    readonly unprovoked: number;
  };
  readonly worstLatenessMs: Run['worstLatenessMs'];
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
    streams: outcome.streams,
    rollbacks: { takeovers: run.counts.restored, gaps: run.counts.gaps, reexecuted: run.counts.reexecuted },
    takeoverMs: {
      count: times.length,
      p50: times[Math.floor(times.length / 2)] ?? 0,
      max: times.at(-1) ?? 0,
      limit: takeoverLimitMs,
      slow: outcome.slow.filter(isOnTime).length,
      slowMachine: outcome.slow
        .filter((takeover) => !isOnTime(takeover))
        .map(({ tookMs, latenessMs }) => ({ tookMs: Math.round(tookMs), latenessMs: Math.round(latenessMs) })),
      midMove: { count: midMoves.length, max: midMoves.at(-1) ?? 0 },
      afterStops: { count: run.takeovers.afterStopsMs.length, max: Math.round(Math.max(0, ...run.takeovers.afterStopsMs)) },
      unprovoked: run.takeovers.unprovoked,
    },
    worstLatenessMs: {
      device: Math.round(run.worstLatenessMs.device),
      driver: Math.round(run.worstLatenessMs.driver),
      disk: Math.round(run.worstLatenessMs.disk),
    },
    violations: outcome.violations,
    log: run.chronicle.path,
  };
}

function timesOf(takeovers: readonly Takeover[]): number[] {
  return takeovers.map(({ tookMs }) => Math.round(tookMs)).sort((a, b) => a - b);
}

/** The report for people. */
export function tableOf(report: Report): string {
  const { faults, moves, entries, streams, takeoverMs, rollbacks, violations } = report;
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
    ['streams opened', streams.opened],
    ['  items in order', streams.items],
    ['  items lost, repeated', `${streams.lost}, ${streams.repeated}`],
    ...Object.entries(streams.failed).map(([code, count]): [string, number] => [`  ended: ${code}`, count]),
    ['rolled back: takeovers', rollbacks.takeovers],
    ['  records run again', rollbacks.reexecuted],
    ['  records lost, and told', rollbacks.gaps],
    ['takeover at home: count', takeoverMs.count],
    ['  p50', `${takeoverMs.p50} ms`],
    ['  max', `${takeoverMs.max} ms (limit ${takeoverMs.limit} ms)`],
    ['  beyond the limit', takeoverMs.slow],
    ['  beyond it on a late machine', slowOf(report)],
    ['  in the middle of a move', `${takeoverMs.midMove.count}, max ${takeoverMs.midMove.max} ms`],
    ['  after a stop of the device', `${takeoverMs.afterStops.count}, max ${takeoverMs.afterStops.max} ms`],
    ['  without a fault', takeoverMs.unprovoked],
    ['late by up to', `device ${report.worstLatenessMs.device} ms, driver ${report.worstLatenessMs.driver} ms, disk ${report.worstLatenessMs.disk} ms`],
    ['violations', violations.length],
  ];
  const widest = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(widest)}  ${value}`).join('\n');
}

/** How many, and the slowest with what the machine was late. */
function slowOf({ takeoverMs: { slowMachine } }: Report): string {
  const [slowest] = slowMachine;
  return slowest === undefined ? '0' : `${slowMachine.length}, max ${slowest.tookMs} ms, late by ${slowest.latenessMs} ms then`;
}
