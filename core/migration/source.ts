/**
 * The source of one move. `core/node` keeps one machine per move it begins, and feeds it what happens.
 *
 *   idle → preparing → freezing → transferring → awaitingReady → proposing → committed → done
 *             └───────────┴──────────────┴──────────────┘             ├→ givenUp (won the competing proposal, runs at e+1)
 *                          givenUp (runs at e)                        └→ superseded (another owner at a later epoch)
 *
 * S1 Until it proposes giving up is free: thaw, and the actor runs on at the same epoch (I4).
 * S2 Having proposed it runs again only by winning the competing proposal (I1). An answer that is lost is asked for again.
 * S3 The frozen copy stays until the register says that nobody needs it: its base is another, or held elsewhere (I5).
 * S4 `cancel` is sent only when this move can no longer commit.
 */
import type { ErrorValue } from '../errors.js';
import type { Hash } from '../ports/digest.js';
import { competing } from './register.js';
import type { Frozen, SourceEffect, SourceEvent, SourceState, SourceTimer } from './source-state.js';
import {
  type Capture,
  type Epoch,
  type MigrationMessage,
  type MovePlan,
  type NodeId,
  type Proposal,
  type Register,
  reasonOf,
  type Send,
  type Step,
  sameNode,
  stay,
  unreachable,
} from './types.js';

type SourceStep = Step<SourceState, SourceEffect>;
type Before = Extract<SourceState, { phase: 'preparing' | 'freezing' | 'transferring' | 'awaitingReady' }>;
type Proposing = Extract<SourceState, { phase: 'proposing' }>;

const timerOf = {
  preparing: 'prepare',
  freezing: 'freeze',
  transferring: 'transfer',
  awaitingReady: 'ready',
  proposing: 'propose',
  committed: 'retain',
} as const;

/** A source before its `begin`. */
export function createSource(): SourceState {
  return { phase: 'idle' };
}

/** One step of the source. */
export function stepSource(state: SourceState, event: SourceEvent): SourceStep {
  switch (event.type) {
    case 'begin':
      return state.phase === 'idle' ? begin(event.plan) : stay(state);
    case 'message':
      return onMessage(state, event.message, event.nowMs);
    case 'blobsOffered':
      return state.phase === 'preparing' ? stayAnd(state, send(state.plan, 'blobs', { hashes: state.plan.blobs })) : stay(state);
    case 'frozen':
      return state.phase === 'freezing' ? transfer(state.plan, event.capture) : stay(state);
    case 'captureSent':
      return state.phase === 'transferring' ? awaitReady(state) : stay(state);
    case 'failed':
    case 'cancel':
      return stop(state, event.reason, event.nowMs);
    case 'timer':
      return onTimer(state, event.timer, event.nowMs);
    case 'peerLost':
      return 'plan' in state && event.peer === state.plan.target.name
        ? stop(state, reasonOf('UNAVAILABLE', `lost node ${event.peer} while moving ${state.plan.actor} there`, state.plan.source), event.nowMs)
        : stay(state);
    case 'peerRegained':
      return 'plan' in state && event.peer === state.plan.home ? askHome(state, event.nowMs) : stay(state);
    case 'rehomed':
      return state.phase === 'idle' ? stay(state) : askHome({ ...state, plan: { ...state.plan, home: event.home } }, event.nowMs);
    default:
      return unreachable(event);
  }
}

function onMessage(state: SourceState, message: MigrationMessage, nowMs: number): SourceStep {
  if (state.phase === 'idle' || message.actor !== state.plan.actor) return stay(state);
  if (message.type === 'registered') return onRegister(state, message.register, undefined);
  if (message.type === 'grant' && message.move !== state.plan.move) return onReturn(state, message);
  if (message.move !== state.plan.move) return stay(state);
  if (message.type === 'decided') return onRegister(state, message.register, message.askedAtMs);
  if (!sameNode(message.from, state.plan.target)) return message.type === 'refused' ? stop(state, message.reason, nowMs) : stay(state);
  switch (message.type) {
    case 'prepared':
      return state.phase === 'preparing' && message.missing.length > 0
        ? stayAnd({ ...state, plan: { ...state.plan, blobs: message.missing } }, { type: 'offerBlobs', to: state.plan.target.name, hashes: message.missing })
        : stay(state);
    case 'warmed':
      return state.phase === 'preparing'
        ? enter(state, { phase: 'freezing', plan: state.plan }, state.plan.timings.freezeTimeoutMs, { type: 'freeze' })
        : stay(state);
    case 'ready':
      return onReady(state, message.hash, nowMs);
    case 'refused':
      return stop(state, message.reason, nowMs);
    case 'running':
      return onRunning(state, message.epoch);
    case 'prepare':
    case 'blobs':
    case 'capture':
    case 'cancel':
    case 'propose':
    case 'grant': // of this very move: the target's
    case 'stable':
    case 'query':
      return stay(state);
    default:
      return unreachable(message);
  }
}

