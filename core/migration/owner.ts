/**
 * The node that owns an actor: its lease, and the checkpoints it announces. One machine per ownership: made by `run`, `activate` or a first spawn.
 *
 *   running ⇄ paused → fenced (a later owner exists: destroy)      running | paused → handedOver (a move has proposed)
 *
 * O1 No turn begins at or after `leaseUntilMs`: `core/node` looks before each turn, and pauses the actor when the lease's timer fires. What a
 *    running turn still sends then is refused by receivers that know the later epoch (I3).
 * O2 The lease counts from when the question was sent, on this node's own clock: no delay can stretch it.
 * O3 A lease that ends pauses, never destroys; the same epoch may be leased again (I4).
 * O4 A stable checkpoint is announced to the home until the register shows it: until then another node holds the base (S3, I5).
 */
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
  stay,
  type Timings,
  unreachable,
} from './types.js';

export type OwnerTimer = 'renew' | 'lease' | 'stable';

/** A checkpoint that `standby` has acknowledged. */
export interface Stable {
  readonly base: Base;
  readonly standby: NodeId;
}

/** Whose lease it is. */
export interface Ownership {
  readonly actor: string;
  /** The move by which it became the owner. */
  readonly move: MoveId;
  readonly self: NodeId;
  readonly home: string;
  readonly epoch: Epoch;
  readonly timings: Timings;
}

export interface OwnerState {
  readonly of: Ownership;
  readonly phase: 'running' | 'paused' | 'fenced' | 'handedOver';
  /** On this node's own clock. */
  readonly leaseUntilMs: number;
  /** The latest stable checkpoint, while the home has not confirmed it. */
  readonly announcing: Stable | undefined;
}

export type OwnerEvent = At &
  (
    | { readonly type: 'message'; readonly message: MigrationMessage }
    | { readonly type: 'timer'; readonly timer: OwnerTimer }
    /** Some peer spoke of a later epoch of this actor (MOVED, a refused record): only a hint, so the home is asked. */
    | { readonly type: 'epochSeen'; readonly epoch: Epoch }
    /** A checkpoint taken at this epoch was acknowledged by its standby; supersedes one that is still being announced. */
    | { readonly type: 'checkpointStable'; readonly stable: Stable }
    | { readonly type: 'peerRegained'; readonly peer: string }
    /** The register was handed to another node. */
    | { readonly type: 'rehomed'; readonly home: string }
    /** The source machine's `handOver`. */
    | { readonly type: 'handedOver' }
  );

export type OwnerEffect =
  | Send
  | StartTimer<OwnerTimer>
  | StopTimer<OwnerTimer>
  /** Begins no turn and lets nothing out until `resume`. */
  | { readonly type: 'pause' }
  /** Goes on at the same epoch. */
  | { readonly type: 'resume'; readonly epoch: Epoch }
  /** Destroys the running copy: there is a later owner. */
  | { readonly type: 'destroy'; readonly register: Register };

type OwnerStep = Step<OwnerState, OwnerEffect>;

/** An owner with a lease until `leaseUntilMs` on its own clock; Infinity where the home owns. */
export function createOwner(of: Ownership, leaseUntilMs: number, nowMs: number): OwnerStep {
  const state: OwnerState = { of, phase: 'running', leaseUntilMs, announcing: undefined };
  return isEndless(state) ? stay(state) : stayAnd(state, ...leaseTimer(state, nowMs), { type: 'startTimer', timer: 'renew', delayMs: of.timings.renewEveryMs });
}

/** O1: true while a turn may begin and an effect may leave. */
export function mayRun(state: OwnerState, nowMs: number): boolean {
  return state.phase === 'running' && nowMs < state.leaseUntilMs;
}

/** One step of the owner. */
export function stepOwner(state: OwnerState, event: OwnerEvent): OwnerStep {
  if (state.phase === 'fenced' || state.phase === 'handedOver') return stay(state);
  switch (event.type) {
    case 'message':
      return onMessage(state, event.message, event.nowMs);
    case 'timer':
      return onTimer(state, event.timer, event.nowMs);
    case 'checkpointStable':
      return announce({ ...state, announcing: event.stable });
    case 'epochSeen':
      return event.epoch > state.of.epoch ? stayAnd(state, query(state, event.nowMs)) : stay(state);
    case 'peerRegained':
      return event.peer === state.of.home && !isEndless(state) ? stayAnd(state, query(state, event.nowMs)) : stay(state);
    case 'rehomed':
      return onRehomed({ ...state, of: { ...state.of, home: event.home } }, event.nowMs);
    case 'handedOver':
      return end(state, 'handedOver');
    default:
      return unreachable(event);
  }
}

