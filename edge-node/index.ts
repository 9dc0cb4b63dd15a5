export type { ExecutionHandler } from './execution-handler.js';
export type { HostFacts, HostLoad, OffloadRequest, Reservation, TierSpeed } from './offers.js';
export type { OffloadManager } from './offload-manager.js';
export type { RemoteOffloadHandler } from './remote-offload-handler.js';
export type { ResourceManager } from './resource-manager.js';
export { speedProbe } from './speed-probe.js';
export { type Edge, type EdgeOptions, startEdge } from './start-edge.js';
