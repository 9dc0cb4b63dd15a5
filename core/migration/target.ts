/**
 * The target of one move. `core/node` keeps one machine per move it is asked for.
 *
 *   idle → reserving → fetching → warming → warm → restoring → ready → running (from here the owner machine speaks)
 *              └───────────┴──────────┴───────┴────────┴→ ended   └→ ended (cancel, or another owner)
 *
 * T1 It runs only by a grant of the home for this move, this life of this node and the epoch after the source's (I1).
 * T2 Before READY the state is the source's alone, so whatever goes wrong discards what is here.
 * T3 After READY the source may have proposed: only its cancel, from the very life that proposes, or a later register discards.
 * T4 The lease counts from a moment before the home granted it: from READY, or from the question that the grant answers.
 */
import type { ErrorValue } from '../errors.js';
import type { Hash } from '../ports/digest.js';
import {
  type At,
  type Capture,
  type Epoch,
  type MigrationMessage,
  type MoveId,
  type NodeId,
  type Register,
  reasonOf,
  type Send,
  type StartTimer,
  type Step,
  type StopTimer,
  sameNode,
  stay,
  type Timings,
  unreachable,
} from './types.js';

export type TargetTimer = 'reservation' | 'doubt';
export type PrepareMessage = Extract<MigrationMessage, { type: 'prepare' }>;
type CaptureMessage = Extract<MigrationMessage, { type: 'capture' }>;

/** What a target knows of its move. `epoch` is the source's. */
export interface Reservation {
  readonly move: MoveId;
  readonly actor: string;
  readonly epoch: Epoch;
  readonly source: NodeId;
  readonly self: NodeId;
  readonly home: string;
  readonly timings: Timings;
}

export type TargetState =
  | { readonly phase: 'idle'; readonly self: NodeId }
  | { readonly phase: 'reserving' | 'fetching' | 'warming' | 'warm'; readonly plan: Reservation; readonly missing: readonly Hash[] }
  | { readonly phase: 'restoring'; readonly plan: Reservation; readonly capture: Capture }
  | { readonly phase: 'ready'; readonly plan: Reservation; readonly capture: Capture; readonly readyAtMs: number }
  | { readonly phase: 'running' | 'ended'; readonly plan: Reservation };

export type TargetEvent = At &
  (
    | { readonly type: 'message'; readonly message: MigrationMessage }
    /** Answers `reserve`: admitted; `missing` are the blobs this node lacks. */
    | { readonly type: 'reserved'; readonly missing: readonly Hash[] }
    /** Answers `obtainBlobs`. */
    | { readonly type: 'blobsObtained' }
    /** Answers `warm`. */
    | { readonly type: 'instanceWarmed' }
    /** Answers `restore`; `hash` is computed here over the bytes that were restored. */
    | { readonly type: 'restored'; readonly hash: Hash }
    /** An effect could not be carried out, or the waiting instance died. */
    | { readonly type: 'failed'; readonly reason: ErrorValue }
    | { readonly type: 'timer'; readonly timer: TargetTimer }
    | { readonly type: 'peerLost' | 'peerRegained'; readonly peer: string }
    /** The register was handed to another node. */
    | { readonly type: 'rehomed'; readonly home: string }
  );

export type TargetEffect =
  | Send
  | StartTimer<TargetTimer>
  | StopTimer<TargetTimer>
  /** Decides on admission and reserves; answered by `reserved` or `failed`. */
  | { readonly type: 'reserve'; readonly prepare: PrepareMessage }
  /** Gets blobs that `from` offers; answered by `blobsObtained` or `failed`. */
  | { readonly type: 'obtainBlobs'; readonly from: string; readonly hashes: readonly Hash[] }
  /** Starts an instance of the module without state; answered by `instanceWarmed` or `failed`. */
  | { readonly type: 'warm' }
  /** Takes the capture (from the message or as a blob), hashes it, restores it into the warmed instance; answered by `restored` or `failed`. */
  | { readonly type: 'restore'; readonly message: CaptureMessage }
  /** Runs the restored copy as the owner, with a new owner machine. */
  | { readonly type: 'run'; readonly epoch: Epoch; readonly leaseUntilMs: number; readonly leaseMs: number }
  /** Releases the reservation, and destroys the instance if there is one. */
  | { readonly type: 'discard' }
  /** A peer did what no correct peer does; logged once, nothing changed. */
  | { readonly type: 'refuse'; readonly reason: ErrorValue };

type TargetStep = Step<TargetState, TargetEffect>;
type Early = Extract<TargetState, { phase: 'reserving' | 'fetching' | 'warming' | 'warm' | 'restoring' }>;
type Ready = Extract<TargetState, { phase: 'ready' }>;

/** A target before its `prepare`. */
export function createTarget(self: NodeId): TargetState {
  return { phase: 'idle', self };
}

