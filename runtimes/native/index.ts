export { createNativeRuntime } from './native-runtime.js';
