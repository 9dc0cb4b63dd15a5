import type { Protocol } from '../actors/definition.js';
import { isRef } from '../actors/ref.js';
import { GodwitError } from '../errors.js';
import type { RefCodec } from './codec.js';
import {
  attachmentAlignment,
  bufferKinds,
  errorPart,
  longTextUnits,
  maxDepth,
  maxRegexpBrackets,
  smallInteger,
  smallIntegers,
  tag,
  taggedForm,
} from './format.js';
import { isSafeRegexpSource } from './nested-text.js';
import { isPlain } from './plain.js';
import { refusal } from './refusal.js';
import { bytesFromText } from './text.js';

/** Beyond so many objects a Map finds one met before faster than a scan of the list (measured on V8 and QuickJS). */
const listedObjects = 24;
const firstStructureBytes = 256;
/** A structure that grew beyond this is not kept for the next value. */
const keptStructureBytes = 65536;
/** Most bytes of a varint, which is below 2^53. */
const varintBytes = 8;
const uint32 = 0x1_0000_0000;

const kindByName: ReadonlyMap<string, number> = new Map(bufferKinds.map((Kind, kind) => [Kind.name, kind]));
const brandOf = Object.prototype.toString;
const float = new Float64Array(1);
const floatBytes = new Uint8Array(float.buffer);
// One NaN on the wire: engines differ in the bits they keep.
const canonicalNaN = new Uint8Array([0, 0, 0, 0, 0, 0, 0xf8, 0x7f]);
const protocolTexts = new WeakMap<Protocol, string>();

let keptStructure: Uint8Array | undefined;

/** The tagged form of `value` (format.ts). @throws {GodwitError} INVALID_ARGUMENT naming what cannot travel and where it is */
export function encodeTagged(value: unknown, refs: RefCodec): Uint8Array {
  const encoder = new TaggedEncoder(value, refs);
  return encoder.encode();
}

class TaggedEncoder {
  readonly #root: unknown;
  readonly #refs: RefCodec;
  #structure: Uint8Array;
  #at = 0;
  #pool = '';
  readonly #attachments: Uint8Array[] = [];
  readonly #objects: object[] = [];
  #numbers: Map<object, number> | undefined;
  #lastShape: readonly string[] = [];
  #lastShapeNumber = -1;
  readonly #shapes = new Map<string, number>();
  #protocols: Map<string, number> | undefined;
  #targets: Map<string, number> | undefined;

  constructor(root: unknown, refs: RefCodec) {
    this.#root = root;
    this.#refs = refs;
    this.#structure = keptStructure ?? new Uint8Array(firstStructureBytes);
    keptStructure = undefined;
  }

  encode(): Uint8Array {
    this.#value(this.#root, 0);
    const bytes = this.#assemble();
    if (this.#structure.length <= keptStructureBytes) keptStructure = this.#structure;
    return bytes;
  }

  #assemble(): Uint8Array {
    const structureBytes = this.#at;
    const pool = bytesFromText(this.#pool);
    // The two header numbers are written behind the structure, where there is room to measure them.
    this.#unsigned(pool.bytes.length);
    this.#unsigned(structureBytes);
    const header = this.#structure.subarray(structureBytes, this.#at);
    let length = 1 + header.length + pool.bytes.length + structureBytes;
    for (const attachment of this.#attachments) length = aligned(length) + attachment.length;

    const out = new Uint8Array(length);
    out[0] = taggedForm | pool.encoding;
    out.set(header, 1);
    let at = 1 + header.length;
    out.set(pool.bytes, at);
    at += pool.bytes.length;
    out.set(this.#structure.subarray(0, structureBytes), at);
    at += structureBytes;
    for (const attachment of this.#attachments) {
      at = aligned(at);
      out.set(attachment, at);
      at += attachment.length;
    }
    return out;
  }

  #value(value: unknown, depth: number): void {
    switch (typeof value) {
      case 'string':
        this.#text(value);
        break;
      case 'number':
        this.#number(value);
        break;
      case 'boolean':
        this.#byte(value ? tag.true : tag.false);
        break;
      case 'undefined':
        this.#byte(tag.undefined);
        break;
      case 'bigint':
        this.#byte(tag.bigint);
        this.#text(value.toString(16));
        break;
      case 'object':
        if (value === null) this.#byte(tag.null);
        else this.#object(value, depth);
        break;
      default:
        throw refusal(this.#root, value);
    }
  }

  #object(value: object, depth: number): void {
    const number = this.#numberOf(value);
    if (number >= 0) {
      this.#byte(tag.seen);
      this.#unsigned(number);
      return;
    }
    if (depth >= maxDepth) throw refusal(this.#root, value, `nesting deeper than ${maxDepth} levels`);
    if (Array.isArray(value)) {
      this.#remember(value);
      this.#array(value, depth + 1);
    } else if (isPlain(value) && !isRef(value)) {
      this.#remember(value);
      this.#plain(value as Record<string, unknown>, depth + 1);
    } else {
      this.#special(value, depth + 1);
    }
  }

  #special(value: object, depth: number): void {
    const target = this.#refs.describe(value);
    if (target !== undefined) {
      this.#ref(target.$address, target.$protocol);
      return;
    }
    this.#remember(value);
    this.#builtIn(value, depth);
  }

  #plain(value: Record<string, unknown>, depth: number): void {
    const keys = Object.keys(value);
    this.#byte(tag.object);
    this.#shape(keys);
    for (let i = 0; i < keys.length; i++) this.#value(value[keys[i]], depth);
  }

  #shape(keys: string[]): void {
    // Neighbours mostly have the same shape; then its name need not be made.
    if (this.#lastShapeNumber < 0 || !sameKeys(keys, this.#lastShape)) {
      const name = JSON.stringify(keys);
      if (this.#numberIn(this.#shapes, name)) {
        this.#unsigned(keys.length);
        for (const key of keys) this.#text(key);
      }
      this.#lastShape = keys;
      this.#lastShapeNumber = this.#shapes.get(name)!;
    } else {
      this.#unsigned(this.#lastShapeNumber);
    }
  }

