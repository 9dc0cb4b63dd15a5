export { createMemoryBlobs, createMemoryBlobTransfer } from './blobs.js';
export type { MemoryNetwork, MemoryTransport } from './network.js';
export { createMemoryNetwork } from './network.js';
