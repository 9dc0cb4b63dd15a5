// The ports of core, as Node implements them.

export { type FileStore, type FileStoreOptions, openFileStore } from './file-store.js';
export { createLineLogger, type LineLoggerOptions } from './line-logger.js';
export { createManualClock, type ManualClock } from './manual-clock.js';
export { nodeDigest } from './node-digest.js';
export { systemClock } from './system-clock.js';
export { systemRandom } from './system-random.js';