  #array(value: unknown[], depth: number): void {
    if (value.includes(undefined) && hasHole(value)) {
      this.#sparseArray(value, depth);
      return;
    }
    this.#byte(tag.array);
    this.#unsigned(value.length);
    for (let i = 0; i < value.length; i++) this.#value(value[i], depth);
  }

  #sparseArray(value: unknown[], depth: number): void {
    const indices = Object.keys(value).filter(isIndex);
    this.#byte(tag.sparseArray);
    this.#unsigned(value.length);
    this.#unsigned(indices.length);
    for (const index of indices) {
      this.#unsigned(Number(index));
      this.#value(value[Number(index)], depth);
    }
  }

  #builtIn(value: object, depth: number): void {
    const brand = brandOf.call(value).slice('[object '.length, -1);
    switch (brand) {
      case 'Map':
        this.#map(value as Map<unknown, unknown>, depth);
        break;
      case 'Set':
        this.#set(value as Set<unknown>, depth);
        break;
      case 'Date':
        this.#byte(tag.date);
        this.#float(Date.prototype.getTime.call(value));
        break;
      case 'RegExp':
        this.#regexp(value as RegExp);
        break;
      default:
        if (brand === 'Error' || value instanceof Error) this.#error(value as Error, depth);
        else this.#buffer(value, brand);
    }
  }

  #regexp(value: RegExp): void {
    if (!isSafeRegexpSource(value.source)) throw refusal(this.#root, value, `regular expression of more than ${maxRegexpBrackets} brackets`);
    this.#byte(tag.regexp);
    this.#text(value.source);
    this.#text(value.flags);
  }

  #map(value: Map<unknown, unknown>, depth: number): void {
    this.#byte(tag.map);
    this.#unsigned(value.size);
    for (const [key, item] of Map.prototype.entries.call(value)) {
      this.#value(key, depth);
      this.#value(item, depth);
    }
  }

  #set(value: Set<unknown>, depth: number): void {
    this.#byte(tag.set);
    this.#unsigned(value.size);
    for (const item of Set.prototype.values.call(value)) this.#value(item, depth);
  }

  #error(value: Error, depth: number): void {
    const godwit = GodwitError.is(value);
    const stack = value.stack;
    const parts =
      (typeof stack === 'string' ? errorPart.stack : 0) |
      (Object.hasOwn(value, 'cause') ? errorPart.cause : 0) |
      (godwit ? errorPart.godwit : 0) |
      (godwit && value.node !== undefined ? errorPart.node : 0) |
      (godwit && value.retryable ? errorPart.retryable : 0);
    this.#byte(tag.error);
    this.#byte(parts);
    this.#text(String(value.name));
    this.#text(String(value.message));
    if (typeof stack === 'string') this.#text(stack);
    if (godwit) this.#text(value.code);
    if (godwit && value.node !== undefined) this.#text(value.node);
    if ((parts & errorPart.cause) !== 0) this.#value(value.cause, depth);
    if (godwit) this.#value(value.details, depth);
  }

  #buffer(value: object, brand: string): void {
    const kind = kindByName.get(brand);
    if (kind === undefined || !(ArrayBuffer.isView(value) || brand === 'ArrayBuffer')) throw refusal(this.#root, value);
    const bytes = ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : new Uint8Array(value as ArrayBuffer);
    this.#byte(tag.buffer);
    this.#byte(kind);
    this.#unsigned(bytes.length);
    this.#attachments.push(bytes);
  }

  #ref(address: string, protocol: Protocol): void {
    // By content, never by identity: whether two refs to one actor are one object depends on who revived them.
    this.#targets ??= new Map();
    this.#protocols ??= new Map();
    const text = protocolText(protocol);
    const name = JSON.stringify([address, text]);
    this.#byte(tag.ref);
    if (!this.#numberIn(this.#targets, name)) return;
    this.#text(address);
    if (this.#numberIn(this.#protocols, text)) this.#text(text);
  }

  /** Writes the number of `name`, giving it the next one. @returns true if it was new */
  #numberIn(table: Map<string, number>, name: string): boolean {
    const known = table.get(name);
    this.#unsigned(known ?? table.size);
    if (known === undefined) table.set(name, table.size);
    return known === undefined;
  }

  #number(value: number): void {
    if (!Number.isInteger(value) || value >= uint32 || value < -uint32 || (value === 0 && 1 / value < 0)) {
      this.#byte(tag.float);
      this.#float(value);
    } else if (value < 0) {
      this.#byte(tag.negative);
      this.#unsigned(-1 - value);
    } else if (value < smallIntegers) {
      this.#byte(smallInteger + value);
    } else {
      this.#byte(tag.positive);
      this.#unsigned(value);
    }
  }

  #float(value: number): void {
    if (this.#at + 8 > this.#structure.length) this.#grow(8);
    float[0] = value;
    this.#structure.set(Number.isNaN(value) ? canonicalNaN : floatBytes, this.#at);
    this.#at += 8;
  }

  #text(text: string): void {
    if (text.length < longTextUnits) {
      this.#byte(tag.text);
      this.#unsigned(text.length);
      this.#pool += text;
      return;
    }
    const { encoding, bytes } = bytesFromText(text);
    this.#byte(tag.longText);
    this.#byte(encoding);
    this.#unsigned(bytes.length);
    this.#attachments.push(bytes.slice());
  }

  #byte(byte: number): void {
    if (this.#at === this.#structure.length) this.#grow(1);
    this.#structure[this.#at++] = byte;
  }

  #unsigned(value: number): void {
    if (this.#at + varintBytes > this.#structure.length) this.#grow(varintBytes);
    let rest = value;
    while (rest >= 0x80) {
      this.#structure[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#structure[this.#at++] = rest;
  }

  #grow(bytes: number): void {
    const larger = new Uint8Array(Math.max(this.#structure.length * 2, this.#at + bytes));
    larger.set(this.#structure);
    this.#structure = larger;
  }

  #numberOf(value: object): number {
    return this.#numbers === undefined ? this.#objects.indexOf(value) : (this.#numbers.get(value) ?? -1);
  }

  #remember(value: object): void {
    if (this.#numbers !== undefined) {
      this.#numbers.set(value, this.#numbers.size);
    } else if (this.#objects.push(value) > listedObjects) {
      this.#numbers = new Map(this.#objects.map((object, number) => [object, number]));
    }
  }
}

function aligned(at: number): number {
  return Math.ceil(at / attachmentAlignment) * attachmentAlignment;
}

function sameKeys(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function hasHole(value: readonly unknown[]): boolean {
  for (let i = 0; i < value.length; i++) if (value[i] === undefined && !(i in value)) return true;
  return false;
}

function isIndex(key: string): boolean {
  const number = Number(key);
  return number >= 0 && number < uint32 - 1 && String(number) === key && Number.isInteger(number);
}

function protocolText(protocol: Protocol): string {
  let text = protocolTexts.get(protocol);
  if (text === undefined) {
    text = JSON.stringify([protocol.definition, protocol.version, protocol.messages]);
    protocolTexts.set(protocol, text);
  }
  return text;
}
