export type { WorkerStats } from './control.js';
export type { ScriptLimits } from './limits.js';
export type { ScriptRuntime, ScriptRuntimeInstance, ScriptRuntimeOptions } from './script-runtime.js';
export { createScriptRuntime } from './script-runtime.js';
