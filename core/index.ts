// What every other room imports as `#core`. Users import `godwit`, the narrower `godwit.ts`.

export { Behaviour } from './actors/behaviour.js';
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
  Protocol,
  StandardSchema,
  Supervision,
} from './actors/definition.js';
export { actor, checkName } from './actors/definition.js';
export { bytesFrom } from './actors/memory-size.js';
export { NativeInstance } from './actors/native-instance.js';
export type { AnyRef, AskOptions, Holder, MessageOf, PayloadArguments, Ref, RefBase, RefCore, Where } from './actors/ref.js';
export { createRef, dispatch, holderOf, isRef, stop } from './actors/ref.js';
export type { Parent } from './actors/spawn.js';
export { spawn } from './actors/spawn.js';
export { stateSchemaOf } from './actors/state-schema.js';
export type { RefCodec } from './codec/index.js';
export { canonicalJson, carriesRef, decode, encode } from './codec/index.js';
export type { Channel, ChannelOptions } from './elastic/channel.js';
export { channel } from './elastic/channel.js';
export type { Endpoint, EndpointOptions, SubscribeOptions } from './elastic/endpoint.js';
export { definitionsIn } from './elastic/exported.js';
export type { Overflow } from './elastic/flow.js';
export type { ElasticFunction, ElasticOptions } from './elastic/function.js';
export { definitionOfFunction, elastic, leadCalls } from './elastic/function.js';
export { Hub } from './elastic/hub.js';
export type { Code, ErrorValue, GodwitErrorOptions } from './errors.js';
export { codes, errorFromValue, GodwitError, valueFromError } from './errors.js';
export type { DecodedPicture, Images, Inference, InferOptions, Nn, OutputTensor, Picture, PixelSize, Tensor } from './host/index.js';
export { image, nn } from './host/index.js';
export { defaultLeaseMs } from './migration/index.js';
export type { ActorDetails } from './node/actor-details.js';
export { type BuiltModule, buildPaths, formatIndex, parseIndex } from './node/build-output.js';
export { blobsOf, parseManifest } from './node/manifest.js';
export { createNode, Node } from './node/node.js';
export { signManifest } from './node/signed-manifest.js';
export type { ActorInfo, Admission, KeptLink, MoveOptions, MoveReport, MoveRequest, NodeEvent, NodeOptions, NodeStatistics, Reach } from './node/types.js';
export type { Blobs, BlobTransfer } from './ports/blobs.js';
export type { Cancel, Clock } from './ports/clock.js';
export type { Digest, Hash } from './ports/digest.js';
export type { HostFunction, HostFunctions } from './ports/host-function.js';
export type { Logger, LogLevel } from './ports/logger.js';
export { silentLogger } from './ports/logger.js';
export type { GuestLimits, Manifest, ModuleSource, Tier } from './ports/module-source.js';
export type { Random } from './ports/random.js';
export type { Instance, InstanceCapture, InstanceHost, InstanceSpec, Payload, Runtime, Target, Turn, TurnEnd } from './ports/runtime.js';
export type { Signature, Signer, Verifier } from './ports/signer.js';
export type { Store } from './ports/store.js';
export type { Span, SpanEnd, SpanFacts, TraceContext, Tracer } from './ports/tracer.js';
export type { AcceptPipe, Pipe, Transport } from './ports/transport.js';
