import { latin1, type TextEncoding, utf8, utf16 } from './format.js';

// Text to bytes and back on any engine. Engines with TextEncoder (browsers, Node) compile JavaScript, so short texts go through a loop
// there; an interpreter such as QuickJS pays 100 times more per loop step, so there every text goes through native functions: base64
// for one-byte text, the URI functions for UTF-8. The bytes are the same either way.

/** Bytes of a text. Valid only until the next call into this module: copy what is kept. */
export interface TextBytes {
  readonly encoding: TextEncoding;
  readonly bytes: Uint8Array;
}

/** What ES2024 and later, and Annex B, add to the library that core compiles against; each may be absent. */
interface Native {
  readonly TextEncoder?: typeof TextEncoder;
  readonly TextDecoder?: typeof TextDecoder;
  readonly btoa?: (latin1: string) => string;
  readonly atob?: (base64: string) => string;
  readonly escape?: (text: string) => string;
  readonly unescape?: (text: string) => string;
}
type Base64Bytes = Uint8Array & { toBase64?(): string };
type Base64Constructor = { fromBase64?(base64: string): Uint8Array };
type WellFormedness = { isWellFormed?(): boolean };

// Made once: an interpreter makes a regular expression anew each time it meets the literal.
// biome-ignore lint/suspicious/noControlCharactersInRegex: the whole range is meant
const wideUnit = /[^\x00-\xff]/;

const native = globalThis as Native;
const fromBase64 = (Uint8Array as unknown as Base64Constructor).fromBase64?.bind(Uint8Array);
const hasBase64 =
  native.btoa !== undefined && native.atob !== undefined && fromBase64 !== undefined && (Uint8Array.prototype as Base64Bytes).toBase64 !== undefined;

// ignoreBOM: a leading U+FEFF is text like any other. Not fatal: what is invalid shows as U+FFFD and is then looked at closely.
const decoderOptions = { fatal: false, ignoreBOM: true };
const strictOptions = { fatal: true, ignoreBOM: true };
const encoder = native.TextEncoder === undefined ? undefined : new native.TextEncoder();
const decoder = native.TextDecoder === undefined ? undefined : new native.TextDecoder('utf-8', decoderOptions);
const strictDecoder = native.TextDecoder === undefined ? undefined : new native.TextDecoder('utf-8', strictOptions);

/** Whether loops over characters are cheap here. */
export const compiled = encoder !== undefined;

/** Up to this many units a compiled loop beats the call into TextEncoder or TextDecoder (measured on Node 20). */
export const shortUnits = 48;
/** Arguments of one String.fromCharCode.apply: far below the least limit on arguments of any engine (65535). */
const chunkUnits = 4096;
/** Size of the reused output of TextEncoder: covers ordinary messages and is small enough to keep. */
const scratchBytes = 16384;

const scratch = new Uint8Array(encoder === undefined ? 0 : scratchBytes);

/** The bytes of any string, lone surrogates included. */
export function bytesFromText(text: string): TextBytes {
  if (encoder === undefined) return bytesFromTextNatively(text);
  const bytes = text.length * 3 <= scratchBytes ? scratch.subarray(0, encoder.encodeInto(text, scratch).written) : encoder.encode(text);
  if (bytes.length === text.length) return { encoding: latin1, bytes };
  if (isLatin1(text)) return { encoding: latin1, bytes: latin1Bytes(text) };
  if (isWellFormed(text)) return { encoding: utf8, bytes };
  return { encoding: utf16, bytes: utf16Bytes(text) };
}

/**
 * Writes a short text one byte a unit, for engines where loops are cheap. @returns false if it has a unit above 0xFF; what was written is then void
 */
export function putLatin1(text: string, into: Uint8Array, at: number): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0xff) return false;
    into[at + i] = unit;
  }
  return true;
}

/** The text of some bytes. @throws whatever the engine throws for bytes that are no text of this encoding */
export function textFromBytes(bytes: Uint8Array, encoding: TextEncoding): string {
  switch (encoding) {
    case latin1:
      return latin1Text(bytes);
    case utf8:
      return strictDecoder === undefined ? decodeURIComponent(native.escape!(latin1Text(bytes))) : strictDecoder.decode(bytes);
    case utf16:
      return utf16Text(bytes);
  }
}

function bytesFromTextNatively(text: string): TextBytes {
  if (isLatin1(text)) return { encoding: latin1, bytes: latin1Bytes(text) };
  if (isWellFormed(text)) return { encoding: utf8, bytes: latin1Bytes(native.unescape!(encodeURIComponent(text))) };
  return { encoding: utf16, bytes: utf16Bytes(text) };
}

function isLatin1(text: string): boolean {
  return !wideUnit.test(text);
}

function isWellFormed(text: string): boolean {
  const own = (text as WellFormedness).isWellFormed;
  return own === undefined ? !/\p{Surrogate}/u.test(text) : own.call(text);
}

function latin1Bytes(text: string): Uint8Array {
  if (!compiled && hasBase64) return fromBase64(native.btoa(text));
  const bytes = new Uint8Array(text.length);
  putLatin1(text, bytes, 0);
  return bytes;
}

function latin1Text(bytes: Uint8Array): string {
  if (bytes.length <= shortUnits) return String.fromCharCode.apply(null, bytes as unknown as number[]);
  if (decoder !== undefined) {
    // Equal lengths without a replacement character: every byte was ASCII, the same in UTF-8 and here.
    const text = decoder.decode(bytes);
    if (text.length === bytes.length && !text.includes('\ufffd')) return text;
  } else if (hasBase64) {
    return native.atob((bytes as Base64Bytes).toBase64!());
  }
  return textFromUnits(bytes);
}

function utf16Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 2);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    bytes[2 * i] = unit & 0xff;
    bytes[2 * i + 1] = unit >> 8;
  }
  return bytes;
}

function utf16Text(bytes: Uint8Array): string {
  if (bytes.length % 2 !== 0) throw new TypeError('UTF-16 text of an odd number of bytes');
  const units = new Uint16Array(bytes.length / 2);
  for (let i = 0; i < units.length; i++) units[i] = bytes[2 * i] | (bytes[2 * i + 1] << 8);
  return textFromUnits(units);
}

function textFromUnits(units: Uint8Array | Uint16Array): string {
  let text = '';
  for (let at = 0; at < units.length; at += chunkUnits) text += String.fromCharCode.apply(null, units.subarray(at, at + chunkUnits) as unknown as number[]);
  return text;
}
