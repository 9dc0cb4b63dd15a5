// Tell and ask: in this thread, to another thread, to another process; each beside its raw baselines and nact.
import { encode } from '#core';
import { openLocal } from './peers/local.js';
import { openLoopback } from './peers/loopback.js';
import type { Peer, Place } from './peers/peer.js';
import { openThread } from './peers/thread.js';
import { type Contestant, compare, keepInFlight, type Measured } from './rounds.js';
import type { Effort, Suite, Verdict } from './suite.js';
import { formatTable, formatVerdict } from './table.js';

/** One comparison. */
export interface MessagingRow {
  readonly operation: 'tell' | 'ask';
  readonly place: 'local' | 'thread' | 'loopback';
  readonly payload: 'object' | 'bytes';
  /** Of asks: how many are under way at any time. Of tells: how many are sent before the sender waits until all are handled. */
  readonly inFlight: number;
  readonly godwit: Measured;
  readonly baselines: readonly Measured[];
  readonly verdicts: readonly Verdict[];
}

/** Bounds of DESIGN §10: ratio of our rate to the baseline's. `tell loopback tcp` is a direction there ('towards'), and not judged. */
const budgets: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'tell local': { ring: 0.6, nact: 20 },
  'ask local': { ring: 0.6 },
  'tell thread': { packed: 0.3 },
  'tell loopback': { connect: 0.75 },
  'ask loopback': { connect: 0.75 },
};

const windows = [1, 64, 1024];
const bytes = new Uint8Array(100).fill(7);
const payloads = {
  object: () => ({ type: 'inc', a: 1 }),
  bytes: () => bytes,
} as const;
type PayloadName = keyof typeof payloads;
/** Baselines that carry opaque bytes get what our codec makes of the payload. */
const opaque = new Set(['packed', 'connect', 'tcp']);

export const messaging: Suite<MessagingRow> = {
  name: 'messaging',
  summary: 'tell and ask; local, thread and loopback; 1, 64 and 1024 in flight',
  async run(effort, progress) {
    const rows: MessagingRow[] = [];
    for (const [place, open, names] of places) {
      const opened = await open();
      try {
        for (const payload of names) for (const row of await measurePlace(place, opened, payload, effort, progress)) rows.push(row);
      } finally {
        await opened.close();
      }
    }
    return rows;
  },
  format: (rows) =>
    formatTable(
      ['', 'place', 'payload', 'in flight', 'rate/s', 'baselines: rate/s (our ratio)', 'p50 ms', 'p99 ms', 'n', 'DESIGN §10'],
      rows.map((row) => [
        row.operation,
        row.place,
        row.payload,
        String(row.inFlight),
        formatRate(row.godwit.ratePerSecond),
        row.baselines.map(({ name, ratePerSecond, ratio }) => `${name} ${formatRate(ratePerSecond)} (${ratio.toFixed(2)})`).join(', '),
        row.godwit.latencyMs?.p50.toFixed(3) ?? '',
        row.godwit.latencyMs?.p99.toFixed(3) ?? '',
        String(row.godwit.samples),
        row.verdicts.map(formatVerdict).join(', '),
      ]),
    ),
};

const places: ReadonlyArray<readonly [MessagingRow['place'], () => Place | Promise<Place>, readonly PayloadName[]]> = [
  ['local', openLocal, ['object']],
  ['thread', openThread, ['object', 'bytes']],
  ['loopback', openLoopback, ['object', 'bytes']],
];

async function measurePlace(
  place: MessagingRow['place'],
  { peers }: Place,
  payload: PayloadName,
  effort: Effort,
  progress: (line: string) => void,
): Promise<MessagingRow[]> {
  const rows: MessagingRow[] = [];
  for (const operation of ['tell', 'ask'] as const) {
    for (const inFlight of windows) {
      progress(`messaging: ${operation} ${place} ${payload} ${inFlight} in flight`);
      const contestants = peers.map((peer) => contestantOf(peer, operation, payload, inFlight));
      const [godwit, ...baselines] = (await compare(contestants, inFlight, effort, operation === 'ask')) as [Measured, ...Measured[]];
      rows.push({ operation, place, payload, inFlight, godwit, baselines, verdicts: judge(`${operation} ${place}`, baselines) });
    }
  }
  return rows;
}

function contestantOf(peer: Peer, operation: MessagingRow['operation'], name: PayloadName, inFlight: number): Contestant {
  const encoded = encode(payloads[name](), { describe: () => undefined, revive: (target) => target });
  const payload: () => unknown = opaque.has(peer.name) ? () => encoded : payloads[name];
  return {
    name: peer.name,
    async run(count, timesMs) {
      if (operation === 'ask') await keepInFlight(count, inFlight, () => peer.ask(payload()), timesMs);
      else for (let sent = 0; sent < count; sent += inFlight) await peer.burst(inFlight, payload);
    },
  };
}

function judge(what: string, baselines: readonly Measured[]): Verdict[] {
  return baselines.flatMap(({ name, ratio }) => {
    const bound = budgets[what]?.[name];
    return bound === undefined ? [] : [{ of: `ratio to ${name}`, bound, measured: ratio, met: ratio >= bound }];
  });
}

function formatRate(perSecond: number): string {
  return Math.round(perSecond).toLocaleString('en');
}
