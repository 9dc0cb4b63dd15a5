// The bytes of a value. All integers are unsigned LEB128 unless said otherwise; floats are little-endian IEEE 754.
//
//   text form     [textForm | encoding] [JSON text]                          a tree of JSON values and nothing else
//   bytes form    [bytesForm] [bytes]                                        a Uint8Array and nothing else
//   tagged form   [taggedForm | encoding] [poolBytes] [structureBytes] [pool] [structure] { [pad to 8] [attachment] }
//
// The form follows from the value alone, never from the engine, so equal values have equal bytes everywhere. The pool is every short
// string of the value joined in the order visited: one conversion for all of them; the structure keeps only their lengths. Buffers and
// long strings are attachments, in the order visited, each at a multiple of 8 from the first byte. See docs/decisions/0001-codec.md.

/**
 * Levels of nesting a value may have, both ways. In QuickJS 400 levels of maps still pass and 500 run out of Node's default stack, which
 * would end the guest instead of throwing in it; half of that leaves room for the caller.
 */
export const maxDepth = 200;

/**
 * Brackets that JSON text may hold, those in its strings included; a tree with more of them takes the tagged form. QuickJS parses JSON by
 * recursion that nothing bounds: deep enough text would end its host. So text is never parsed that could be that deep.
 */
export const maxTextBrackets = 1000;

/** Brackets that the source of a regular expression may hold, for the same reason. */
export const maxRegexpBrackets = 1000;

export const textForm = 0x10;
export const taggedForm = 0x20;
export const bytesForm = 0x30;

/** How text became bytes: one byte a unit where all units are ≤ 0xFF, else UTF-8, else (lone surrogates) UTF-16LE. */
export const latin1 = 0;
export const utf8 = 1;
export const utf16 = 2;
export type TextEncoding = typeof latin1 | typeof utf8 | typeof utf16;

/** Strings of at least this many units are attachments: V8 keeps the whole pool alive for a slice of it, so the pool holds short strings only. */
export const longTextUnits = 1024;

/** Attachments start at multiples of this: the largest element size of a typed array. */
export const attachmentAlignment = 8;

/** First byte of each value in the structure. From `smallInteger` on, the byte is the integer itself plus `smallInteger`. */
export const tag = {
  undefined: 0,
  null: 1,
  true: 2,
  false: 3,
  /** Non-negative, below 2^32. */
  positive: 4,
  /** -1 - n, for integers from -2^32 to -1. */
  negative: 5,
  float: 6,
  bigint: 7,
  /** Units; the text is next in the pool. */
  text: 8,
  /** Encoding, bytes; the text is the next attachment. */
  longText: 9,
  /** Number of an object met before. Objects are numbered from 0 as they are first met; refs are not. */
  seen: 10,
  /** Shape, then a value per key. */
  object: 11,
  /** Length, then the elements. */
  array: 12,
  /** Length, count, then (index, value) for each element there is. */
  sparseArray: 13,
  map: 14,
  set: 15,
  /** Milliseconds as a float, NaN for an invalid date. */
  date: 16,
  /** Source and flags as strings. */
  regexp: 17,
  /** See errorPart. */
  error: 18,
  /** Kind (index into bufferKinds), bytes; the bytes are the next attachment. */
  buffer: 19,
  /** Number in the table of refs; the next free number defines it: address, then number in the table of protocols, likewise. */
  ref: 20,
} as const;

export const smallInteger = 0x40;
export const smallIntegers = 0x100 - smallInteger;

/** What an encoded error has beside name and message, in this order. */
export const errorPart = { stack: 1, cause: 2, godwit: 4, node: 8, retryable: 16 } as const;

/** Buffers by kind. The position is the wire value: only append. */
export const bufferKinds = [
  Uint8Array,
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
  ArrayBuffer,
] as const;
