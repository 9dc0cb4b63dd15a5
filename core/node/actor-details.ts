import type { Manifest } from '../ports/module-source.js';
import type { Cell } from './cell.js';
import type { ActorInfo } from './types.js';

/** One actor that is here, looked into: for those who operate it. Numbers count records. @public */
export interface ActorDetails extends ActorInfo {
  readonly durable: boolean;
  /** Of the module it runs from, or was last moved with; undefined if it never left the code that is here. */
  readonly manifest: Manifest | undefined;
  /** What it has handled of each sender's stream, and what of it waits. */
  readonly cursors: ReadonlyArray<{ readonly from: string; readonly handled: number; readonly accepted: number }>;
  /** What it has sent to each receiver, and how much of it is kept until it is stable. */
  readonly outboxes: ReadonlyArray<{ readonly to: string; readonly sent: number; readonly held: number }>;
  /** Asks and streams that wait for its answer. */
  readonly openAsks: number;
  /** Asks and streams of its own that wait for an answer. */
  readonly pendingAsks: number;
  readonly timers: number;
}

/** @param info of the same cell */
export function detailsOf(cell: Cell, info: ActorInfo): ActorDetails {
  return {
    ...info,
    durable: cell.durable,
    manifest: cell.manifest,
    cursors: [...cell.cursors.values()].map(({ from, handled, accepted }) => ({ from: from.$address, handled, accepted })),
    outboxes: [...cell.outlet.channels.values()].map(({ to, next, held }) => ({ to, sent: next - 1, held: held.length })),
    openAsks: [...cell.open.values()].length,
    pendingAsks: [...cell.outlet.asks.values()].length,
    timers: cell.outlet.timers.size,
  };
}
