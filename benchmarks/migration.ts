// Moves of an actor between this process (the device) and another (the edge), over the Connect link, while a caller keeps asking it.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type MoveReport, type Node, type Ref, spawn, type Tier } from '#core';
import { bundler } from '#toolchain';
import { createBlobTransfer, createConnectTransport } from '#transports/connect';
import { Ballast } from './ballast.js';
import { openSink, type Sink } from './baselines/tcp-sink.js';
import { benchKey, createBenchNode, createStore } from './bench-node.js';
import { type ColdModules, createColdModules } from './cold-modules.js';
import type { EdgeAddresses } from './far/edge.js';
import { type Latency, latencyOf, median } from './statistics.js';
import type { Effort, Suite, Verdict } from './suite.js';
import { formatTable, formatVerdict } from './table.js';

/** Moves of one kind. Times in milliseconds, sizes in bytes. */
export interface MigrationRow {
  readonly size: 'small' | '1 MB' | '16 MB';
  /** Where the actor runs on the edge. */
  readonly tier: Tier;
  /** 'out' to the edge, 'back' to the device, where the module always is. */
  readonly direction: 'out' | 'back';
  /** False if the edge had to get and compile the program. */
  readonly warm: boolean;
  readonly stallMs: Latency;
  /** From the call to the report. */
  readonly totalMs: Latency;
  /** The longest that the caller waited for an answer during a move, prepare and all. */
  readonly callerWaitMs: Latency;
  readonly bytes: { readonly module: number; readonly capture: number };
  /** As many bytes over an open TCP connection and one byte back, measured after each move. */
  readonly tcpMs: Latency;
  /** Median of stall to TCP time, move by move. */
  readonly stallToTcp: number;
  readonly verdicts: readonly Verdict[];
}

interface Sample {
  readonly report: MoveReport;
  readonly callerWaitMs: number;
  readonly tcpMs: number;
}

interface Ends {
  readonly device: Node;
  readonly modules: ColdModules;
  readonly sink: Sink;
}

const sizes = { small: 0, '1 MB': 1 << 20, '16 MB': 16 << 20 } as const;
type SizeName = keyof typeof sizes;
/** Large states are moved less often: the figures of one are seconds apart. */
const fewer: Readonly<Record<SizeName, number>> = { small: 1, '1 MB': 2, '16 MB': 4 };
/** Stall of a small actor on loopback (DESIGN §10). */
const stallBudgetMs = { p50: 5, p99: 20 };
/** A caller of a large actor waits for the whole move. */
const askTimeoutMs = 60_000;

export const migration: Suite<MigrationRow> = {
  name: 'migration',
  summary: 'moves between two processes; small, 1 MB and 16 MB; cold and warm',
  async run(effort, progress) {
    const child = fork(fileURLToPath(new URL('./far/edge.js', import.meta.url)), { execArgv: [] });
    const [{ godwit, sinkPort }] = (await once(child, 'message')) as [EdgeAddresses];
    const blobs = createStore();
    const modules = createColdModules(bundler([Ballast]));
    const transfer = createBlobTransfer({ key: benchKey, blobs, peers: (peer) => (peer === 'edge' ? godwit : undefined) });
    const device = createBenchNode('device', { blobs, transfer, modules });
    await device.keepLink(createConnectTransport({ key: benchKey }), godwit).linked;
    const sink = await openSink(sinkPort);
    try {
      return await measure({ device, modules, sink }, effort, progress);
    } finally {
      sink.close();
      transfer.close();
      await device.close();
      child.disconnect();
      await once(child, 'exit');
    }
  },
  format: (rows) =>
    formatTable(
      [
        'state',
        'tier',
        'way',
        'module',
        'stall p50/p99 ms',
        'total p50/p99 ms',
        'caller waits p50/p99 ms',
        'bytes module + capture',
        'tcp p50 ms',
        'stall : tcp',
        'n',
        'DESIGN §10',
      ],
      rows.map((row) => [
        row.size,
        row.tier,
        row.direction,
        row.warm ? 'warm' : 'cold',
        formatLatency(row.stallMs),
        formatLatency(row.totalMs),
        formatLatency(row.callerWaitMs),
        `${row.bytes.module} + ${row.bytes.capture}`,
        row.tcpMs.p50.toFixed(2),
        row.stallToTcp.toFixed(1),
        String(row.stallMs.samples),
        row.verdicts.map(formatVerdict).join(', '),
      ]),
    ),
};

