import type { Code, ErrorValue } from '../errors.js';
import type { Hash } from '../ports/digest.js';
import type { Manifest } from '../ports/module-source.js';

/** Name of one move (or takeover) of one actor, never used twice. */
export type MoveId = string & { readonly __brand: 'move' };

/** Fencing number of an actor's ownership: an integer ≥ 1 that grows at each change of owner. */
export type Epoch = number;

/** A life of a node. One that restarts is another node: same name, new boot id. */
export interface NodeId {
  readonly name: string;
  readonly boot: string;
}

/** True for the same life of the same node. */
export function sameNode(a: NodeId, b: NodeId): boolean {
  return a.name === b.name && a.boot === b.boot;
}

/** A serialised actor that is safe outside its owner: what a takeover restores. */
export interface Base {
  readonly hash: Hash;
  /** Turns the actor had handled in its life when this was taken; orders the checkpoints of one epoch. */
  readonly turns: number;
}

/** The home register of one actor: who owns it. Only `register.ts` makes a new one. */
export interface Register {
  readonly epoch: Epoch;
  readonly owner: NodeId;
  /** Who holds the bytes of `base`: the source of the last move, then the node that acknowledged a checkpoint. */
  readonly standby?: NodeId;
  readonly base?: Base;
  /** Milliseconds a grant lasts for an owner other than the home; the home itself needs none. */
  readonly leaseMs: number;
  /** The move that made this owner the owner: tells a repeated proposal from a competing one. */
  readonly move: MoveId;
}

/** One compare-and-set of a register. */
export interface Proposal {
  readonly move: MoveId;
  readonly expect: { readonly owner: NodeId; readonly epoch: Epoch };
  readonly next: {
    readonly owner: NodeId;
    /** The capture that the next owner starts from, kept by `standby`; absent: what the register has stays. */
    readonly base?: Base;
    readonly standby?: NodeId;
  };
}

/** How long the protocol waits, in milliseconds. */
export interface Timings {
  /** Source: from `begin` to a warmed target. The actor runs meanwhile, so a cold module may take its time over a slow link. */
  readonly prepareTimeoutMs: number;
  /** Source: for the running turn to end (DESIGN §4). */
  readonly freezeTimeoutMs: number;
  /** Source: for the capture to leave; the actor stands still, 64 MB over 100 Mbps take 5.4 s. */
  readonly transferTimeoutMs: number;
  /** Source: for READY once the capture has left: one round trip and a restore. */
  readonly readyTimeoutMs: number;
  /** Source: between two sendings of a proposal without an answer; a home answers in a round trip and an fsync. */
  readonly proposeRetryMs: number;
  /** Source: between two looks at the register while it keeps its frozen copy; only matters if the home's word was lost. */
  readonly retainCheckMs: number;
  /** Target: from the reservation to READY: everything the source may wait for, so that the source gives up first. */
  readonly reservationMs: number;
  /** Target: from READY to the first question, and between two; well below `leaseMs`, so that a lost grant is found while the lease lasts. */
  readonly doubtMs: number;
  /** Owner: between two announcements of a stable checkpoint without an answer. */
  readonly stableRetryMs: number;
  /** Owner: between two renewals; four per lease, so that three may be lost. */
  readonly renewEveryMs: number;
  /** Home: between two tries to restore when the standby could not be reached. */
  readonly restoreRetryMs: number;
  /** Home: what it waits beyond a lease, for clocks that run at different rates: 5 % of a lease covers any quartz and NTP's slewing. */
  readonly clockMarginMs: number;
}

/** How long an owner may run without hearing from the home, in milliseconds: as short as the outages of a moving 5G device's link allow. */
export const defaultLeaseMs = 2000;

export const defaultTimings: Timings = Object.freeze({
  prepareTimeoutMs: 30_000,
  freezeTimeoutMs: 1000,
  transferTimeoutMs: 10_000,
  readyTimeoutMs: 2000,
  proposeRetryMs: 250,
  retainCheckMs: 1000,
  reservationMs: 45_000,
  doubtMs: 250,
  stableRetryMs: 500,
  renewEveryMs: 500,
  restoreRetryMs: 250,
  clockMarginMs: 100,
});

/** What a source needs to know to begin a move. */
export interface MovePlan {
  readonly move: MoveId;
  readonly actor: string;
  /** The epoch at which the source owns the actor. */
  readonly epoch: Epoch;
  readonly source: NodeId;
  readonly target: NodeId;
  /** Name of the node that keeps the register: may be the source, the target or a third one. */
  readonly home: string;
  /** The how-manieth hand-over made it that; absent for the first home. */
  readonly term?: number;
  readonly manifest: Manifest;
  /** What the accepted offer gave the source; the target's admission checks it. */
  readonly token?: string;
  /** Every blob the target needs to run the module. */
  readonly blobs: readonly Hash[];
  /** What the target should reserve for the state, bytes. */
  readonly expectedBytes: number;
  readonly timings: Timings;
}

