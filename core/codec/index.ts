export { carriesRef } from './carries-ref.js';
export { decode, encode, type Ownership, type RefCodec } from './codec.js';
