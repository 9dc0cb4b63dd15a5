// A link's stream in the Connect protocol, laid out by hand: a frame costs one small header instead of a generated message and an async iteration.
//   envelope  = flags (1 byte) · length (4 bytes, big-endian) · message
//   message   = 0x0a · length (varint) · records      the Protobuf encoding of Frame { bytes records = 1 }; empty if there are no records
// See https://connectrpc.com/docs/protocol/#streaming-rpcs and https://protobuf.dev/programming-guides/encoding/
import { GodwitError } from '#core';

const prefixBytes = 5;
const compressedFlag = 1;
const endFlag = 2;
const recordsTag = 0x0a;
const lengthDelimited = 2;
/** Tag and varint length of the largest message. */
const maxHeaderBytes = 1 + 5;
/** Bound of the JSON that ends a stream: a code and a message. */
const maxEndBytes = 64 * 1024;

/** Length of a frame's envelope without its records. */
export function headerBytes(recordsLength: number): number {
  if (recordsLength === 0) return prefixBytes;
  return prefixBytes + 1 + varintBytes(recordsLength);
}

/** Writes the envelope of a frame up to its records. @returns the offset behind it, where the records belong */
export function writeHeader(into: Uint8Array, offset: number, recordsLength: number): number {
  const end = offset + headerBytes(recordsLength);
  writePrefix(into, offset, 0, end - offset - prefixBytes + recordsLength);
  if (recordsLength === 0) return end;
  into[offset + prefixBytes] = recordsTag;
  let at = offset + prefixBytes + 1;
  let rest = recordsLength;
  for (; rest > 0x7f; rest >>>= 7) into[at++] = (rest & 0x7f) | 0x80;
  into[at++] = rest;
  return at;
}

/** The envelope that ends a server's stream. @param json the error in its JSON form, undefined for a plain end */
export function endEnvelope(json: unknown): Uint8Array {
  const body = new TextEncoder().encode(JSON.stringify(json === undefined ? {} : { error: json }));
  const envelope = new Uint8Array(prefixBytes + body.length);
  writePrefix(envelope, 0, endFlag, body.length);
  envelope.set(body, prefixBytes);
  return envelope;
}

function writePrefix(into: Uint8Array, offset: number, flags: number, length: number): void {
  into[offset] = flags;
  into[offset + 1] = length >>> 24;
  into[offset + 2] = length >>> 16;
  into[offset + 3] = length >>> 8;
  into[offset + 4] = length;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 0x7f; rest >>>= 7) bytes += 1;
  return bytes;
}

/** What a reader finds in a stream. */
export interface EnvelopeSink {
  frame(records: Uint8Array): void;
  /** The stream's end was announced, with the JSON it carried. */
  end(json: unknown): void;
  /** The stream breaks the protocol or a limit; nothing more is read. */
  refuse(error: GodwitError): void;
}

/** Cuts a stream of bytes into frames. A frame that lies whole in one chunk is a view on it, any other is assembled in memory of its own. */
export class EnvelopeReader {
  readonly #sink: EnvelopeSink;
  readonly #maxFrameBytes: number;
  readonly #prefix = new Uint8Array(prefixBytes);
  #prefixFilled = 0;
  #body: Uint8Array | undefined;
  #bodyFilled = 0;
  #stopped = false;

  constructor(maxFrameBytes: number, sink: EnvelopeSink) {
    this.#maxFrameBytes = maxFrameBytes;
    this.#sink = sink;
  }

  /** Ignores what comes from now on. */
  stop(): void {
    this.#stopped = true;
    this.#body = undefined;
  }

  read(chunk: Uint8Array): void {
    let offset = 0;
    while (!this.#stopped && offset < chunk.length) {
      if (this.#body === undefined) offset = this.#readPrefix(chunk, offset);
      else offset = this.#readBody(this.#body, chunk, offset);
    }
  }

  #readPrefix(chunk: Uint8Array, start: number): number {
    let offset = start;
    const prefix = this.#prefix;
    while (this.#prefixFilled < prefixBytes && offset < chunk.length) prefix[this.#prefixFilled++] = chunk[offset++]!;
    if (this.#prefixFilled < prefixBytes) return offset;
    this.#prefixFilled = 0;
    const length = ((prefix[1] << 24) | (prefix[2] << 16) | (prefix[3] << 8) | prefix[4]) >>> 0;
    if (length > this.#limit(prefix[0])) {
      this.#refuse('RESOURCE_EXHAUSTED', `a frame of ${length} bytes exceeds the limit of ${this.#maxFrameBytes} bytes`);
      return offset;
    }
    if (chunk.length - offset < length) {
      this.#body = new Uint8Array(length);
      this.#bodyFilled = 0;
      return offset;
    }
    // A plain view: a Buffer's `slice` does not copy, which a receiver would trip over.
    this.#message(new Uint8Array(chunk.buffer, chunk.byteOffset + offset, length));
    return offset + length;
  }

  #readBody(body: Uint8Array, chunk: Uint8Array, offset: number): number {
    const end = Math.min(chunk.length, offset + body.length - this.#bodyFilled);
    body.set(chunk.subarray(offset, end), this.#bodyFilled);
    this.#bodyFilled += end - offset;
    if (this.#bodyFilled === body.length) {
      this.#body = undefined;
      this.#message(body);
    }
    return end;
  }

  #limit(flags: number): number {
    return flags & endFlag ? maxEndBytes : this.#maxFrameBytes + maxHeaderBytes;
  }

  #message(body: Uint8Array): void {
    const flags = this.#prefix[0];
    if (flags & compressedFlag) this.#refuse('UNIMPLEMENTED', 'frames of a link are not compressed, one came that is');
    else if (flags & endFlag) this.#end(body);
    else this.#frame(body);
  }

  #frame(body: Uint8Array): void {
    const records = recordsOf(body);
    if (records === undefined) this.#refuse('INVALID_ARGUMENT', 'a frame is not a valid godwit.link.v1.Frame');
    else this.#sink.frame(records);
  }

  #end(body: Uint8Array): void {
    this.stop();
    try {
      this.#sink.end(JSON.parse(new TextDecoder().decode(body)));
    } catch {
      this.#sink.end(undefined);
    }
  }

  #refuse(code: 'RESOURCE_EXHAUSTED' | 'UNIMPLEMENTED' | 'INVALID_ARGUMENT', message: string): void {
    this.stop();
    this.#sink.refuse(new GodwitError(code, message));
  }
}

/** The records of an encoded Frame, a view on it; undefined if it is malformed. Fields of later versions are skipped. */
function recordsOf(body: Uint8Array): Uint8Array | undefined {
  let records = body.subarray(0, 0);
  let at = 0;
  while (at < body.length) {
    const tag = body[at++];
    if ((tag & 7) !== lengthDelimited || tag > 0x7f) return undefined;
    let length = 0;
    let shift = 0;
    let byte: number;
    do {
      if (at >= body.length || shift > 28) return undefined;
      byte = body[at++]!;
      length += (byte & 0x7f) * 2 ** shift;
      shift += 7;
    } while (byte > 0x7f);
    if (length > body.length - at) return undefined;
    if (tag === recordsTag) records = body.subarray(at, at + length);
    at += length;
  }
  return records;
}