/** The target runs only by the home's grant, so its word also proves the commit, and may overtake the home's answer. */
function onRunning(state: Exclude<SourceState, { phase: 'idle' }>, epoch: Epoch): SourceStep {
  const report: SourceEffect = { type: 'report', report: { type: 'running', epoch, heard: true } };
  if (state.phase === 'committed' && !state.ran) return stayAnd({ ...state, ran: true }, report);
  if (state.phase !== 'proposing' || epoch !== state.plan.epoch + 1) return stay(state);
  const committed = commit(state, state.plan.target, epoch);
  return { state: { ...committed.state, ran: true } as SourceState, effects: [...committed.effects, report] };
}

function begin(plan: MovePlan): SourceStep {
  const { target, home, term, manifest, token, blobs, expectedBytes, timings } = plan;
  return enter(
    undefined,
    { phase: 'preparing', plan },
    timings.prepareTimeoutMs,
    send(plan, 'prepare', {
      target,
      home,
      ...(term === undefined ? {} : { term }),
      manifest,
      ...(token === undefined ? {} : { token }),
      blobs,
      expectedBytes,
      timings,
    }),
  );
}

function transfer(plan: MovePlan, capture: Capture): SourceStep {
  const message = { type: 'capture', ...head(plan), capture } as const;
  return enter({ phase: 'freezing', plan }, { phase: 'transferring', plan, capture }, plan.timings.transferTimeoutMs, {
    type: 'sendCapture',
    to: plan.target.name,
    message,
  });
}

function awaitReady(state: Extract<Before, Frozen>): SourceStep {
  return enter(state, { phase: 'awaitingReady', plan: state.plan, capture: state.capture }, state.plan.timings.readyTimeoutMs);
}

function onReady(state: Exclude<SourceState, { phase: 'idle' }>, hash: Hash, nowMs: number): SourceStep {
  switch (state.phase) {
    case 'transferring':
    case 'awaitingReady':
      if (hash !== state.capture.hash)
        return stop(
          state,
          reasonOf(
            'DATA_LOSS',
            `node ${state.plan.target.name} restored ${hash} of ${state.plan.actor} instead of capture ${state.capture.hash}`,
            state.plan.source,
          ),
          nowMs,
        );
      return proposeFirst(state, nowMs);
    case 'givenUp':
    case 'superseded':
    case 'done':
      // A target in doubt asks by repeating READY; these phases know that the move will not commit, or that it is over (S4).
      return stayAnd(
        state,
        send(state.plan, 'cancel', { reason: reasonOf('ABORTED', `move ${state.plan.move} of ${state.plan.actor} is over`, state.plan.source) }),
      );
    case 'preparing':
    case 'freezing':
    case 'proposing':
    case 'committed':
      return stay(state);
    default:
      return unreachable(state);
  }
}

function proposeFirst(state: Extract<Before, Frozen>, nowMs: number): SourceStep {
  const { plan, capture } = state;
  const proposal: Proposal = {
    move: plan.move,
    expect: { owner: plan.source, epoch: plan.epoch },
    next: { owner: plan.target, base: { hash: capture.hash, turns: capture.turns }, standby: plan.source },
  };
  return enter(
    state,
    { phase: 'proposing', plan, capture, proposal, giveUp: undefined },
    plan.timings.proposeRetryMs,
    { type: 'handOver' },
    proposeTo(plan, proposal, nowMs),
  );
}