/** The lease that the former home gave goes on; what it has not confirmed the new one may not have. */
function onRehomed(state: OwnerState, nowMs: number): OwnerStep {
  const announced = announce(state);
  return isEndless(state) ? announced : { state: announced.state, effects: [query(state, nowMs), ...announced.effects] };
}

function onMessage(state: OwnerState, message: MigrationMessage, nowMs: number): OwnerStep {
  const { of } = state;
  if (message.actor !== of.actor) return stay(state);
  if (message.type === 'registered') {
    return onRegister(state, message.register);
  }
  // A grant without a question leases from a READY that this machine did not send.
  if (message.type !== 'grant' || message.askedAtMs === undefined || message.epoch !== of.epoch || !sameNode(message.owner, of.self)) return stay(state);
  const renewed: OwnerState = { ...state, leaseUntilMs: Math.max(state.leaseUntilMs, message.askedAtMs + message.leaseMs) };
  if (nowMs >= renewed.leaseUntilMs) return stay(renewed);
  const resume: readonly OwnerEffect[] = state.phase === 'paused' ? [{ type: 'resume', epoch: of.epoch }] : [];
  return stayAnd({ ...renewed, phase: 'running' }, ...leaseTimer(renewed, nowMs), ...resume);
}

function onRegister(state: OwnerState, register: Register): OwnerStep {
  if (register.epoch > state.of.epoch && !sameNode(register.owner, state.of.self)) return end(state, 'fenced', { type: 'destroy', register });
  const { announcing } = state;
  if (announcing === undefined || register.epoch !== state.of.epoch || register.base === undefined || register.standby === undefined) return stay(state);
  const shown = register.base.turns >= announcing.base.turns && sameNode(register.standby, announcing.standby);
  return shown ? stayAnd({ ...state, announcing: undefined }, { type: 'stopTimer', timer: 'stable' }) : stay(state);
}

function onTimer(state: OwnerState, timer: OwnerTimer, nowMs: number): OwnerStep {
  switch (timer) {
    case 'lease':
      return onLeaseTimer(state, nowMs);
    case 'renew':
      return stayAnd(state, { type: 'startTimer', timer: 'renew', delayMs: state.of.timings.renewEveryMs }, query(state, nowMs));
    case 'stable':
      return announce(state);
    default:
      return unreachable(timer);
  }
}

function announce(state: OwnerState): OwnerStep {
  if (state.announcing === undefined) return stay(state);
  const { actor, move, self, home, epoch, timings } = state.of;
  const message: MigrationMessage = { type: 'stable', move, actor, epoch, from: self, ...state.announcing };
  return stayAnd(state, { type: 'startTimer', timer: 'stable', delayMs: timings.stableRetryMs }, { type: 'send', to: home, message });
}

function onLeaseTimer(state: OwnerState, nowMs: number): OwnerStep {
  if (nowMs < state.leaseUntilMs) return stayAnd(state, ...leaseTimer(state, nowMs));
  return state.phase === 'paused' ? stay(state) : stayAnd({ ...state, phase: 'paused' }, { type: 'pause' }, query(state, nowMs));
}

function end(state: OwnerState, phase: 'fenced' | 'handedOver', ...effects: readonly OwnerEffect[]): OwnerStep {
  return stayAnd(
    { ...state, phase },
    { type: 'stopTimer', timer: 'lease' },
    { type: 'stopTimer', timer: 'renew' },
    { type: 'stopTimer', timer: 'stable' },
    ...effects,
  );
}

/** None for a lease without an end: no platform timer counts that far, and most would fire at once. */
function leaseTimer(state: OwnerState, nowMs: number): readonly OwnerEffect[] {
  return isEndless(state) ? [] : [{ type: 'startTimer', timer: 'lease', delayMs: Math.max(0, state.leaseUntilMs - nowMs) }];
}

function isEndless(state: OwnerState): boolean {
  return state.leaseUntilMs === Number.POSITIVE_INFINITY;
}

function query(state: OwnerState, nowMs: number): Send {
  const { actor, move, self, home, epoch } = state.of;
  return { type: 'send', to: home, message: { type: 'query', move, actor, epoch, from: self, askedAtMs: nowMs } };
}

function stayAnd(state: OwnerState, ...effects: readonly OwnerEffect[]): OwnerStep {
  return { state, effects };
}
