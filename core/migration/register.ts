/**
 * The home register of one actor and the only three ways it changes. Pure; `home.ts` puts it on disk and answers.
 *
 * R1 A change of owner raises the epoch by exactly one, so at most one owner per epoch (I1).
 * R2 A proposal expects (owner, epoch); of two with the same expectation at most one wins, whatever repeats or overtakes.
 * R3 `base` and `standby` advance under one epoch, by its owner only, and never back.
 */
import { type Base, type Epoch, type MoveId, type NodeId, type Proposal, type Register, sameNode } from './types.js';

/** A first register: `owner` at epoch 1. @param leaseMs milliseconds, > 0 */
export function createRegister(owner: NodeId, leaseMs: number): Register {
  return { epoch: 1, owner, leaseMs, move: 'spawn' as MoveId };
}

/** How a proposal ended: `register` is the new one if won, else the one that stood in the way. */
export interface Decided {
  readonly won: boolean;
  readonly register: Register;
}

/** Compare-and-set. A proposal that has won and nothing has followed wins again and changes nothing: its answer may have been lost. */
export function propose(register: Register, proposal: Proposal): Decided {
  const { move, expect, next } = proposal;
  if (register.move === move && register.epoch === expect.epoch + 1 && sameNode(register.owner, next.owner)) return { won: true, register };
  if (register.epoch !== expect.epoch || !sameNode(register.owner, expect.owner)) return { won: false, register };
  const kept = next.base === undefined ? {} : { base: next.base, standby: next.standby ?? expect.owner };
  return { won: true, register: { ...register, ...kept, epoch: register.epoch + 1, owner: next.owner, move } };
}

/** The proposal by which a source may run again after it has proposed: the same expectation, itself as the next owner. */
export function competing(proposal: Proposal): Proposal {
  return { move: proposal.move, expect: proposal.expect, next: { owner: proposal.expect.owner } };
}

/** Notes a checkpoint of the owner at `epoch` held by `standby`. @returns the same register if it is not the owner's or not newer (R3) */
export function recordBase(register: Register, owner: NodeId, epoch: Epoch, base: Base, standby: NodeId): Register {
  if (register.epoch !== epoch || !sameNode(register.owner, owner)) return register;
  if (register.base !== undefined && register.base.turns > base.turns) return register;
  if (register.base?.hash === base.hash && register.standby !== undefined && sameNode(register.standby, standby)) return register;
  return { ...register, base, standby };
}

/** The home as the next owner, after the present one was lost; it starts from `base`. */
export function takeOver(register: Register, home: NodeId): Register {
  const epoch = register.epoch + 1;
  return { ...register, epoch, owner: home, move: `takeover-${epoch}` as MoveId };
}
