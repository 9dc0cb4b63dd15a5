import { isRef } from '../actors/ref.js';
import { decode, type RefCodec } from '../codec/index.js';
import type { Target } from '../ports/runtime.js';

/** Refs as a node itself sees them, outside any actor: it can describe one to encode it, and keeps a received one as the bare target. */
export const outgoingRefs: RefCodec & { open(bytes: Uint8Array): unknown } = {
  describe: (value) => (isRef(value) ? value : undefined),
  revive: (target: Target) => target,
  open: (bytes) => decode(bytes, outgoingRefs),
};
