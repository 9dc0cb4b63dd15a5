import { isRef, type RefCodec } from '#core';

/** The codec where nobody holds refs: they are described, and decoded as plain targets. */
export const plainCodec: RefCodec = { describe: (value) => (isRef(value) ? value : undefined), revive: (target) => target };
