export type { Bundler, BundlerOptions } from './bundler.js';
export { bundler } from './bundler.js';
