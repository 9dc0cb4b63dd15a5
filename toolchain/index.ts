export type { Analysis, Finding, FindingCode, TaggedName, Transformed, TransformOptions } from './analysis/index.js';
export { analyse, findingTitles, formatFindings, transform } from './analysis/index.js';
export { type BuildOptions, type BuildReport, build } from './build.js';
export { type Bundler, bundler } from './bundler.js';
export { check, type Refusal } from './check.js';
export type { ModuleOptions } from './module.js';
export { godwit, type PluginOptions } from './plugin.js';
