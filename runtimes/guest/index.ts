// Entry of the code inside the script engine. The loop imports the polyfills, so they are there before a program's own modules run.
export { serve } from './guest-loop.js';
