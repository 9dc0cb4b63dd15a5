export { type BuildOptions, type BuildReport, build } from './build.js';
export { type Bundler, bundler } from './bundler.js';
export { check, type Finding } from './check.js';
export type { ModuleOptions } from './module.js';
