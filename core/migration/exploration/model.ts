/** What the world of `world.ts` is made of, and what can happen in it. */
import type { Hash } from '../../ports/digest.js';
import type { Manifest } from '../../ports/module-source.js';
import type { HomeEvent, HomeState } from '../home-state.js';
import type { OwnerEvent, OwnerState } from '../owner.js';
import type { SourceEvent, SourceState } from '../source-state.js';
import type { TargetEvent, TargetState } from '../target.js';
import type { Capture, Epoch, MigrationMessage, MoveId, NodeId } from '../types.js';

/** A rule of the protocol that a world can be made to break, to show that the checks notice. */
export type Ablation =
  | 'source resumes without the competing proposal'
  | 'target runs without a grant'
  | 'retained copy dropped at commit'
  | 'register changed without compare'
  | 'cancel believed from another life of the source'
  | 'lease counted from the receipt of the grant'
  | 'owner runs on after its lease'
  | 'home takes over without waiting for the lease'
  | 'checkpoint believed stable before the home knows it';

/** How many of each kind of mishap may still happen. */
export interface Budget {
  moves: number;
  drops: number;
  duplicates: number;
  crashes: number;
  cuts: number;
  timers: number;
  cancels: number;
  failures: number;
  checkpoints: number;
  waits: number;
}

export type NodeName = 'a' | 'b' | 'c';
export const names: readonly NodeName[] = ['a', 'b', 'c'];
export const actor = 'a/walker';
export const manifest: Manifest = {
  definition: 'walker',
  version: 1,
  tier: 'native',
  program: 'program' as Hash,
  programBytes: 1,
  hostFunctions: [],
  models: {},
  needs: { memoryBytes: 0, models: [] },
  limits: {},
};

export interface Live {
  readonly epoch: Epoch;
  readonly frozen: boolean;
  readonly turns: number;
}

/** One node: its machines, and the copies of the actor it holds. */
export interface WorldNode {
  id: NodeId;
  readonly skewMs: number;
  sources: Record<MoveId, SourceState>;
  targets: Record<MoveId, TargetState>;
  owner: OwnerState | undefined;
  home: HomeState | undefined;
  live: Live | undefined;
  /** Frozen copies after commit, and restored copies before the grant, by move: turns. */
  retained: Record<MoveId, number>;
  restored: Record<MoveId, number>;
  /** Checkpoints that this node, as the home, keeps. */
  checkpoints: readonly string[];
  /** Due time of each running timer, `role move timer`, in world time. */
  timers: Record<string, number>;
}

export interface Packet {
  readonly from: NodeName;
  readonly to: NodeName;
  readonly message: MigrationMessage;
}

// `without nowMs`, distributed over the union
export type Bare<E> = E extends unknown ? Omit<E, 'nowMs'> : never;
export type Fed =
  | { readonly role: 'source'; readonly move: MoveId; readonly event: Bare<SourceEvent> }
  | { readonly role: 'target'; readonly move: MoveId; readonly event: Bare<TargetEvent> }
  | { readonly role: 'owner'; readonly event: Bare<OwnerEvent> }
  | { readonly role: 'home'; readonly event: Bare<HomeEvent> };

/** Something a node is doing that ends with an event; `boot` guards against a crash in between. */
export type Work = { readonly node: NodeName; readonly boot: string } & Fed;

/** One thing that can happen next. */
export type Choice =
  | { readonly type: 'deliver' | 'drop' | 'duplicate'; readonly packet: number }
  | { readonly type: 'work' | 'fail'; readonly work: number }
  | { readonly type: 'timer'; readonly node: NodeName; readonly timer: string }
  | { readonly type: 'begin'; readonly node: NodeName; readonly to: NodeName }
  | { readonly type: 'crash' | 'cancel' | 'checkpoint'; readonly node: NodeName }
  | { readonly type: 'cut'; readonly a: NodeName; readonly b: NodeName }
  | { readonly type: 'heal' }
  | { readonly type: 'wait'; readonly ms: number };

export interface WorldOptions {
  readonly home: NodeName;
  readonly budget: Budget;
  readonly ablation?: Ablation;
  /** Local work ends at once and nothing depends on time: what is left are the interleavings of messages and timers. */
  readonly timeless?: boolean;
  readonly skewMs?: readonly number[];
}

export function hashOf(turns: number): Hash {
  return `state-${turns}` as Hash;
}

export function captureOf(turns: number): Capture {
  return { hash: hashOf(turns), turns, sizeBytes: 8 };
}
