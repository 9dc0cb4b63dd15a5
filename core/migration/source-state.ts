/** What the source of one move knows, hears and does; `source.ts` is the machine. */
import type { ErrorValue } from '../errors.js';
import type { Hash } from '../ports/digest.js';
import type { At, Capture, Epoch, MigrationMessage, MovePlan, NodeId, Proposal, Register, Send, StartTimer, StopTimer } from './types.js';

/** At most one of them runs at a time: each belongs to one phase. */
export type SourceTimer = 'prepare' | 'freeze' | 'transfer' | 'ready' | 'propose' | 'retain';

/** A frozen actor on its way. */
export interface Frozen {
  readonly plan: MovePlan;
  readonly capture: Capture;
}

export type SourceState =
  | { readonly phase: 'idle' }
  | { readonly phase: 'preparing' | 'freezing'; readonly plan: MovePlan }
  | ({ readonly phase: 'transferring' | 'awaitingReady' } & Frozen)
  /** `giveUp` is why the competing proposal was made; undefined while the first stands. */
  | ({ readonly phase: 'proposing'; readonly proposal: Proposal; readonly giveUp: ErrorValue | undefined } & Frozen)
  /** The target owns the actor; the frozen copy is retained. `ran` once it is reported that the actor runs elsewhere. */
  | ({ readonly phase: 'committed'; readonly ran: boolean } & Frozen)
  | { readonly phase: 'givenUp' | 'superseded' | 'done'; readonly plan: MovePlan };

export type SourceEvent = At &
  (
    | { readonly type: 'begin'; readonly plan: MovePlan }
    | { readonly type: 'message'; readonly message: MigrationMessage }
    /** Answers `offerBlobs`. */
    | { readonly type: 'blobsOffered' }
    /** Answers `freeze`. */
    | { readonly type: 'frozen'; readonly capture: Capture }
    /** Answers `sendCapture`: the last byte has left, or is on offer. */
    | { readonly type: 'captureSent' }
    /** An effect could not be carried out. */
    | { readonly type: 'failed'; readonly reason: ErrorValue }
    | { readonly type: 'cancel'; readonly reason: ErrorValue }
    | { readonly type: 'timer'; readonly timer: SourceTimer }
    | { readonly type: 'peerLost' | 'peerRegained'; readonly peer: string }
    /** The register was handed to another node. */
    | { readonly type: 'rehomed'; readonly home: string }
  );

/** How a move stands, for whoever asked for it: `committed`, `running`, `done` in this order, or one of the two other ends. */
export type SourceReport =
  | { readonly type: 'givenUp'; readonly reason: ErrorValue; readonly epoch: Epoch }
  | { readonly type: 'superseded'; readonly register: Register }
  | { readonly type: 'done' }
  | { readonly type: 'committed'; readonly epoch: Epoch }
  /** It runs elsewhere: the stall is over. `heard` is false if the target's word was lost and this was learnt later, so that now is no measure. */
  | { readonly type: 'running'; readonly epoch: Epoch; readonly heard: boolean };

export type SourceEffect =
  | Send
  | StartTimer<SourceTimer>
  | StopTimer<SourceTimer>
  /** Makes blobs obtainable for the target; answered by `blobsOffered` or `failed`. */
  | { readonly type: 'offerBlobs'; readonly to: string; readonly hashes: readonly Hash[] }
  /** Freezes at a turn's end and captures; answered by `frozen` or `failed`. */
  | { readonly type: 'freeze' }
  /** Ends a freeze, complete or not: the actor runs on at its epoch, unless its owner machine has paused it. */
  | { readonly type: 'thaw' }
  /** Sends the message with the capture's bytes in it, or offers them as a blob first; answered by `captureSent` or `failed`. */
  | { readonly type: 'sendCapture'; readonly to: string; readonly message: Extract<MigrationMessage, { type: 'capture' }> }
  /** Ownership is at stake from here: feed `handedOver` to the owner machine. Comes before the first proposal. */
  | { readonly type: 'handOver' }
  /** The frozen copy runs here again, at a new epoch, with a new owner machine. */
  | { readonly type: 'activate'; readonly epoch: Epoch; readonly leaseUntilMs: number }
  /** The frozen copy is now a retained one, obtainable as a blob; late records are answered MOVED. */
  | { readonly type: 'moved'; readonly where: NodeId; readonly epoch: Epoch }
  /** Destroys the frozen or retained copy of this move; a later life of the actor on this node is not touched. */
  | { readonly type: 'dropCopy' }
  | { readonly type: 'report'; readonly report: SourceReport };