/** One step of the target. */
export function stepTarget(state: TargetState, event: TargetEvent): TargetStep {
  switch (event.type) {
    case 'message':
      return onMessage(state, event.message, event.nowMs);
    case 'reserved':
      return state.phase === 'reserving' ? onReserved(state, event.missing) : stay(state);
    case 'blobsObtained':
      return state.phase === 'fetching' ? stayAnd({ ...state, phase: 'warming' }, { type: 'warm' }) : stay(state);
    case 'instanceWarmed':
      return state.phase === 'warming' ? stayAnd({ ...state, phase: 'warm' }, toSource(state.plan, { type: 'warmed', ...head(state.plan) })) : stay(state);
    case 'restored':
      return state.phase === 'restoring' ? onRestored(state, event.hash, event.nowMs) : stay(state);
    case 'failed':
      return onFailed(state, event.reason);
    case 'timer':
      return onTimer(state, event.timer, event.nowMs);
    case 'peerLost':
      return isEarly(state) && event.peer === state.plan.source.name ? discard(state) : stay(state);
    case 'peerRegained':
      return state.phase === 'ready' && event.peer === state.plan.home ? ask(state, event.nowMs) : stay(state);
    case 'rehomed':
      return onRehomed(state, event.home, event.nowMs);
    default:
      return unreachable(event);
  }
}

/** What the former home granted came before the word of its successor. */
function onRehomed(state: TargetState, home: string, nowMs: number): TargetStep {
  if (state.phase === 'idle') return stay(state);
  const next: Exclude<TargetState, { phase: 'idle' }> = { ...state, plan: { ...state.plan, home } };
  return next.phase === 'ready' ? ask(next, nowMs) : stay(next);
}

function onMessage(state: TargetState, message: MigrationMessage, nowMs: number): TargetStep {
  if (state.phase === 'idle') return message.type === 'prepare' ? reserve(state.self, message) : stay(state);
  if (message.actor !== state.plan.actor) return stay(state);
  if (message.type === 'registered') return onRegister(state, message.register);
  if (message.type === 'grant' && message.move !== state.plan.move) return onOtherGrant(state, message);
  if (message.move !== state.plan.move) return stay(state);
  switch (message.type) {
    case 'blobs':
      return state.phase === 'fetching' ? stayAnd(state, { type: 'obtainBlobs', from: state.plan.source.name, hashes: state.missing }) : stay(state);
    case 'capture':
      return onCapture(state, message);
    case 'cancel':
      return onCancel(state, message.from);
    case 'grant':
      return state.phase === 'ready' ? onGrant(state, message, nowMs) : stay(state);
    case 'prepare':
    case 'prepared':
    case 'warmed':
    case 'ready':
    case 'refused':
    case 'propose':
    case 'decided':
    case 'running':
    case 'stable':
    case 'query':
      return stay(state);
    default:
      return unreachable(message);
  }
}

function reserve(self: NodeId, message: PrepareMessage): TargetStep {
  const { move, actor, epoch, from, home, timings } = message;
  const plan: Reservation = { move, actor, epoch, source: from, self, home, timings };
  if (!sameNode(message.target, self)) {
    const reason = reasonOf(
      'FAILED_PRECONDITION',
      `prepare of ${actor} is for node ${self.name} of boot ${message.target.boot}, this is boot ${self.boot}`,
      self,
    );
    return stayAnd({ phase: 'idle', self }, toSource(plan, { type: 'refused', ...head(plan), reason }));
  }
  return stayAnd(
    { phase: 'reserving', plan, missing: [] },
    { type: 'startTimer', timer: 'reservation', delayMs: timings.reservationMs },
    { type: 'reserve', prepare: message },
  );
}

function onReserved(state: Extract<TargetState, { phase: 'reserving' | 'fetching' | 'warming' | 'warm' }>, missing: readonly Hash[]): TargetStep {
  const prepared = toSource(state.plan, { type: 'prepared', ...head(state.plan), missing });
  return missing.length > 0
    ? stayAnd({ ...state, phase: 'fetching', missing }, prepared)
    : stayAnd({ ...state, phase: 'warming', missing }, prepared, { type: 'warm' });
}

function onCapture(state: Exclude<TargetState, { phase: 'idle' }>, message: CaptureMessage): TargetStep {
  if (!sameNode(message.from, state.plan.source)) return stay(state);
  if (state.phase === 'warm') return stayAnd({ phase: 'restoring', plan: state.plan, capture: message.capture }, { type: 'restore', message });
  if (state.phase === 'ready') return stayAnd(state, ready(state.plan, state.capture.hash));
  return stay(state);
}

function onRestored(state: Extract<TargetState, { phase: 'restoring' }>, hash: Hash, nowMs: number): TargetStep {
  const { plan, capture } = state;
  if (hash !== capture.hash)
    return onFailed(
      state,
      reasonOf('DATA_LOSS', `capture of ${plan.actor} from ${plan.source.name} hashes to ${hash}, announced as ${capture.hash}`, plan.self),
    );
  return stayAnd(
    { phase: 'ready', plan, capture, readyAtMs: nowMs },
    { type: 'stopTimer', timer: 'reservation' },
    { type: 'startTimer', timer: 'doubt', delayMs: plan.timings.doubtMs },
    ready(plan, hash),
  );
}

