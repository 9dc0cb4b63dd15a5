import type { Protocol } from '../actors/definition.js';
import { type Code, codes, GodwitError } from '../errors.js';
import type { RefCodec } from './codec.js';
import { corrupt } from './corrupt.js';
import { attachmentAlignment, bufferKinds, errorPart, latin1, maxDepth, smallInteger, type TextEncoding, tag, utf16 } from './format.js';
import { isSafeRegexpSource, parseJson } from './nested-text.js';
import { textFromBytes } from './text.js';

const uint32 = 0x1_0000_0000;

const float = new Float64Array(1);
const floatBytes = new Uint8Array(float.buffer);
const errorConstructors: ReadonlyMap<string, ErrorConstructor> = new Map(
  [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((Constructor) => [Constructor.name, Constructor]),
);

/** The value of a tagged form (format.ts). @throws whatever corrupt bytes lead to; the caller makes it DATA_LOSS */
export function decodeTagged(bytes: Uint8Array, refs: RefCodec): unknown {
  return new TaggedDecoder(bytes, refs).decode();
}

/** The encoding named by the low bits of a form's first byte. */
export function textEncoding(bits: number): TextEncoding {
  if (bits < latin1 || bits > utf16) throw corrupt(`unknown text encoding ${bits}`);
  return bits as TextEncoding;
}

class TaggedDecoder {
  readonly #bytes: Uint8Array;
  readonly #refs: RefCodec;
  #at = 1;
  /** End of what may be read at `#at`: of the header first, then of the structure. */
  #end: number;
  #attachmentEnd = 0;
  #pool = '';
  #poolAt = 0;
  readonly #objects: unknown[] = [];
  readonly #shapes: string[][] = [];
  readonly #protocols: Protocol[] = [];
  readonly #targets: unknown[] = [];

  constructor(bytes: Uint8Array, refs: RefCodec) {
    this.#bytes = bytes;
    this.#refs = refs;
    this.#end = bytes.length;
  }

  decode(): unknown {
    const encoding = textEncoding(this.#bytes[0] & 0x0f);
    const poolBytes = this.#unsigned();
    const structureBytes = this.#unsigned();
    const poolStart = this.#at;
    if (poolBytes + structureBytes > this.#bytes.length - poolStart) throw corrupt('truncated');
    if (poolBytes > 0) this.#pool = textFromBytes(this.#bytes.subarray(poolStart, poolStart + poolBytes), encoding);
    this.#at = poolStart + poolBytes;
    this.#end = this.#attachmentEnd = this.#at + structureBytes;
    const value = this.#value(0);
    if (this.#at !== this.#end || this.#attachmentEnd !== this.#bytes.length || this.#poolAt !== this.#pool.length) throw corrupt('bytes left over');
    return value;
  }

  #value(depth: number): unknown {
    const byte = this.#byte();
    if (byte >= smallInteger) return byte - smallInteger;
    switch (byte) {
      case tag.undefined:
        return undefined;
      case tag.null:
        return null;
      case tag.true:
        return true;
      case tag.false:
        return false;
      case tag.positive:
        return this.#unsigned();
      case tag.negative:
        return -1 - this.#unsigned();
      case tag.float:
        return this.#float();
      case tag.text:
        return this.#shortText();
      case tag.longText:
        return this.#longText();
      case tag.bigint:
        return bigint(this.#text());
      case tag.seen:
        return this.#seen();
      case tag.ref:
        return this.#ref();
      default:
        if (depth >= maxDepth) throw corrupt(`nested deeper than ${maxDepth} levels`);
        return this.#object(byte, depth + 1);
    }
  }

  #object(byte: number, depth: number): unknown {
    switch (byte) {
      case tag.object:
        return this.#plain(depth);
      case tag.array:
        return this.#array(depth);
      case tag.sparseArray:
        return this.#sparseArray(depth);
      case tag.map:
        return this.#map(depth);
      case tag.set:
        return this.#set(depth);
      case tag.date:
        return this.#remember(new Date(this.#float()));
      case tag.regexp:
        return this.#remember(this.#regexp());
      case tag.error:
        return this.#error(depth);
      case tag.buffer:
        return this.#remember(this.#buffer());
      default:
        throw corrupt(`unknown tag ${byte}`);
    }
  }

  #plain(depth: number): unknown {
    const keys = this.#shape();
    const value: Record<string, unknown> = {};
    this.#objects.push(value);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      const item = this.#value(depth);
      // Assigning to __proto__ would change the prototype instead of adding a property.
      if (key === '__proto__') Object.defineProperty(value, key, { value: item, enumerable: true, configurable: true, writable: true });
      else value[key] = item;
    }
    return value;
  }

  #shape(): string[] {
    const number = this.#unsigned();
    if (number < this.#shapes.length) return this.#shapes[number];
    if (number > this.#shapes.length) throw corrupt(`unknown shape ${number}`);
    const count = this.#count(1);
    const keys: string[] = [];
    for (let i = 0; i < count; i++) keys.push(this.#text());
    this.#shapes.push(keys);
    return keys;
  }

  #array(depth: number): unknown[] {
    const length = this.#count(1);
    const value: unknown[] = [];
    this.#objects.push(value);
    for (let i = 0; i < length; i++) value.push(this.#value(depth));
    return value;
  }

  #sparseArray(depth: number): unknown[] {
    const length = this.#unsigned();
    if (length >= uint32) throw corrupt(`array of ${length} elements`);
    const count = this.#count(2);
    const value: unknown[] = [];
    this.#objects.push(value);
    for (let i = 0; i < count; i++) {
      const index = this.#unsigned();
      if (index >= length) throw corrupt(`index ${index} in an array of ${length}`);
      value[index] = this.#value(depth);
    }
    value.length = length;
    return value;
  }

  #regexp(): RegExp {
    const source = this.#text();
    if (!isSafeRegexpSource(source)) throw corrupt('regular expression nested too deep');
    return new RegExp(source, this.#text());
  }

  #map(depth: number): Map<unknown, unknown> {
    const count = this.#count(2);
    const value = this.#remember(new Map<unknown, unknown>());
    for (let i = 0; i < count; i++) {
      const key = this.#value(depth);
      value.set(key, this.#value(depth));
    }
    return value;
  }

  #set(depth: number): Set<unknown> {
    const count = this.#count(1);
    const value = this.#remember(new Set<unknown>());
    for (let i = 0; i < count; i++) value.add(this.#value(depth));
    return value;
  }

  #error(depth: number): Error {
    const parts = this.#byte();
    const name = this.#text();
    const message = this.#text();
    const stack = (parts & errorPart.stack) !== 0 ? this.#text() : undefined;
    const error = (parts & errorPart.godwit) !== 0 ? this.#godwitError(message, parts) : new (errorConstructors.get(name) ?? Error)(message);
    this.#objects.push(error);
    if (error.name !== name) hidden(error, 'name', name);
    hidden(error, 'stack', stack);
    if ((parts & errorPart.cause) !== 0) hidden(error, 'cause', this.#value(depth));
    if ((parts & errorPart.godwit) !== 0) (error as { details?: unknown }).details = this.#value(depth);
    return error;
  }

  #godwitError(message: string, parts: number): GodwitError {
    const code = this.#text() as Code;
    if (!codes.includes(code)) throw corrupt(`unknown error code ${code}`);
    const retryable = (parts & errorPart.retryable) !== 0;
    return new GodwitError(code, message, (parts & errorPart.node) !== 0 ? { retryable, node: this.#text() } : { retryable });
  }

  #buffer(): object {
    const Kind = bufferKinds[this.#byte()];
    if (Kind === undefined) throw corrupt('unknown kind of buffer');
    const length = this.#unsigned();
    const start = this.#attachment(length);
    const elementBytes = 'BYTES_PER_ELEMENT' in Kind ? Kind.BYTES_PER_ELEMENT : 1;
    if (length % elementBytes !== 0) throw corrupt(`${length} bytes are no ${Kind.name}`);
    const copy = this.#bytes.slice(start, start + length);
    if (Kind === Uint8Array) return copy;
    return Kind === ArrayBuffer ? copy.buffer : new (Kind as Uint8ArrayConstructor)(copy.buffer);
  }

  #ref(): unknown {
    const number = this.#unsigned();
    if (number < this.#targets.length) return this.#targets[number];
    if (number > this.#targets.length) throw corrupt(`unknown ref ${number}`);
    const address = this.#text();
    const protocolNumber = this.#unsigned();
    if (protocolNumber > this.#protocols.length) throw corrupt(`unknown protocol ${protocolNumber}`);
    if (protocolNumber === this.#protocols.length) this.#protocols.push(protocolFromText(this.#text()));
    const ref = this.#refs.revive({ $address: address, $protocol: this.#protocols[protocolNumber] });
    this.#targets.push(ref);
    return ref;
  }

  #seen(): unknown {
    const number = this.#unsigned();
    if (number >= this.#objects.length) throw corrupt(`unknown object ${number}`);
    return this.#objects[number];
  }

  #text(): string {
    const byte = this.#byte();
    if (byte === tag.text) return this.#shortText();
    if (byte === tag.longText) return this.#longText();
    throw corrupt(`tag ${byte} where text belongs`);
  }

  #shortText(): string {
    const end = this.#poolAt + this.#unsigned();
    if (end > this.#pool.length) throw corrupt('text beyond its pool');
    const text = this.#pool.slice(this.#poolAt, end);
    this.#poolAt = end;
    return text;
  }

  #longText(): string {
    const encoding = textEncoding(this.#byte());
    const length = this.#unsigned();
    const start = this.#attachment(length);
    return textFromBytes(this.#bytes.subarray(start, start + length), encoding);
  }

  /** Takes the next attachment. @returns where it starts */
  #attachment(length: number): number {
    const start = Math.ceil(this.#attachmentEnd / attachmentAlignment) * attachmentAlignment;
    if (length > this.#bytes.length - start) throw corrupt('truncated');
    for (let at = this.#attachmentEnd; at < start; at++) if (this.#bytes[at] !== 0) throw corrupt('padding is not zero');
    this.#attachmentEnd = start + length;
    return start;
  }

  /** A number of things of at least `leastBytes` each, which the rest of the structure has room for. */
  #count(leastBytes: number): number {
    const count = this.#unsigned();
    if (count * leastBytes > this.#end - this.#at) throw corrupt('truncated');
    return count;
  }

  #float(): number {
    if (this.#at + 8 > this.#end) throw corrupt('truncated');
    floatBytes.set(this.#bytes.subarray(this.#at, this.#at + 8));
    this.#at += 8;
    return float[0];
  }

  #byte(): number {
    if (this.#at >= this.#end) throw corrupt('truncated');
    return this.#bytes[this.#at++];
  }

  #unsigned(): number {
    let byte = this.#byte();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let scale = 0x80;
    do {
      byte = this.#byte();
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
    } while (byte >= 0x80);
    if (value > Number.MAX_SAFE_INTEGER) throw corrupt('number too large');
    return value;
  }

  #remember<T>(value: T): T {
    this.#objects.push(value);
    return value;
  }
}

function bigint(text: string): bigint {
  if (!/^-?[0-9a-f]+$/.test(text)) throw corrupt('malformed bigint');
  return text.startsWith('-') ? -BigInt(`0x${text.slice(1)}`) : BigInt(`0x${text}`);
}

function hidden(error: Error, key: 'name' | 'stack' | 'cause', value: unknown): void {
  Object.defineProperty(error, key, { value, enumerable: false, configurable: true, writable: true });
}

function protocolFromText(text: string): Protocol {
  const parts = parseJson(text);
  const [definition, version, messages] = Array.isArray(parts) ? (parts as unknown[]) : [];
  if (typeof definition !== 'string' || typeof version !== 'number' || typeof messages !== 'object' || messages === null) throw corrupt('malformed protocol');
  if (!Object.values(messages).every((answer) => answer === 'reply' || answer === 'stream')) throw corrupt('malformed protocol');
  return { definition, version, messages: messages as Protocol['messages'] };
}
