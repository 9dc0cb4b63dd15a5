// The faults, and how often each comes. Each ends by itself: when `suffer` resolves, its cause is gone.
import { setTimeout as pause } from 'node:timers/promises';
import { defaultLeaseMs } from '#core';
import type { Edge } from './edge.js';
import type { Seeded } from './seeded.js';

/** What can be done to an edge. */
export type EdgeFault = 'cut' | 'refuse' | 'short stall' | 'long stall' | 'slow link' | 'short pause' | 'long pause' | 'kill -9';

/** What can be done to the device. */
export type DeviceFault = 'device kill -9' | 'device short pause' | 'device long pause';

/** One of them with its numbers: what the fault log shows. */
export interface PlannedFault {
  readonly kind: EdgeFault;
  readonly lastsMs: number;
  /** Which way a stall or a slow link goes. */
  readonly direction: 'up' | 'down' | 'both';
  readonly delayMs: number;
  readonly bytesPerSecond: number;
}

/** Of a hundred. */
const weights: Readonly<Record<EdgeFault, number>> = {
  cut: 27,
  refuse: 12,
  'short stall': 15,
  'long stall': 4,
  'slow link': 10,
  'short pause': 14,
  'long pause': 4,
  'kill -9': 14,
};
/** A renewal may be this old when a fault begins: a fault shorter than the rest of the lease costs no takeover. */
const renewalAgeMs = 600;
/** An owner that is cut off longer has lost its lease, and its home has taken over. */
const longMs = { least: defaultLeaseMs + 250, most: defaultLeaseMs + 900 };

/** Whether the edge cannot be heard at home meanwhile. */
export function silences({ kind, direction }: PlannedFault): boolean {
  return kind !== 'slow link' && (!kind.endsWith('stall') || direction !== 'up');
}

export function plan(random: Seeded): PlannedFault {
  const kind = kindOf(random);
  return {
    kind,
    lastsMs: lastsMs(kind, random),
    direction: random.pick(kind === 'long stall' ? (['both', 'down'] as const) : (['both', 'both', 'up', 'down'] as const)),
    delayMs: random.between(5, 150),
    bytesPerSecond: random.between(50_000, 2_000_000),
  };
}

function kindOf(random: Seeded): EdgeFault {
  let rest = random.share() * Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  for (const [kind, weight] of Object.entries(weights) as Array<[EdgeFault, number]>) {
    if (rest < weight) return kind;
    rest -= weight;
  }
  return 'cut';
}

function lastsMs(kind: EdgeFault, random: Seeded): number {
  switch (kind) {
    case 'cut':
      return 0;
    case 'refuse':
    case 'slow link':
      return random.between(50, 700);
    case 'short stall':
    case 'short pause':
      return random.between(20, defaultLeaseMs - renewalAgeMs - 400);
    case 'long stall':
    case 'long pause':
      return random.between(longMs.least, longMs.most);
    case 'kill -9':
      // From well within the lease to well beyond it.
      return random.share() < 0.8 ? random.between(20, 900) : random.between(defaultLeaseMs, longMs.most);
  }
}

/** Does it to the edge and undoes it. `ended` says early that the run wants to be at rest. */
export async function suffer(edge: Edge, { kind, lastsMs, direction, delayMs, bytesPerSecond }: PlannedFault): Promise<void> {
  const { relayed } = edge;
  switch (kind) {
    case 'cut':
      relayed.reset();
      return;
    case 'refuse':
      relayed.refuse();
      relayed.reset();
      await pause(lastsMs);
      relayed.accept();
      return;
    case 'short stall':
    case 'long stall':
      relayed.stall(direction);
      await pause(lastsMs);
      relayed.flow(direction);
      return;
    case 'slow link':
      relayed.delay(delayMs, direction);
      relayed.jitter(delayMs, direction);
      relayed.rate(bytesPerSecond, direction);
      await pause(lastsMs);
      relayed.delay(0, direction);
      relayed.jitter(0, direction);
      relayed.rate(Number.POSITIVE_INFINITY, direction);
      return;
    case 'short pause':
    case 'long pause':
      edge.stop();
      await pause(lastsMs);
      edge.continue();
      return;
    case 'kill -9':
      await edge.kill();
      await pause(lastsMs);
      await edge.restart();
  }
}

/** The next fault of the device. @param spared true if it must not be killed */
export function planForDevice(random: Seeded, spared: boolean): { readonly kind: DeviceFault; readonly lastsMs: number } {
  const share = random.share();
  if (share < 0.3) return { kind: 'device short pause', lastsMs: random.between(20, defaultLeaseMs - renewalAgeMs - 400) };
  if (share < 0.5 || spared) return { kind: 'device long pause', lastsMs: random.between(longMs.least, longMs.most) };
  return { kind: 'device kill -9', lastsMs: random.between(20, 2500) };
}

/** True if the device must dial anew afterwards. */
export function breaksLink(kind: EdgeFault): boolean {
  return kind === 'cut' || kind === 'refuse' || kind === 'kill -9';
}
