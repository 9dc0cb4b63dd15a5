import { defaultLeaseMs } from '#core';

/** What a takeover may take beyond the lease, milliseconds (issue 3): the clock margin, and the restore on a busy machine. */
const allowanceMs = 200;
export const takeoverLimitMs = defaultLeaseMs + allowanceMs;

/** One courier that came back at home without its edge. */
export interface Takeover {
  readonly courier: string;
  readonly edge: string;
  /** From the moment the edge could be heard no more to the first turn at home. */
  readonly tookMs: number;
  /** True if it had not arrived at the edge when that fell silent: its lease began when the home committed, which was later. */
  readonly midMove: boolean;
  /** How late the device's process ran its timers about then: nothing there can be more in time than that. */
  readonly latenessMs: number;
}

/** Measures takeovers: knows when each edge could not be heard. */
export class Takeovers {
  readonly all: Takeover[] = [];
  /** Takeovers from an edge that nothing had been done to: the machine was too slow for a lease. */
  unprovoked = 0;
  private readonly arrivals = new Map<string, { readonly edge: string; readonly atMs: number }>();
  private readonly silences = new Map<string, { readonly fromMs: number; untilMs: number }>();
  private homeAtMs = 0;

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

  restored(courier: string, edge: string, atMs: number, latenessMs: number): Takeover | undefined {
    const silence = this.silences.get(edge);
    if (silence === undefined || atMs > silence.untilMs + takeoverLimitMs) {
      this.unprovoked += 1;
      return undefined;
    }
    const arrival = this.arrivals.get(courier);
    const midMove = arrival?.edge !== edge || arrival.atMs > silence.fromMs;
    const takeover = { courier, edge, tookMs: atMs - Math.max(silence.fromMs, this.homeAtMs), midMove, latenessMs };
    this.all.push(takeover);
    return takeover;
  }

  /** Those of couriers that ran there, beyond the limit and what the machine made the device late, slowest first. */
  tooSlow(): Takeover[] {
    return this.all.filter(({ tookMs, midMove, latenessMs }) => !midMove && tookMs > takeoverLimitMs + latenessMs).sort((a, b) => b.tookMs - a.tookMs);
  }
}
