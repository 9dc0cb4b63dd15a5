// The machines, one per role.
export { createSource, stepSource, type SourceEffect, type SourceEvent, type SourceReport, type SourceState, type SourceTimer } from './source.js';
export { createTarget, stepTarget, type PrepareMessage, type Reservation, type TargetEffect, type TargetEvent, type TargetState, type TargetTimer } from './target.js';
export { createOwner, mayRun, stepOwner, type OwnerEffect, type OwnerEvent, type OwnerState, type OwnerTimer, type Ownership, type Stable } from './owner.js';
export { createHome, stepHome } from './home.js';
export type { HomeEffect, HomeEvent, HomeReport, HomeState, HomeTimer } from './home-state.js';
export { createRegister } from './register.js';
export { answerStray } from './stray.js';

// Their vocabulary.
export {
  defaultLeaseMs,
  defaultTimings,
  receiversOf,
  sameNode,
  type Base,
  type Capture,
  type Epoch,
  type MigrationMessage,
  type MoveId,
  type MovePlan,
  type NodeId,
  type Proposal,
  type Register,
  type Role,
  type Send,
  type StartTimer,
  type Step,
  type StopTimer,
  type Timings,
} from './types.js';