function onGrant(state: Ready, grant: Extract<MigrationMessage, { type: 'grant' }>, nowMs: number): TargetStep {
  const { plan } = state;
  const epoch = plan.epoch + 1;
  if (grant.epoch !== epoch || !sameNode(grant.owner, plan.self) || grant.from.name !== plan.home) {
    const reason = reasonOf(
      'FAILED_PRECONDITION',
      `grant of ${plan.actor} by ${grant.from.name} at epoch ${grant.epoch} to ${grant.owner.name} refused, move ${plan.move} awaits epoch ${epoch} from ${plan.home}`,
      plan.self,
    );
    return stayAnd(state, { type: 'refuse', reason });
  }
  const leaseUntilMs = (grant.askedAtMs ?? state.readyAtMs) + grant.leaseMs;
  if (nowMs >= leaseUntilMs) return ask(state, nowMs);
  return stayAnd(
    { phase: 'running', plan },
    { type: 'run', epoch, leaseUntilMs, leaseMs: grant.leaseMs },
    { type: 'stopTimer', timer: 'doubt' },
    toSource(plan, { type: 'running', ...head(plan), epoch }),
  );
}

/** T3: another life of the source did not make the proposals of this one, so its word is worth nothing. */
function onCancel(state: Exclude<TargetState, { phase: 'idle' }>, from: NodeId): TargetStep {
  return (isEarly(state) || state.phase === 'ready') && sameNode(from, state.plan.source) ? discard(state) : stay(state);
}

function onFailed(state: TargetState, reason: ErrorValue): TargetStep {
  if (!isEarly(state) && state.phase !== 'ready') return stay(state);
  // From READY on this is no more than a request: the source then wins the competing proposal, or the home takes over from its copy.
  const { effects, state: next } = discard(state);
  return { state: next, effects: [...effects, toSource(state.plan, { type: 'refused', ...head(state.plan), reason })] };
}

function onTimer(state: TargetState, timer: TargetTimer, nowMs: number): TargetStep {
  switch (timer) {
    case 'reservation':
      return isEarly(state)
        ? onFailed(
            state,
            reasonOf(
              'DEADLINE_EXCEEDED',
              `reservation for ${state.plan.actor} expired while ${state.phase}, limit ${state.plan.timings.reservationMs} ms`,
              state.plan.self,
            ),
          )
        : stay(state);
    case 'doubt':
      return state.phase === 'ready' ? ask(state, nowMs) : stay(state);
    default:
      return unreachable(timer);
  }
}

/** In doubt: the home knows who owns the actor, the source whether the move is still on. */
function ask(state: Ready, nowMs: number): TargetStep {
  const { plan, capture } = state;
  const query: Send = { type: 'send', to: plan.home, message: { type: 'query', ...head(plan), askedAtMs: nowMs } };
  return stayAnd(state, { type: 'startTimer', timer: 'doubt', delayMs: plan.timings.doubtMs }, query, ready(plan, capture.hash));
}

function onRegister(state: Exclude<TargetState, { phase: 'idle' }>, register: Register): TargetStep {
  const { plan } = state;
  if (!(isEarly(state) || state.phase === 'ready')) return stay(state);
  // One epoch has one owner: this is the register of another life of the name, which knows of no such move.
  const isAnother = register.epoch === plan.epoch && !sameNode(register.owner, plan.source);
  if (register.epoch <= plan.epoch && !isAnother) return stay(state);
  // Its own commit without the grant: the answer to its own question brings that.
  const mine = register.epoch === plan.epoch + 1 && register.move === plan.move && sameNode(register.owner, plan.self);
  return mine ? stay(state) : discard(state);
}

/** The home leases a later epoch, by another move: what this one expects is over. Where this node itself took over, no register tells it so. */
function onOtherGrant(state: Exclude<TargetState, { phase: 'idle' }>, grant: Extract<MigrationMessage, { type: 'grant' }>): TargetStep {
  const isOver = grant.from.name === state.plan.home && grant.epoch > state.plan.epoch;
  return isOver && (isEarly(state) || state.phase === 'ready') ? discard(state) : stay(state);
}

function discard(state: Early | Ready): TargetStep {
  return stayAnd({ phase: 'ended', plan: state.plan }, { type: 'stopTimer', timer: state.phase === 'ready' ? 'doubt' : 'reservation' }, { type: 'discard' });
}

function isEarly(state: TargetState): state is Early {
  return state.phase === 'reserving' || state.phase === 'fetching' || state.phase === 'warming' || state.phase === 'warm' || state.phase === 'restoring';
}

function stayAnd(state: TargetState, ...effects: readonly TargetEffect[]): TargetStep {
  return { state, effects };
}

function head(plan: Reservation) {
  return { move: plan.move, actor: plan.actor, epoch: plan.epoch, from: plan.self };
}

function ready(plan: Reservation, hash: Hash): Send {
  return toSource(plan, { type: 'ready', ...head(plan), hash });
}

function toSource(plan: Reservation, message: MigrationMessage): Send {
  return { type: 'send', to: plan.source.name, message };
}
