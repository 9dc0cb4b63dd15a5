export type { BackendName } from './backend.js';
export type { SkippedBackend } from './backends.js';
export { bundledModels } from './bundled-models.js';
export type { ModelFiles } from './model.js';
export { createNn, type NnDescription, type NnFunction, type NnOptions } from './nn.js';
