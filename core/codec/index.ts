export { canonicalJson } from './canonical-json.js';
export { carriesRef } from './carries-ref.js';
export { decode, encode, type RefCodec } from './codec.js';
