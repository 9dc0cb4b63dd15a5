// The machines, one per role.

export { createHome, stepHome } from './home.js';
export type { HomeEffect, HomeEvent, HomeReport, HomeState, HomeTimer } from './home-state.js';
export { createOwner, type OwnerEffect, type OwnerEvent, type OwnerState, type Ownership, type OwnerTimer, type Stable, stepOwner } from './owner.js';
export { createRegister } from './register.js';
export { createSource, stepSource } from './source.js';
export type { SourceEffect, SourceEvent, SourceReport, SourceState, SourceTimer } from './source-state.js';
export { answerStray } from './stray.js';
export {
  createTarget,
  type PrepareMessage,
  type Reservation,
  stepTarget,
  type TargetEffect,
  type TargetEvent,
  type TargetState,
  type TargetTimer,
} from './target.js';

// Their vocabulary.
export {
  type Base,
  type Capture,
  defaultLeaseMs,
  defaultTimings,
  type Epoch,
  type MigrationMessage,
  type MoveId,
  type MovePlan,
  type NodeId,
  type Proposal,
  type Register,
  type Role,
  receiversOf,
  type Send,
  type StartTimer,
  type Step,
  type StopTimer,
  sameNode,
  type Timings,
} from './types.js';
