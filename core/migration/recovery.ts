/**
 * What the home does when an owner is lost: it becomes the owner itself, one epoch later, from the last stable base.
 *
 *   settled → fetching → restoring → settled (the home runs it)        settled → lost (there is no base)
 *      │ ▲────────┘ the owner is back  ▲
 *      └───────────────────────────────┘ the home keeps the base itself
 *
 * V1 It takes over only when the owner cannot run: its lease is over with the margin for clocks, or its node lives another life.
 * V2 If the owner may only be away, the home has the base before the register changes: until then that owner goes on. In any case the register
 *    changes before the home runs: from then on a late owner is refused (I3), and destroys its copy when it asks.
 * V3 The standby keeps the base until the register shows it elsewhere; it is asked again until it answers (I5).
 */
import type { ErrorValue } from '../errors.js';
import type { Hash } from '../ports/digest.js';
import { type HomeEffect, type HomeState, type HomeStep, isRaised, tellFormerStandby, waitForLease } from './home-state.js';
import { takeOver as nextRegister } from './register.js';
import { type Base, type Epoch, type NodeId, type Register, reasonOf, sameNode, stay } from './types.js';

/** The wait for the owner's lease is over. */
export function onLeaseTimer(state: HomeState): HomeStep {
  return state.phase !== 'settled' || sameNode(state.register.owner, state.self) ? stay(state) : begin(state, false);
}

/** A node is there. V1: another life of the owner's node proves the owner's own life over. */
export function onOwnerSeen(state: HomeState, node: NodeId): HomeStep {
  const { owner } = state.register;
  return mayBegin(state) && owner.name === node.name && !sameNode(owner, node) && node.name !== state.self.name ? begin(state, true) : stay(state);
}

/** V1: the owner's own word, which may be late. */
export function onOwnerGone(state: HomeState, node: NodeId, epoch: Epoch): HomeStep {
  const { register } = state;
  return mayBegin(state) && sameNode(register.owner, node) && register.epoch === epoch ? begin(state, true) : stay(state);
}

/** A new life of the home: what its former life owned is gone; another's lease may have been granted just before, so one full lease is waited. */
export function onRestarted(state: HomeState): HomeStep {
  if (state.phase !== 'settled') return stay(state);
  return state.register.owner.name === state.self.name ? begin(state, true) : { state, effects: [waitForLease(state)] };
}

/** The base is here: from now on the register may say so. */
export function onObtained(state: HomeState, hash: Hash): HomeStep {
  return state.phase === 'fetching' && state.register.base?.hash === hash ? takeOver(state) : stay(state);
}

/** The base is restored, and runs. */
export function onRestored(state: HomeState): HomeStep {
  if (state.phase !== 'restoring') return stay(state);
  const { epoch, move } = state.register;
  return {
    state: { ...state, phase: 'settled' },
    effects: [
      { type: 'stopTimer', timer: 'restore' },
      { type: 'runHere', epoch, move, incarnation: epoch },
    ],
  };
}

/** The standby could not be reached, or gave other bytes; or the base could not be restored. */
export function onFailed(state: HomeState, reason: ErrorValue): HomeStep {
  if (state.phase !== 'fetching' && state.phase !== 'restoring') return stay(state);
  return {
    state,
    effects: [
      { type: 'startTimer', timer: 'restore', delayMs: state.timings.restoreRetryMs },
      { type: 'report', report: { type: 'restoreFailed', reason } },
    ],
  };
}

export function onRestoreTimer(state: HomeState): HomeStep {
  const { base } = state.register;
  if (state.phase === 'fetching') return isRaised(state) ? fetchBase(state) : begin(state, false);
  return state.phase !== 'restoring' || base === undefined ? stay(state) : { state, effects: [{ type: 'restore', base }] };
}

/** Nothing is lost yet, or nobody knew whether it was. */
function mayBegin(state: HomeState): boolean {
  return state.phase === 'settled' || (state.phase === 'fetching' && !isRaised(state));
}

/** @param isOver the owner's life is over for certain: the register changes at once, so that no target waits for that owner */
function begin(state: HomeState, isOver: boolean): HomeStep {
  const { owner, base, standby } = state.register;
  if (base === undefined) {
    const reason = reasonOf(
      'DATA_LOSS',
      `${state.actor} was lost with node ${owner.name} at epoch ${state.register.epoch}, which never made a checkpoint`,
      state.self,
    );
    return {
      state: { ...state, phase: 'lost' },
      effects: [
        { type: 'stopTimer', timer: 'lease' },
        { type: 'report', report: { type: 'lost', reason } },
      ],
    };
  }
  // What a former life of the home kept is on its disk.
  if (standby === undefined || standby.name === state.self.name) return takeOver(state);
  if (!isOver) return fetchBase(state, { type: 'stopTimer', timer: 'lease' });
  const register = nextRegister(state.register, state.self);
  return fetchBase({ ...state, register }, ...raised(state, register));
}

function fetchBase(state: HomeState, ...first: readonly HomeEffect[]): HomeStep {
  const { base, standby } = state.register;
  return { state: { ...state, phase: 'fetching' }, effects: [...first, { type: 'obtain', base: base as Base, from: (standby as NodeId).name }] };
}

/** The base is here. */
function takeOver(state: HomeState): HomeStep {
  const { self } = state;
  const register: Register = { ...(isRaised(state) ? state.register : nextRegister(state.register, self)), standby: self };
  const next: HomeState = { ...state, phase: 'restoring', register };
  const changed: readonly HomeEffect[] = isRaised(state) ? [{ type: 'persist', register }] : raised(state, register);
  return { state: next, effects: [...changed, { type: 'restore', base: register.base as Base }, ...tellFormerStandby(state, next)] };
}

/** The home is the owner from now on. */
function raised({ register: { owner: from } }: HomeState, register: Register): readonly HomeEffect[] {
  return [
    { type: 'persist', register },
    { type: 'stopTimer', timer: 'lease' },
    { type: 'report', report: { type: 'tookOver', from, epoch: register.epoch } },
  ];
}
