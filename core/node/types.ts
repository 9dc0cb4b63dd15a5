import type { AnyDefinition } from '../actors/definition.js';
import type { Blobs, BlobTransfer } from '../ports/blobs.js';
import type { Clock } from '../ports/clock.js';
import type { Digest } from '../ports/digest.js';
import type { HostFunctions } from '../ports/host-function.js';
import type { Logger } from '../ports/logger.js';
import type { Manifest, ModuleSource, Tier } from '../ports/module-source.js';
import type { Random } from '../ports/random.js';
import type { Runtime } from '../ports/runtime.js';
import type { Verifier } from '../ports/signer.js';
import type { Store } from '../ports/store.js';
import type { Tracer } from '../ports/tracer.js';

/** What a node is built from. */
export interface NodeOptions {
  readonly name: string;
  /** Tells this life of the node from earlier ones of the same name; default: random. */
  readonly boot?: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly digest: Digest;
  readonly logger: Logger;
  readonly blobs: Blobs;
  readonly transfer: BlobTransfer;
  /** Keeps registers and bases beyond a crash. Without one the node is the home of volatile actors only, and a restart forgets them. */
  readonly store?: Store;
  /** Needed to move actors to a node that runs another tier. */
  readonly modules?: ModuleSource;
  /** One per tier that this node can run. */
  readonly runtimes: readonly Runtime[];
  readonly hostFunctions: HostFunctions;
  /** Definitions that may be restored here natively without having been spawned here before. */
  readonly definitions?: readonly AnyDefinition[];
  /**
   * Decides whether an actor may move here, and on which tier. Default: refuse everything that was not spawned here.
   * @throws {GodwitError} with the reason of the refusal; it reaches the source
   */
  readonly admit?: (request: MoveRequest) => Admission | Promise<Admission>;
  /** Whose modules run here, beside what the node has natively: one that nobody it trusts has signed is refused before its blobs are asked for. Default: any. */
  readonly verifier?: Verifier;
  /** Whether this node keeps a shared name that the actor has claimed: only then it takes the actor's register in. Default: none. */
  readonly keepsNameOf?: (actor: string) => boolean;
  /** Gives links to nodes that a home or an owner names. Without it the node reaches only those it is linked to already. */
  readonly reach?: Reach;
  /** Follows work across nodes. Default: nobody does, and nothing is kept or sent for it. */
  readonly tracer?: Tracer;
  /** Encodes even what stays on this node, so that tests see what a move would. Default false. */
  readonly encodeAlways?: boolean;
  /** Leads the stack of an error from another node back to sources that are known here. */
  readonly mapStack?: (stack: string) => string;
}

/** How a node comes to links that nobody configured. */
export interface Reach {
  /** Where a node is dialled, as far as this one knows; told to senders whose receiver is there. */
  addressOf(node: string): string | undefined;
  /**
   * Resolves when there is a link to `node`; at once if there is one.
   * @param address where it is dialled, in the transport's form
   * @throws {GodwitError} UNAVAILABLE not in time · FAILED_PRECONDITION another node answers there · UNAUTHENTICATED · INVALID_ARGUMENT
   */
  to(node: string, address: string): Promise<void>;
}

/** What a source says of the actor it wants to move here. */
export interface MoveRequest {
  readonly move: string;
  readonly address: string;
  readonly definition: string;
  readonly version: number;
  readonly manifest: Manifest;
  /** What the accepted offer gave; its holder may have handed it on to the source. Empty for a recall. */
  readonly token: string;
  /** Node that asks. */
  readonly source: string;
}

/** Leave to move here. */
export interface Admission {
  readonly tier: Tier;
}

/** How to move an actor. */
export interface MoveOptions {
  /** Name of the target node; a link to it must exist, or `address` say where it is dialled. */
  readonly to: string;
  /** For an actor that is away: where its owner dials the target if the two are not linked. */
  readonly address?: string;
  /** Token of an accepted offer. */
  readonly token?: string;
  /** Why, for the report: 'battery', 'recall', … */
  readonly trigger?: string;
  /** What counts as lost time for the caller; gives the move up. An actor that is away moves on without it. */
  readonly signal?: AbortSignal;
}

