export { type Bundler, bundler } from './bundler.js';
export type { ModuleOptions } from './module.js';
