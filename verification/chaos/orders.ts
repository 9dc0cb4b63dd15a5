// What the driver and its processes say to each other over IPC.
import type { ActorInfo, Durability, NodeEvent } from '#core';
import type { Sending } from './check.js';
import type { CourierReport } from './courier.js';
import type { Lateness } from './lateness.js';
import type { Read } from './reader.js';

/** How an edge is to run. */
export interface EdgeSetup {
  readonly name: string;
  readonly key: string;
  /** 0 for its first life; then the same again, where the relay leads. */
  readonly port: number;
  /** Addresses of other edges to link to: couriers on different edges talk directly. */
  readonly peers: readonly string[];
  /** What couriers run on there. */
  readonly tier: 'native' | 'script';
}

/** How a device is to run. */
export interface DeviceSetup {
  readonly name: string;
  readonly key: string;
  /** Of the relays. */
  readonly edges: readonly string[];
  readonly couriers: readonly string[];
  readonly durability: Durability;
  readonly tickMs: number;
  /** Name by which this life of the application sends. */
  readonly application: string;
  /** Where it keeps what outlives it. */
  readonly dataDir: string;
}

/** What the driver asks of the device; each is answered once. */
export type DeviceOrder =
  | { readonly type: 'start'; readonly setup: DeviceSetup }
  /** By the control plane: gets an offer, and accepts it after a while. */
  | { readonly type: 'offload'; readonly courier: string; readonly edge: string; readonly acceptAfterMs: number }
  /** At once, with a token that the edge was told of. */
  | { readonly type: 'move'; readonly courier: string; readonly edge: string; readonly token: string }
  | { readonly type: 'recall'; readonly courier: string }
  | { readonly type: 'whereabouts'; readonly courier: string }
  /** Answered once the edge at this address answers the device. */
  | { readonly type: 'hear'; readonly url: string }
  | { readonly type: 'list' }
  | { readonly type: 'settle' };

/** What the driver asks of an edge. */
export type EdgeOrder =
  | { readonly type: 'start'; readonly setup: EdgeSetup }
  /** Lets the actor at this address come, as if it had accepted an offer. */
  | { readonly type: 'list' }
  | { readonly type: 'expect'; readonly actor: string; readonly durability: Durability; readonly device: string; readonly token: string };

/** What they answer. */
export interface Answers {
  readonly start: { readonly port: number };
  readonly expect: true;
  readonly offload: { readonly place: string };
  readonly move: { readonly place: string };
  readonly recall: { readonly place: string };
  /** Name of the node that owns it, as far as the device knows. */
  readonly whereabouts: { readonly node: string };
  readonly hear: true;
  /** What the node knows of every actor: for the log, when something is stuck. */
  readonly list: readonly ActorInfo[];
  readonly settle: { readonly reports: readonly CourierReport[]; readonly sendings: readonly Sending[]; readonly reads: readonly Read[] };
}

/** An order on its way. */
export interface Numbered<Order> {
  readonly id: number;
  readonly order: Order;
}

/** What processes say unasked. `atMs` is of the clock that all processes of a machine share. */
export type News =
  | { readonly type: 'event'; readonly atMs: number; readonly event: NodeEvent }
  /** A move or a recall of a courier begins now. */
  | { readonly type: 'moving'; readonly courier: string; readonly edge: string }
  /** What the application sent and read so far. */
  | { readonly type: 'progress'; readonly sendings: readonly Sending[]; readonly reads: readonly Read[] }
  /** How late the device's process was. */
  | ({ readonly type: 'lateness' } & Lateness);

/** process → driver. */
export type Message = News | { readonly type: 'answer'; readonly id: number; readonly value?: unknown; readonly error?: string };

/** Milliseconds of the machine's monotonic clock, the same in every process of it. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
