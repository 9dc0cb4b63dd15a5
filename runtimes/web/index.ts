export { createWebClock, webDigest, webRandom } from './web-platform.js';
