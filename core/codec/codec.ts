import { GodwitError } from '../errors.js';
import type { Target } from '../ports/runtime.js';
import { corrupt } from './corrupt.js';
import { bytesForm, latin1, maxTextBrackets, tag, taggedForm, textForm } from './format.js';
import { bracketsIn, parseJson } from './nested-text.js';
import { isJsonTree } from './plain.js';
import { decodeTagged, textEncoding } from './tagged-decoder.js';
import { encodeTagged } from './tagged-encoder.js';
import { bytesFromText, compiled, putLatin1, shortUnits, textFromBytes } from './text.js';

/** How refs cross an encoding. */
export interface RefCodec {
  /** What a ref stands for, or undefined if `value` is no ref. Asked for every object that is neither plain nor an array. */
  describe(value: object): Target | undefined;
  /** The ref for a target, bound to whoever decodes. Called once for each different target of a value. */
  revive(target: Target): unknown;
}

// The tagged form of undefined: no pool, one byte of structure.
const undefinedBytes = [taggedForm, 0, 1, tag.undefined];

/**
 * The bytes of a value; the same bytes for the same value on every engine. Keeps what structured clone keeps, refs, and the fields of a GodwitError.
 * Not kept, by design: properties of arrays beside elements, prototypes null, and the rest of the buffer that a view looks into.
 * @throws {GodwitError} INVALID_ARGUMENT naming what cannot travel and where it is, or the limit on nesting
 */
export function encode(value: unknown, refs: RefCodec): Uint8Array {
  // What a handler without a result answers.
  if (value === undefined) return new Uint8Array(undefinedBytes);
  if (isBytes(value)) return encodeBytes(value);
  try {
    if (isJsonTree(value)) {
      const text = JSON.stringify(value);
      if (text.length <= maxTextBrackets || bracketsIn(text) <= maxTextBrackets) return encodeJson(text);
    }
    return encodeTagged(value, refs);
  } catch (thrown) {
    if (GodwitError.is(thrown)) throw thrown;
    throw new GodwitError('INVALID_ARGUMENT', `payload is not serialisable: ${thrown instanceof Error ? thrown.message : String(thrown)}`, { cause: thrown });
  }
}

/**
 * The value of some bytes that {@link encode} made. It shares nothing with them. Memory used is bounded by a small multiple of `bytes.length`.
 * @throws {GodwitError} DATA_LOSS the bytes are corrupt, truncated, too deep, or beyond what this engine can hold
 */
export function decode(bytes: Uint8Array, refs: RefCodec): unknown {
  // A Node Buffer has a slice of its own that does not copy.
  const plain = bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUndefined(plain)) return undefined;
  try {
    const form = (plain[0] ?? 0) & 0xf0;
    if (form === textForm) return decodeJson(plain);
    if (form === bytesForm) return plain.slice(1);
    if (form === taggedForm) return decodeTagged(plain, refs);
  } catch (thrown) {
    if (GodwitError.is(thrown)) throw thrown;
    throw corrupt(thrown instanceof Error ? thrown.message : String(thrown), thrown);
  }
  throw corrupt(plain.length === 0 ? 'no bytes' : `unknown form ${plain[0]}`);
}

/** A Uint8Array itself: of a subclass, as a Node Buffer is, the tagged form keeps the bytes. */
function isBytes(value: unknown): value is Uint8Array {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Uint8Array.prototype;
}

function encodeBytes(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(1 + bytes.length);
  out[0] = bytesForm;
  out.set(bytes, 1);
  return out;
}

function isUndefined(bytes: Uint8Array): boolean {
  return bytes.length === undefinedBytes.length && bytes[3] === tag.undefined && bytes[2] === 1 && bytes[1] === 0 && bytes[0] === taggedForm;
}

function encodeJson(text: string): Uint8Array {
  if (compiled && text.length <= shortUnits) {
    const out = new Uint8Array(1 + text.length);
    out[0] = textForm | latin1;
    if (putLatin1(text, out, 1)) return out;
  }
  const { encoding, bytes } = bytesFromText(text);
  const out = new Uint8Array(1 + bytes.length);
  out[0] = textForm | encoding;
  out.set(bytes, 1);
  return out;
}

function decodeJson(bytes: Uint8Array): unknown {
  return parseJson(textFromBytes(bytes.subarray(1), textEncoding(bytes[0] & 0x0f)));
}