/** Gives the move up: free before the proposal (S1), by the competing proposal after it (S2), no longer possible after that. */
function stop(state: SourceState, reason: ErrorValue, nowMs: number): SourceStep {
  switch (state.phase) {
    case 'preparing':
    case 'freezing':
    case 'transferring':
    case 'awaitingReady': {
      const { plan } = state;
      const thaw: readonly SourceEffect[] = state.phase === 'preparing' ? [] : [{ type: 'thaw' }];
      return {
        state: { phase: 'givenUp', plan },
        effects: [
          { type: 'stopTimer', timer: timerOf[state.phase] },
          ...thaw,
          send(plan, 'cancel', { reason }),
          { type: 'report', report: { type: 'givenUp', reason, epoch: plan.epoch } },
        ],
      };
    }
    case 'proposing':
      if (state.giveUp !== undefined) return stay(state);
      return resend({ ...state, proposal: competing(state.proposal), giveUp: reason }, nowMs);
    case 'idle':
    case 'committed':
    case 'givenUp':
    case 'superseded':
    case 'done':
      return stay(state);
    default:
      return unreachable(state);
  }
}

function onTimer(state: SourceState, timer: SourceTimer, nowMs: number): SourceStep {
  if (state.phase === 'idle' || state.phase === 'givenUp' || state.phase === 'superseded' || state.phase === 'done' || timerOf[state.phase] !== timer)
    return stay(state);
  if (state.phase === 'proposing' || state.phase === 'committed') return askHome(state, nowMs);
  return stop(
    state,
    reasonOf(
      'DEADLINE_EXCEEDED',
      `move ${state.plan.move} of ${state.plan.actor} to ${state.plan.target.name} ran out of time while ${state.phase}`,
      state.plan.source,
    ),
    nowMs,
  );
}

/** Asks again for what the home has not answered, if anything. */
function askHome(state: Exclude<SourceState, { phase: 'idle' }>, nowMs: number): SourceStep {
  if (state.phase === 'proposing') return resend(state, nowMs);
  if (state.phase !== 'committed') return stay(state);
  const query: SourceEffect = { type: 'send', to: state.plan.home, message: { type: 'query', ...head(state.plan), askedAtMs: nowMs } };
  return stayAnd(state, query, { type: 'startTimer', timer: 'retain', delayMs: state.plan.timings.retainCheckMs });
}

function resend(state: Proposing, nowMs: number): SourceStep {
  return stayAnd(state, proposeTo(state.plan, state.proposal, nowMs), { type: 'startTimer', timer: 'propose', delayMs: state.plan.timings.proposeRetryMs });
}

/** What the register says decides; whether it came as an answer to a proposal or to a question does not matter. */
function onRegister(state: Exclude<SourceState, { phase: 'idle' }>, register: Register, askedAtMs: number | undefined): SourceStep {
  const { plan } = state;
  if (register.epoch <= plan.epoch) return stay(state);
  switch (state.phase) {
    case 'preparing':
    case 'freezing':
    case 'transferring':
    case 'awaitingReady':
      return supersede(
        state,
        register,
        send(plan, 'cancel', { reason: reasonOf('ABORTED', `${plan.actor} is owned by ${register.owner.name} at epoch ${register.epoch}`, plan.source) }),
      );
    case 'proposing':
      if (register.move === plan.move && sameNode(register.owner, plan.target)) return commit(state, register.owner, register.epoch);
      if (register.move === plan.move && sameNode(register.owner, plan.source)) return runAgain(state, register, askedAtMs);
      // A later owner may still have to be restored from this capture.
      return needsCopy(state, register) ? commit(state, register.owner, register.epoch) : supersede(state, register);
    case 'committed':
      if (needsCopy(state, register)) return stay(state);
      return finish(state, register.epoch);
    case 'givenUp':
    case 'superseded':
    case 'done':
      return stay(state);
    default:
      return unreachable(state);
  }
}

/** The actor was granted to this node again, by a later move, before the source heard of its own: that capture replaces this one. */
function onReturn(state: Exclude<SourceState, { phase: 'idle' }>, grant: Extract<MigrationMessage, { type: 'grant' }>): SourceStep {
  const { plan } = state;
  const returned = grant.from.name === plan.home && grant.epoch > plan.epoch + 1 && sameNode(grant.owner, plan.source);
  return returned && (state.phase === 'proposing' || state.phase === 'committed') ? finish(state, grant.epoch) : stay(state);
}

