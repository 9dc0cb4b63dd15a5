// What users import as `godwit`: defining actors, talking to them, and the contracts to implement for a platform of one's own.
export type { CancelTimer, Context } from './actors/context.js';
export type {
  ActorOptions,
  AnyDefinition,
  Decision,
  Definition,
  Durability,
  Handler,
  Handlers,
  Limits,
  Needs,
  StandardSchema,
  Supervision,
} from './actors/definition.js';
export { actor } from './actors/definition.js';
export type { AnyRef, AskOptions, MessageOf, PayloadArguments, Ref, RefBase, Where } from './actors/ref.js';
export { dispatch, isRef, stop } from './actors/ref.js';
export type { Parent } from './actors/spawn.js';
export { spawn } from './actors/spawn.js';
export type { Channel, ChannelOptions } from './elastic/channel.js';
export { channel } from './elastic/channel.js';
export type { Endpoint, EndpointOptions, SubscribeOptions } from './elastic/endpoint.js';
export type { Overflow } from './elastic/flow.js';
export type { ElasticFunction, ElasticOptions } from './elastic/function.js';
export { elastic } from './elastic/function.js';
export type { Code, GodwitErrorOptions } from './errors.js';
export { codes, GodwitError } from './errors.js';
export { image, nn } from './host/index.js';
export type { ActorInfo, MoveOptions, MoveReport, NodeEvent, NodeStatistics } from './node/types.js';
export type { HostFunction, HostFunctions } from './ports/host-function.js';
export type { Logger, LogLevel } from './ports/logger.js';
export type { GuestLimits, Manifest, ModuleSource, Tier } from './ports/module-source.js';
export type { Signature, Signer } from './ports/signer.js';
