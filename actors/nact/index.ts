// What users import as `godwit/nact`: Godwit in nact's spelling, and the bridge to a running nact system.
export { type Bridge, bridge, type NactReference } from './bridge.js';
export type { ActorState, FunctionDefinition, ShippingOptions } from './definition.js';
export { stateful, stateless } from './definition.js';
export { dispatch, stop } from './messages.js';
export { query } from './query.js';
export type { Accepts, Ref } from './reference.js';
export { Nobody } from './reference.js';
export type {
  ActorContext,
  ActorFunction,
  ActorPath,
  ActorProps,
  Decision,
  Logger,
  StatelessFunction,
  StatelessOptions,
  SupervisionContext,
} from './script.js';
export { spawn, spawnStateless } from './spawn.js';
export type { Place, System } from './system.js';
export { start } from './system.js';
export { hour, hours, millisecond, milliseconds, minute, minutes, second, seconds } from './time.js';
