export type { PipePort } from './pipe.js';
export { createPortPipe } from './pipe.js';
