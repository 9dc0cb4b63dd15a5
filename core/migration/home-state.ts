/** What the home of an actor knows, hears and does: the ground that `home.ts` and `recovery.ts` share. */
import type { ErrorValue } from '../errors.js';
import type { Hash } from '../ports/digest.js';
import {
  type At,
  type Base,
  type Epoch,
  type MigrationMessage,
  type MoveId,
  type NodeId,
  type Register,
  type Send,
  type StartTimer,
  type Step,
  type StopTimer,
  sameNode,
  type Timings,
} from './types.js';

export type HomeTimer = 'lease' | 'restore';

export interface HomeState {
  readonly actor: string;
  readonly self: NodeId;
  readonly register: Register;
  readonly timings: Timings;
  /** `fetching`: the owner is lost, and the home gets the base; `restoring`: the home is the owner by takeover; `lost`: the owner is gone and no base exists. */
  readonly phase: 'settled' | 'fetching' | 'restoring' | 'lost';
}

export type HomeEvent = At &
  (
    | { readonly type: 'message'; readonly message: MigrationMessage }
    | { readonly type: 'timer'; readonly timer: HomeTimer }
    /** A node attached: if it is another life of the owner's, the owner is dead. */
    | { readonly type: 'nodeSeen'; readonly node: NodeId }
    /** The owner says that it has lost the actor at this epoch. */
    | { readonly type: 'ownerGone'; readonly node: NodeId; readonly epoch: Epoch }
    /** The home itself began a new life with the register from its disk; `state.self` is the new one. */
    | { readonly type: 'restarted' }
    /** Answers `obtain`. */
    | { readonly type: 'obtained'; readonly hash: Hash }
    /** Answers `restore`. */
    | { readonly type: 'restored' }
    /** Answers either. */
    | { readonly type: 'failed'; readonly reason: ErrorValue }
  );

/** What befell an owner, for whoever watches the actor. */
export type HomeReport =
  | { readonly type: 'tookOver'; readonly from: NodeId; readonly epoch: Epoch }
  | { readonly type: 'restoreFailed'; readonly reason: ErrorValue }
  | { readonly type: 'lost'; readonly reason: ErrorValue };

export type HomeEffect =
  | Send
  | StartTimer<HomeTimer>
  | StopTimer<HomeTimer>
  /** Writes the register; what follows waits until it is safe. */
  | { readonly type: 'persist'; readonly register: Register }
  /** Gets the base from `from`, to be kept here; answered by `obtained` or `failed`. */
  | { readonly type: 'obtain'; readonly base: Base; readonly from: string }
  /** Restores the base, which is kept here, not yet running; answered by `restored` or `failed`. */
  | { readonly type: 'restore'; readonly base: Base }
  /** Runs what was restored. Turns were forgotten, so the actor's streams begin anew, as an incarnation higher than the base's by `incarnation` (the epoch), which was never used before. */
  | { readonly type: 'runHere'; readonly epoch: Epoch; readonly move: MoveId; readonly incarnation: number }
  | { readonly type: 'report'; readonly report: HomeReport };

export type HomeStep = Step<HomeState, HomeEffect>;

/** True while the home gets the base for a register that names it already: the former owner's life is over. */
export function isRaised({ phase, register, self }: HomeState): boolean {
  return phase === 'fetching' && sameNode(register.owner, self);
}

/** Whoever held the former base may drop it. If this is lost it finds out by itself. */
export function tellFormerStandby(before: HomeState, after: HomeState): readonly HomeEffect[] {
  const former = before.register.standby;
  if (former === undefined || (after.register.standby !== undefined && sameNode(former, after.register.standby))) return [];
  return [answer(former, { type: 'registered', ...headOf(after, after.register.move), register: after.register })];
}

/** H3; nothing to wait for where the home owns. */
export function waitForLease(state: HomeState): HomeEffect {
  if (sameNode(state.register.owner, state.self)) return { type: 'stopTimer', timer: 'lease' };
  return { type: 'startTimer', timer: 'lease', delayMs: state.register.leaseMs + state.timings.clockMarginMs };
}

/** The owner's leave to run; `askedAtMs` as it asked, undefined after a proposal by another. */
export function grantTo(state: HomeState, askedAtMs: number | undefined): HomeEffect {
  const { owner, move, leaseMs } = state.register;
  const lease = sameNode(owner, state.self) ? Number.POSITIVE_INFINITY : leaseMs;
  return answer(owner, { type: 'grant', ...headOf(state, move), owner, leaseMs: lease, ...(askedAtMs === undefined ? {} : { askedAtMs }) });
}

/** The head of what the home says. */
export function headOf(state: HomeState, move: MoveId) {
  return { move, actor: state.actor, epoch: state.register.epoch, from: state.self };
}

/** An answer to a node. */
export function answer(to: NodeId, message: MigrationMessage): Send {
  return { type: 'send', to: to.name, message };
}
