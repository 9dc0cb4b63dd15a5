export { type DecodedPicture, type Images, image, type Picture, type PixelSize } from './image.js';
export { type Inference, type InferOptions, type Nn, nn, type OutputTensor, type Tensor } from './nn.js';
