// The ports of core, as Node implements them.

export { createKeyPair, createSigner, createVerifier, type KeyPair } from './ed25519.js';
export { type FileStore, type FileStoreOptions, openFileStore } from './file-store.js';
export { lockDirectory } from './file-store-lock.js';
export { createLineLogger, type LineLoggerOptions } from './line-logger.js';
export { createManualClock, type ManualClock } from './manual-clock.js';
export { moduleDirectory } from './module-directory.js';
export { nodeDigest } from './node-digest.js';
export { SourceMaps } from './source-maps.js';
export { systemClock } from './system-clock.js';
export { systemRandom } from './system-random.js';
