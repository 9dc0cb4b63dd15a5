export { createImage, type ImageFunction } from './image.js';
export { sizeFromJpeg } from './jpeg-header.js';
