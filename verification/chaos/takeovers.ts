import { defaultLeaseMs } from '#core';

/** What a takeover may take beyond the lease, milliseconds (issue 3): the clock margin, and the restore. */
const allowanceMs = 200;
export const takeoverLimitMs = defaultLeaseMs + allowanceMs;
/**
 * A takeover is held to the limit if neither its home nor the driver, through which everything travels, ran a timer later than this meanwhile,
 * nor the disk took longer for one block.
 */
const onTimeMs = 50;

/** One courier that came back at home without its edge. */
export interface Takeover {
  readonly courier: string;
  readonly edge: string;
  /** From the moment the edge could be heard no more to the first turn at home. */
  readonly tookMs: number;
  /** True if it had not arrived at the edge when that fell silent: its lease began when the home committed, which was later. */
  readonly midMove: boolean;
  /** When it ran. */
  readonly atMs: number;
}

/** One beyond the limit. */
export interface SlowTakeover extends Takeover {
  /** The most that its home, the driver or the disk was late meanwhile. */
  readonly latenessMs: number;
}

/** Measures takeovers: knows when each edge could not be heard. */
export class Takeovers {
  readonly all: Takeover[] = [];
  /** Takeovers before which, within the lease, the home itself had been stopped: milliseconds from when it went on. They are held to no limit. */
  readonly afterStopsMs: number[] = [];
  /** Takeovers from an edge that nothing had been done to: the machine was too slow for a lease. */
  unprovoked = 0;
  private readonly arrivals = new Map<string, { readonly edge: string; readonly atMs: number }>();
  private readonly silences = new Map<string, { readonly fromMs: number; untilMs: number }>();
  private homeAtMs = 0;
  private stoppedUntilMs = Number.NEGATIVE_INFINITY;

  /** The edge cannot be heard from now on. */
  silent(edge: string, atMs: number): void {
    this.silences.set(edge, { fromMs: atMs, untilMs: Number.POSITIVE_INFINITY });
  }

  /** The edge is heard again. */
  heard(edge: string, atMs: number): void {
    const silence = this.silences.get(edge);
    if (silence !== undefined) silence.untilMs = atMs;
  }

  /** A courier runs on an edge now. */
  arrived(courier: string, edge: string, atMs: number): void {
    this.arrivals.set(courier, { edge, atMs });
  }

  /** The device runs since now: a home that restarted waits one lease from here. */
  homeStarted(atMs: number): void {
    this.homeAtMs = atMs;
  }

  /** The device was stopped until now: leases went on meanwhile, and much is due at once. */
  homeWentOn(atMs: number): void {
    this.stoppedUntilMs = atMs;
  }

  restored(courier: string, edge: string, atMs: number): Takeover | undefined {
    const silence = this.silences.get(edge);
    if (silence === undefined || atMs > silence.untilMs + takeoverLimitMs) {
      if (atMs <= this.stoppedUntilMs + takeoverLimitMs) this.afterStopsMs.push(atMs - this.stoppedUntilMs);
      else this.unprovoked += 1;
      return undefined;
    }
    const fromMs = Math.max(silence.fromMs, this.homeAtMs);
    if (fromMs <= this.stoppedUntilMs) {
      this.afterStopsMs.push(atMs - this.stoppedUntilMs);
      return undefined;
    }
    const arrival = this.arrivals.get(courier);
    const midMove = arrival?.edge !== edge || arrival.atMs > silence.fromMs;
    const takeover = { courier, edge, tookMs: atMs - fromMs, midMove, atMs };
    this.all.push(takeover);
    return takeover;
  }

  /**
   * Those of couriers that ran there, beyond the limit, slowest first.
   * @param latenessOf the most that the home, the driver or the disk was late between two moments
   */
  slow(latenessOf: (fromMs: number, untilMs: number) => number): SlowTakeover[] {
    return this.all
      .filter(({ tookMs, midMove }) => !midMove && tookMs > takeoverLimitMs)
      .map((takeover) => ({ ...takeover, latenessMs: latenessOf(takeover.atMs - takeover.tookMs, takeover.atMs) }))
      .sort((a, b) => b.tookMs - a.tookMs);
  }
}

/** Whether it is held to the limit. */
export function isOnTime({ latenessMs }: SlowTakeover): boolean {
  return latenessMs <= onTimeMs;
}
