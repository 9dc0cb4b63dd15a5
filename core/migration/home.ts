/**
 * The home of one actor: the node whose register is the authority. It answers proposals, grants leases, notes stable checkpoints and,
 * with `recovery.ts`, takes over from an owner that is lost. The source, the target or neither may be on the same node: it cannot tell.
 *
 * H1 The register is on disk before anybody hears of it.
 * H2 Only the owner proposes and checkpoints; another life of the same node is not the owner.
 * H3 Every grant starts the home's wait for that lease anew, so the wait never ends before the owner's own count (O2).
 */

import {
  answer,
  grantTo,
  type HomeEffect,
  type HomeEvent,
  type HomeState,
  type HomeStep,
  headOf,
  isRaised,
  tellFormerStandby,
  waitForLease,
} from './home-state.js';
import { onFailed, onLeaseTimer, onObtained, onOwnerGone, onOwnerSeen, onRestarted, onRestored, onRestoreTimer } from './recovery.js';
import { propose, recordBase } from './register.js';
import { type MigrationMessage, type NodeId, type Register, sameNode, stay, type Timings, unreachable } from './types.js';

/** The home of an actor, with the register of its spawn. Feed `restarted` first if the register comes from disk. */
export function createHome(actor: string, self: NodeId, register: Register, timings: Timings): HomeState {
  return { actor, self, register, timings, phase: 'settled' };
}

/** One step of the home. */
export function stepHome(state: HomeState, event: HomeEvent): HomeStep {
  switch (event.type) {
    case 'message':
      return event.message.actor === state.actor ? onMessage(state, event.message) : stay(state);
    case 'timer':
      return event.timer === 'lease' ? onLeaseTimer(state) : onRestoreTimer(state);
    case 'nodeSeen':
      return onOwnerSeen(state, event.node);
    case 'ownerGone':
      return onOwnerGone(state, event.node, event.epoch);
    case 'restarted':
      return onRestarted(state);
    case 'obtained':
      return onObtained(state, event.hash);
    case 'restored':
      return onRestored(state);
    case 'failed':
      return onFailed(state, event.reason);
    default:
      return unreachable(event);
  }
}

function onMessage(state: HomeState, message: MigrationMessage): HomeStep {
  switch (message.type) {
    case 'propose':
      return onPropose(state, message);
    case 'query':
      return onQuery(state, message);
    case 'stable':
      return onStable(state, message);
    case 'prepare':
    case 'prepared':
    case 'blobs':
    case 'warmed':
    case 'capture':
    case 'ready':
    case 'refused':
    case 'cancel':
    case 'decided':
    case 'grant':
    case 'running':
    case 'registered':
      return stay(state);
    default:
      return unreachable(message);
  }
}

function onPropose(state: HomeState, message: Extract<MigrationMessage, { type: 'propose' }>): HomeStep {
  const { proposal, from, askedAtMs } = message;
  // H2: a proposal made for somebody else is answered like one that lost.
  const { won, register } = sameNode(from, proposal.expect.owner) ? propose(state.register, proposal) : { won: false, register: state.register };
  // Who proposes was not lost.
  const phase = state.phase === 'fetching' && register !== state.register ? 'settled' : state.phase;
  const next: HomeState = { ...state, phase, register };
  const decided = answer(from, { type: 'decided', ...headOf(next, proposal.move), won, register, askedAtMs });
  if (!won) return { state, effects: [decided] };
  const persist: readonly HomeEffect[] = register === state.register ? [] : [{ type: 'persist', register }];
  // The grant goes first: the stall waits for it. The winner of the competing proposal finds its lease in the decision.
  const grant: readonly HomeEffect[] = sameNode(register.owner, from) ? [] : [grantTo(next, undefined)];
  return { state: next, effects: [...persist, waitForLease(next), ...grant, decided] };
}

function onQuery(state: HomeState, message: Extract<MigrationMessage, { type: 'query' }>): HomeStep {
  const { from, move, askedAtMs, epoch } = message;
  const { register } = state;
  // A copy of the past on the owner's very node keeps nobody alive: only what owns, or is the target that shall, may ask for the lease.
  const isItsOwn = epoch === register.epoch || (epoch === register.epoch - 1 && move === register.move);
  if (isItsOwn && sameNode(from, register.owner) && state.phase !== 'restoring' && !isRaised(state)) {
    // Nobody took over, so the same epoch is leased again (O3), even to one that was thought lost.
    return { state: { ...state, phase: 'settled' }, effects: [waitForLease(state), grantTo(state, askedAtMs)] };
  }
  // Another life of the owner's node proves nothing here: the question may be from an earlier one, and late.
  return { state, effects: [answer(from, { type: 'registered', ...headOf(state, move), register: state.register })] };
}

function onStable(state: HomeState, message: Extract<MigrationMessage, { type: 'stable' }>): HomeStep {
  const register = recordBase(state.register, message.from, message.epoch, message.base, message.standby);
  const next = { ...state, register };
  const told = answer(message.from, { type: 'registered', ...headOf(next, message.move), register });
  return register === state.register
    ? { state, effects: [told] }
    : { state: next, effects: [{ type: 'persist', register }, told, ...tellFormerStandby(state, next)] };
}