/** The copy is needed no more. @param epoch one at which the actor ran elsewhere, or later */
function finish(state: Proposing | Extract<SourceState, { phase: 'committed' }>, epoch: Epoch): SourceStep {
  const ran: readonly SourceEffect[] = state.phase === 'committed' && state.ran ? [] : [{ type: 'report', report: { type: 'running', epoch, heard: false } }];
  return {
    state: { phase: 'done', plan: state.plan },
    effects: [{ type: 'stopTimer', timer: timerOf[state.phase] }, { type: 'dropCopy' }, ...ran, { type: 'report', report: { type: 'done' } }],
  };
}

function commit(state: Proposing, owner: NodeId, epoch: Epoch): SourceStep {
  const { plan, capture } = state;
  return enter(
    state,
    { phase: 'committed', plan, capture, ran: false },
    plan.timings.retainCheckMs,
    { type: 'moved', where: owner, epoch },
    { type: 'report', report: { type: 'committed', epoch: plan.epoch + 1 } },
  );
}

function runAgain(state: Proposing, register: Register, askedAtMs: number | undefined): SourceStep {
  const { plan } = state;
  // The lease counts from the proposal's sending. A bare register says who won but leases nothing: the retry gets the lease.
  if (askedAtMs === undefined) return stay(state);
  const reason = state.giveUp ?? reasonOf('ABORTED', `move ${plan.move} of ${plan.actor} was given up`, plan.source);
  const leaseMs = plan.home === plan.source.name ? Number.POSITIVE_INFINITY : register.leaseMs;
  return {
    state: { phase: 'givenUp', plan },
    effects: [
      { type: 'stopTimer', timer: 'propose' },
      { type: 'activate', epoch: register.epoch, leaseUntilMs: askedAtMs + leaseMs },
      send(plan, 'cancel', { reason }),
      { type: 'report', report: { type: 'givenUp', reason, epoch: register.epoch } },
    ],
  };
}

function supersede(state: Before | Proposing, register: Register, ...more: readonly SourceEffect[]): SourceStep {
  return {
    state: { phase: 'superseded', plan: state.plan },
    effects: [{ type: 'stopTimer', timer: timerOf[state.phase] }, { type: 'dropCopy' }, ...more, { type: 'report', report: { type: 'superseded', register } }],
  };
}

/** S3: true while a takeover would have to restore from this very copy. */
function needsCopy(state: Frozen, register: Register): boolean {
  return register.base?.hash === state.capture.hash && register.standby !== undefined && sameNode(register.standby, state.plan.source);
}

function enter(
  from: Before | Proposing | undefined,
  state: Extract<SourceState, { phase: keyof typeof timerOf }>,
  delayMs: number,
  ...effects: readonly SourceEffect[]
): SourceStep {
  const stopped: readonly SourceEffect[] = from === undefined ? [] : [{ type: 'stopTimer', timer: timerOf[from.phase] }];
  return { state, effects: [...stopped, { type: 'startTimer', timer: timerOf[state.phase], delayMs }, ...effects] };
}

function stayAnd(state: SourceState, ...effects: readonly SourceEffect[]): SourceStep {
  return { state, effects };
}

function head(plan: MovePlan) {
  return { move: plan.move, actor: plan.actor, epoch: plan.epoch, from: plan.source };
}

type Fields<T extends MigrationMessage['type']> = Omit<Extract<MigrationMessage, { type: T }>, 'type' | 'move' | 'actor' | 'epoch' | 'from'>;

function send<T extends 'prepare' | 'blobs' | 'cancel'>(plan: MovePlan, type: T, fields: Fields<T>): Send {
  return { type: 'send', to: plan.target.name, message: { type, ...head(plan), ...fields } as unknown as MigrationMessage };
}

function proposeTo(plan: MovePlan, proposal: Proposal, askedAtMs: number): Send {
  return { type: 'send', to: plan.home, message: { type: 'propose', ...head(plan), proposal, askedAtMs } };
}