/** A serialised, frozen actor: its address, its length in bytes and the turns behind it. */
export interface Capture extends Base {
  readonly sizeBytes: number;
}

interface Head {
  readonly move: MoveId;
  /** Address of the actor. */
  readonly actor: string;
  /** The epoch the sender speaks of: the source's own until commit, the new owner's after. */
  readonly epoch: Epoch;
  readonly from: NodeId;
}
type Message<T extends string, Fields = unknown> = Readonly<{ type: T } & Head & Fields>;

/** What nodes say to each other about a move; plain data that the codec carries. */
export type MigrationMessage =
  /** source → target: reserve, and say what is missing. For this life of the target only: another would never be believed. */
  | Message<
      'prepare',
      { target: NodeId; home: string; term?: number; manifest: Manifest; token?: string; blobs: readonly Hash[]; expectedBytes: number; timings: Timings }
    >
  /** target → source: reserved; these blobs are missing. */
  | Message<'prepared', { missing: readonly Hash[] }>
  /** source → target: the missing blobs are on offer. */
  | Message<'blobs', { hashes: readonly Hash[] }>
  /** target → source: an instance waits for the state; the freeze may begin. */
  | Message<'warmed'>
  /** source → target: the frozen actor; `bytes` if it is small enough to ride along, else the blob `capture.hash` is on offer. */
  | Message<'capture', { capture: Capture; bytes?: Uint8Array }>
  /** target → source: restored and verified, may not run. Repeated while in doubt. */
  | Message<'ready', { hash: Hash }>
  /** target → source: will not be the owner. */
  | Message<'refused', { reason: ErrorValue }>
  /** source → target: has given up and will never propose this move. Only this life of the source may say so. */
  | Message<'cancel', { reason: ErrorValue }>
  /** owner → home: compare-and-set the register. */
  | Message<'propose', { proposal: Proposal; askedAtMs: number }>
  /** home → proposer: what the register is now; `askedAtMs` as asked, on the proposer's clock. */
  | Message<'decided', { won: boolean; register: Register; askedAtMs: number }>
  /** home → owner: may run at `epoch`. The lease counts from `askedAtMs` on the owner's clock, or from its READY if absent. */
  | Message<'grant', { owner: NodeId; leaseMs: number; askedAtMs?: number }>
  /** target → source: the first turn may run; ends the stall. */
  | Message<'running'>
  /** owner → home: `standby` has acknowledged this checkpoint. */
  | Message<'stable', { base: Base; standby: NodeId }>
  /** anyone → home: who owns it? An owner's question renews its lease. */
  | Message<'query', { askedAtMs: number }>
  /** home → anyone: the register. */
  | Message<'registered', { register: Register }>;

/** A machine of this protocol. `core/node` keeps a source and a target per move, an owner and a home per actor. */
export type Role = 'source' | 'target' | 'owner' | 'home';

/**
 * Which machines a message is for, in this order; each ignores what is not its own. `grant` and `registered` are facts about the actor:
 * they go to every source and target of it, whatever the move; the others go by their move.
 */
export const receiversOf: { readonly [T in MigrationMessage['type']]: readonly Role[] } = {
  prepare: ['target'],
  prepared: ['source'],
  blobs: ['target'],
  warmed: ['source'],
  capture: ['target'],
  ready: ['source'],
  refused: ['source'],
  cancel: ['target'],
  propose: ['home'],
  decided: ['source'],
  grant: ['source', 'target', 'owner'],
  running: ['source'],
  stable: ['home'],
  query: ['home'],
  registered: ['source', 'target', 'owner'],
};

/**
 * What a machine answers to an event. The effects are carried out in order, all of them before this machine's next event;
 * `persist` is finished before those after it begin.
 */
export interface Step<S, E> {
  readonly state: S;
  readonly effects: readonly E[];
}

/** Sends a message; `to` is a node's name and may be this node, which then hands it to its own machines at once. May be lost. */
export interface Send {
  readonly type: 'send';
  readonly to: string;
  readonly message: MigrationMessage;
}
/** Starts (or starts again) a timer of this machine; its firing is the event `timer`. */
export interface StartTimer<T extends string> {
  readonly type: 'startTimer';
  readonly timer: T;
  readonly delayMs: number;
}
export interface StopTimer<T extends string> {
  readonly type: 'stopTimer';
  readonly timer: T;
}

/** What every event carries: the receiving node's own clock, milliseconds. */
export interface At {
  readonly nowMs: number;
}

/** The plain data of an error that a move can be tried again after. */
export function reasonOf(code: Code, message: string, node: NodeId): ErrorValue {
  return { code, message, retryable: true, node: node.name };
}

/** The step that changes nothing. */
export function stay<S>(state: S): Step<S, never> {
  return { state, effects: [] };
}

/** Makes an unhandled variant a compile error. */
export function unreachable(value: never): never {
  return value;
}