/** What a move did. All times in milliseconds, all sizes in bytes. */
export interface MoveReport {
  readonly move: string;
  readonly actor: string;
  readonly from: { readonly node: string; readonly tier: Tier; readonly place: string };
  readonly to: { readonly node: string; readonly tier: Tier; readonly place: string };
  readonly trigger: string;
  readonly epoch: number;
  /** End of the last turn at the source to start of the actor at the target, each side's share measured on its own clock plus half the handshake's round trips. */
  readonly stallMs: number;
  readonly totalMs: number;
  readonly bytes: { readonly module: number; readonly capture: number; readonly models: number };
  /** True if the target had the module already. */
  readonly warm: boolean;
  /** SHA-256 of the program that came with it: what a host of another tier runs. */
  readonly program: string;
  /** SHA-256 of the encoded state before the freeze and after the restore. */
  readonly stateHash: { readonly before: string; readonly after: string };
}

/** One actor as a node sees it. */
export interface ActorInfo {
  readonly address: string;
  readonly definition: string;
  readonly version: number;
  readonly status: 'here' | 'away';
  /** Name of the node that owns it, as far as this node knows. */
  readonly node: string;
  readonly tier: Tier | undefined;
  /** Place of execution as the runtime describes it, e.g. 'native (process 4711)'; undefined while away. */
  readonly place: string | undefined;
  readonly epoch: number;
  readonly incarnation: number;
  readonly mailboxRecords: number;
  readonly turns: number;
}

/** A node in numbers: for metrics. What is counted begins anew with each life of the node. */
export interface NodeStatistics {
  /** Actors that are here now. */
  readonly actors: number;
  /** Turns that have ended here, failed ones too. */
  readonly turns: number;
  /** Records that wait for their turn now. */
  readonly mailboxRecords: number;
  /** Asks and streams of actors here, and of the application, that wait for an answer now. */
  readonly asksInFlight: number;
  /** Every link of this life, also those that are down. */
  readonly links: ReadonlyArray<{
    readonly peer: string;
    readonly attached: boolean;
    /** NaN until the first answer to a ping. */
    readonly rttMs: number;
    /** In frames, headers included; what the transport adds is not counted. */
    readonly sentBytes: number;
    readonly receivedBytes: number;
  }>;
}

/** What happens on a node, for logs, tests and dashboards. */
export type NodeEvent =
  | { readonly type: 'link-up'; readonly peer: string; readonly boot: string }
  | { readonly type: 'link-down'; readonly peer: string; readonly reason: string }
  | { readonly type: 'moved'; readonly report: MoveReport }
  | { readonly type: 'move-failed'; readonly actor: string; readonly to: string; readonly reason: string }
  | { readonly type: 'arrived'; readonly actor: string; readonly from: string; readonly tier: Tier; readonly place: string; readonly epoch: number }
  | { readonly type: 'checkpoint'; readonly actor: string; readonly turns: number; readonly bytes: number }
  | {
      readonly type: 'restored';
      readonly actor: string;
      readonly lostNode: string;
      readonly epoch: number;
      readonly incarnation: number;
      readonly turns: number;
    }
  | { readonly type: 'reexecuted'; readonly actor: string; readonly message: string; readonly sender: string }
  /** A turn that was run again after a takeover did not send `records` to `to` that the lost owner had sent: what it sends instead is new. */
  | { readonly type: 'diverged'; readonly actor: string; readonly to: string; readonly records: number }
  /** A takeover forgot turns, and `lost` records that its sender no longer holds. */
  | { readonly type: 'gap'; readonly actor: string; readonly sender: string; readonly lost: number }
  | { readonly type: 'dead-letter'; readonly actor: string; readonly message: string; readonly reason: string }
  | {
      readonly type: 'turn-failed';
      readonly actor: string;
      readonly message: string;
      readonly code: string;
      readonly reason: string;
      readonly decision: string;
    }
  | { readonly type: 'stopped'; readonly actor: string; readonly reason: string };

/** A link that is kept: dialled again, with growing pauses, until it is closed. */
export interface KeptLink {
  /** Resolves with the peer's name once linked for the first time. @throws {GodwitError} UNAUTHENTICATED or FAILED_PRECONDITION at once; UNAVAILABLE only by `signal` */
  readonly linked: Promise<string>;
  close(): void;
}