async function measure(ends: Ends, effort: Effort, progress: (line: string) => void): Promise<MigrationRow[]> {
  const rows: MigrationRow[] = [];
  for (const tier of ['script', 'native'] as const) {
    for (const size of Object.keys(sizes) as SizeName[]) {
      progress(`migration: ${size} to the ${tier} tier`);
      const moves = Math.max(2, Math.ceil(effort.moves / fewer[size]));
      await goAndReturn(ends, tier, size);
      const trips = { cold: [] as Sample[], warm: [] as Sample[], back: [] as Sample[] };
      // Cold and warm in turns; the native tier has no program to get.
      for (let index = 0; index < moves; index++) {
        for (const kind of tier === 'script' ? (['cold', 'warm'] as const) : (['warm'] as const)) {
          if (kind === 'cold') ends.modules.renew();
          const { out, back } = await goAndReturn(ends, tier, size);
          trips[kind].push(out);
          trips.back.push(back);
        }
      }
      if (trips.cold.length > 0) rows.push(rowOf(size, tier, 'out', false, trips.cold));
      rows.push(rowOf(size, tier, 'out', true, trips.warm), rowOf(size, tier, 'back', true, trips.back));
    }
  }
  return rows;
}

let spawned = 0;

/** A new actor goes to the edge and comes back. */
async function goAndReturn({ device, sink }: Ends, tier: Tier, size: SizeName): Promise<{ out: Sample; back: Sample }> {
  spawned += 1;
  const ballast = spawn(device, Ballast, `ballast-${spawned}`);
  await ballast.fill(sizes[size], { timeoutMs: askTimeoutMs });
  const out = await sample(ballast, sink, () => device.move(ballast.$address, { to: 'edge', token: tier }));
  if (out.report.to.tier !== tier) throw new Error(`the actor went to the ${out.report.to.tier} tier instead of ${tier}`);
  const back = await sample(ballast, sink, () => device.recall(ballast.$address));
  device.stop(ballast.$address);
  return { out, back };
}

/** One move, under a caller that always has an ask waiting. */
async function sample(ballast: BallastRef, sink: Sink, move: () => Promise<MoveReport>): Promise<Sample> {
  let moving = true;
  let callerWaitMs = 0;
  const calling = (async () => {
    while (moving) {
      const askedAt = performance.now();
      await ballast.touch(undefined, { timeoutMs: askTimeoutMs });
      callerWaitMs = Math.max(callerWaitMs, performance.now() - askedAt);
      // Asks of an actor next door are answered in microtasks: I/O, and so the move, must have its chance.
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  const report = await move().finally(() => {
    moving = false;
  });
  await calling;
  const { module, capture } = report.bytes;
  return { report, callerWaitMs, tcpMs: await sink.send(Math.max(1, module + capture)) };
}

type BallastRef = typeof Ballast extends { readonly on: infer H } ? Ref<H> : never;

function rowOf(size: SizeName, tier: Tier, direction: MigrationRow['direction'], warm: boolean, samples: readonly Sample[]): MigrationRow {
  const of = (value: (sample: Sample) => number) => samples.map(value);
  const stallMs = latencyOf(of(({ report }) => report.stallMs));
  return {
    size,
    tier,
    direction,
    warm,
    stallMs,
    totalMs: latencyOf(of(({ report }) => report.totalMs)),
    callerWaitMs: latencyOf(of(({ callerWaitMs }) => callerWaitMs)),
    bytes: { module: median(of(({ report }) => report.bytes.module)), capture: median(of(({ report }) => report.bytes.capture)) },
    tcpMs: latencyOf(of(({ tcpMs }) => tcpMs)),
    stallToTcp: median(of(({ report, tcpMs }) => report.stallMs / tcpMs)),
    verdicts: size === 'small' ? judge(stallMs) : [],
  };
}

function judge({ p50, p99 }: Latency): Verdict[] {
  return [
    { of: 'stall p50', bound: stallBudgetMs.p50, measured: p50, met: p50 <= stallBudgetMs.p50 },
    { of: 'stall p99', bound: stallBudgetMs.p99, measured: p99, met: p99 <= stallBudgetMs.p99 },
  ];
}

function formatLatency({ p50, p99 }: Latency): string {
  return `${p50.toFixed(1)} / ${p99.toFixed(1)}`;
}
