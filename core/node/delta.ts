import { decode, encode } from '../codec/index.js';
import { GodwitError } from '../errors.js';
import type { Hash } from '../ports/digest.js';
import { type CellCapture, parseCapture } from './capture.js';
import { outgoingRefs } from './refs.js';

/** A capture told as what changed in the state since another one. */
export interface Delta {
  /** Hash of the capture it builds on. */
  readonly on: Hash;
  /** The capture without its state. */
  readonly head: Uint8Array;
  /** Ascending, on the former state: `drop` bytes at `at` make way for `bytes`. */
  readonly splices: readonly Splice[];
}

interface Splice {
  readonly at: number;
  readonly drop: number;
  readonly bytes: Uint8Array;
}

/** States below this travel whole: a delta would cost more than it saves. */
const smallestState = 4096;
/** Bytes that are compared, and sent, together. */
const blockBytes = 256;
const nothing = new Uint8Array(0);

/** @returns undefined if it would not be less than half of the state */
export function deltaOf(before: { readonly hash: Hash; readonly state: Uint8Array }, capture: CellCapture): Delta | undefined {
  const { state } = capture.instance;
  if (state.length < smallestState) return undefined;
  const splices = spliced(before.state, state);
  const bytes = splices.reduce((sum, splice) => sum + splice.bytes.length, 0);
  if (bytes * 2 > state.length) return undefined;
  return { on: before.hash, head: encode(withState(capture, nothing), outgoingRefs), splices };
}

/** The bytes of the capture that the delta tells of. @throws {GodwitError} DATA_LOSS the delta does not fit what it builds on */
export function applyDelta(before: Uint8Array, { head, splices }: Delta): Uint8Array {
  const { state } = parseCapture(before).instance;
  const parts: Uint8Array[] = [];
  let position = 0;
  for (const { at, drop, bytes } of splices) {
    if (!(at >= position && drop >= 0 && at + drop <= state.length))
      throw new GodwitError('DATA_LOSS', `a delta splices ${drop} bytes at ${at}, after ${position} of ${state.length}`);
    parts.push(state.subarray(position, at), bytes);
    position = at + drop;
  }
  parts.push(state.subarray(position));
  return encode(withState(decode(head, outgoingRefs) as CellCapture, joined(parts)), outgoingRefs);
}

function withState(capture: CellCapture, state: Uint8Array): CellCapture {
  return { ...capture, instance: { ...capture.instance, state } };
}

/** What turns one state into the other: the blocks that differ if what lies between the ends that agree is equally long, else all of it. */
function spliced(before: Uint8Array, after: Uint8Array): Splice[] {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start++;
  let end = 0;
  while (end < shorter - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  const drop = before.length - start - end;
  const length = after.length - start - end;
  if (drop === 0 && length === 0) return [];
  if (drop !== length) return [{ at: start, drop, bytes: after.slice(start, start + length) }];
  const splices: Splice[] = [];
  for (let at = start; at < start + length; at += blockBytes) {
    const to = Math.min(at + blockBytes, start + length);
    let differs = false;
    for (let index = at; index < to && !differs; index++) differs = before[index] !== after[index];
    if (differs) splices.push({ at, drop: to - at, bytes: after.slice(at, to) });
  }
  return splices;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
