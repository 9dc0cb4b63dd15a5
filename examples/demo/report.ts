import type { Box } from '#actors/search-and-rescue';
import type { MoveReport } from '#core';
import { type FrameCounts, type FrameLedger, percentile } from './frame-ledger.js';

/** Where an actor runs. */
export interface Place {
  readonly node: string;
  readonly tier: string;
  /** Process, and thread if it has one. */
  readonly place: string;
}

/** One stay of the detector. */
export interface PhaseReport extends Place {
  readonly backend: string;
  readonly frames: number;
  readonly responseMs: { readonly p50: number; readonly p95: number };
}

/** One move. Times in milliseconds, sizes in bytes. */
export interface MigrationReport {
  readonly actor: string;
  /** Names of the nodes. */
  readonly from: string;
  readonly to: string;
  readonly fromTier: string;
  readonly toTier: string;
  readonly fromPlace: string;
  readonly toPlace: string;
  readonly trigger: string;
  readonly stallMs: number;
  readonly totalMs: number;
  /** Module, capture and models together. */
  readonly bytes: number;
  readonly moduleBytes: number;
  readonly captureBytes: number;
  readonly modelBytes: number;
  readonly warm: boolean;
  readonly stateHash: { readonly before: string; readonly after: string };
}

/** What the kill of the edge did. */
export interface KillReport {
  /** Process that was killed. */
  readonly pid: number;
  /** Frame that the detector was working on. */
  readonly frame: number;
  /** Milliseconds from the kill to the detector running on the device. */
  readonly resumedAfterMs: number;
  /** Turns that the checkpoint remembered. */
  readonly checkpointTurns: number;
  readonly resumedAt: Place;
  /** Of the turns run again, those whose answer had arrived: their second answer was dropped. */
  readonly reexecutedAnswered: number;
}

/** What `--json` prints: documented in docs/demo.md. */
export interface DemoReport {
  readonly schema: 1;
  readonly ok: boolean;
  /** Why not; empty if ok. */
  readonly faults: readonly string[];
  readonly options: { readonly frames: number; readonly seed: number; readonly images: string | null; readonly killEdge: boolean; readonly robots: number };
  readonly processes: { readonly device: number; readonly edge: number };
  /** `reexecuted`: turns that the killed edge had been given and the device ran again. */
  readonly frames: FrameCounts & { readonly reexecuted: number };
  readonly phases: readonly PhaseReport[];
  readonly migrations: readonly MigrationReport[];
  readonly killed: KillReport | null;
  readonly detections: ReadonlyArray<{ readonly frame: number; readonly label: string; readonly score: number; readonly box: Box; readonly node: string }>;
  /** Frames that were answered at the edge, detected again at the device. */
  readonly boxes: BoxCheck;
  readonly map: { readonly objects: number; readonly byLabel: Readonly<Record<string, number>> };
  /** What `--robots 2` adds; otherwise null. */
  readonly sharedMap: SharedMapReport | null;
  readonly durationMs: number;
}

/** Two robots, one map. */
export interface SharedMapReport {
  /** Address of the map that both use in the end. */
  readonly actor: string;
  readonly node: string;
  /** On each robot's own map before, and on the one map after. */
  readonly objects: { readonly first: number; readonly second: number; readonly merged: number };
  /** Objects of the merged map that both robots saw. */
  readonly seenByBoth: number;
  /** True if both robots see the same map after the merge, with no fewer objects than either had, and sightings of both. */
  readonly complete: boolean;
}

/** The same frames detected at both places. */
export interface BoxCheck {
  readonly compared: number;
  readonly equal: number;
  readonly detections: number;
  readonly backends: { readonly device: string; readonly edge: string };
}

/** @param places of the stays in order */
export function phasesFrom(ledger: FrameLedger, places: readonly Place[]): PhaseReport[] {
  return ledger.stays.map(({ node, frames, responsesMs, backend }, index) => {
    const place = places[index];
    const known = place?.node === node ? place : { node, tier: 'unknown', place: 'unknown' };
    return { ...known, backend, frames: frames.length, responseMs: { p50: percentile(responsesMs, 0.5), p95: percentile(responsesMs, 0.95) } };
  });
}

export function migrationFrom({ actor, from, to, trigger, stallMs, totalMs, bytes, warm, stateHash }: MoveReport): MigrationReport {
  return {
    actor,
    from: from.node,
    to: to.node,
    fromTier: from.tier,
    toTier: to.tier,
    fromPlace: from.place,
    toPlace: to.place,
    trigger,
    stallMs,
    totalMs,
    bytes: bytes.module + bytes.capture + bytes.models,
    moduleBytes: bytes.module,
    captureBytes: bytes.capture,
    modelBytes: bytes.models,
    warm,
    stateHash,
  };
}

/** What must hold for the demo to have shown what it claims. */
export function faultsOf({ frames, migrations, phases, boxes, killed, options, sharedMap }: Omit<DemoReport, 'ok' | 'faults'>): string[] {
  const { device, edge } = boxes.backends;
  const wanted = options.killEdge ? { moves: 1, stays: 3 } : { moves: 3 + options.robots, stays: 5 };
  const checks: ReadonlyArray<readonly [boolean, string]> = [
    [frames.sent === options.frames, `${frames.sent} of ${options.frames} frames were sent`],
    [frames.lost === 0, `${frames.lost} frames lost`],
    [frames.duplicated === 0, `${frames.duplicated} frames duplicated`],
    [frames.outOfOrder === 0, `${frames.outOfOrder} frames out of order`],
    [migrations.length === wanted.moves, `${migrations.length} moves instead of ${wanted.moves}`],
    ...migrations.map(({ stateHash, to }) => [stateHash.before === stateHash.after, `the move to ${to} changed the state`] as const),
    ...migrations.map(({ fromPlace, toPlace, to }) => [fromPlace !== toPlace, `after the move to ${to} it runs where it did`] as const),
    [phases.every(({ tier }) => tier !== 'unknown'), 'a frame was answered at an unknown place'],
    [phases.length === wanted.stays, `${phases.length} stays instead of ${wanted.stays}`],
    [
      boxes.compared > 0 && (device !== edge || boxes.equal === boxes.compared),
      `${boxes.compared - boxes.equal} of ${boxes.compared} frames have other boxes at the edge than at the device`,
    ],
    [!options.killEdge || killed !== null, 'the edge was not killed'],
    [options.robots === 1 || sharedMap?.complete === true, 'the merged map is not complete'],
  ];
  return checks.filter(([holds]) => !holds).map(([, fault]) => fault);
}
