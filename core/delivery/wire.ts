// The binary layout of a frame: entries one after the other, little-endian, laid out by hand because a general encoder costs 3 µs an
// envelope and this 0.04 µs (FACTS §3).
//
//     RECORD   1 | kind u8 | name u16 | stream u32 | number f64 | correlation f64 | remaining f64 (ms) | length u32 | [trace 26] | payload
//     ACK      2 | 0 u8 | 0 u16 | stream u32 | stable f64 | credit f64
//     OPEN     3 | 0 u8 | 0 u16 | stream u32 | length u32 | encoded {from, life, incarnation, epoch, to}
//     NAME     4 | 0 u8 | name u16 | length u32 | encoded string
//     BOUNCE   5 | 0 u8 | 0 u16 | stream u32 | length u32 | encoded {node?, epoch?, fenced?, coming?}
//     CONTROL  6 | 0 u8 | 0 u16 | length u32 | encoded message
//
// `stream` numbers an outbox within one session of a link, chosen by the sender with OPEN, in order from 1 like the names of NAME; ACK and
// BOUNCE answer with the same number.
// Length 0xffffffff stands for 'no payload' (undefined). A trace context (`trace-context.ts`) is there if the highest bit of `kind` is set.
import { GodwitError } from '../errors.js';
import type { TraceContext } from '../ports/tracer.js';
import { traceContextBytes, writeTraceContext } from './trace-context.js';

const entry = { record: 1, ack: 2, open: 3, name: 4, bounce: 5, control: 6 } as const;

/** Bytes of a RECORD before its payload. */
const recordHeaderBytes = 36;
const noPayload = 0xffffffff;
/** Set in the kind of a record that carries a trace context. */
const traced = 0x80;

/** Builds one frame after another in a buffer that grows to what traffic needs. */
export class FrameWriter {
  private bytes = new Uint8Array(firstFrameBytes);
  private view = new DataView(this.bytes.buffer);
  length = 0;

  record(
    kind: number,
    name: number,
    stream: number,
    number: number,
    correlation: number,
    remainingMs: number,
    payload: Uint8Array | undefined,
    trace?: TraceContext,
  ): void {
    const headerBytes = trace === undefined ? recordHeaderBytes : recordHeaderBytes + traceContextBytes;
    const at = this.reserve(headerBytes + (payload?.length ?? 0));
    const view = this.view;
    view.setUint32(at, entry.record | ((trace === undefined ? kind : kind | traced) << 8) | (name << 16), true);
    view.setUint32(at + 4, stream, true);
    view.setFloat64(at + 8, number, true);
    view.setFloat64(at + 16, correlation, true);
    view.setFloat64(at + 24, remainingMs, true);
    view.setUint32(at + 32, payload === undefined ? noPayload : payload.length, true);
    if (trace !== undefined) writeTraceContext(this.bytes, at + recordHeaderBytes, trace);
    if (payload !== undefined) this.bytes.set(payload, at + headerBytes);
  }

  ack(stream: number, stable: number, credit: number): void {
    const at = this.reserve(24);
    this.view.setUint32(at, entry.ack, true);
    this.view.setUint32(at + 4, stream, true);
    this.view.setFloat64(at + 8, stable, true);
    this.view.setFloat64(at + 16, credit, true);
  }

  open(stream: number, body: Uint8Array): void {
    this.numbered(entry.open, stream, body);
  }

  bounce(stream: number, body: Uint8Array): void {
    this.numbered(entry.bounce, stream, body);
  }

  name(name: number, text: Uint8Array): void {
    const at = this.reserve(8 + text.length);
    this.view.setUint32(at, entry.name | (name << 16), true);
    this.view.setUint32(at + 4, text.length, true);
    this.bytes.set(text, at + 8);
  }

  control(body: Uint8Array): void {
    const at = this.reserve(8 + body.length);
    this.view.setUint32(at, entry.control, true);
    this.view.setUint32(at + 4, body.length, true);
    this.bytes.set(body, at + 8);
  }

  /** The frame so far, as bytes of its own; the writer begins the next one. */
  take(): Uint8Array {
    const frame = this.bytes.slice(0, this.length);
    this.length = 0;
    if (this.bytes.length > keptFrameBytes) {
      this.bytes = new Uint8Array(firstFrameBytes);
      this.view = new DataView(this.bytes.buffer);
    }
    return frame;
  }

  private numbered(kind: number, stream: number, body: Uint8Array): void {
    const at = this.reserve(12 + body.length);
    this.view.setUint32(at, kind, true);
    this.view.setUint32(at + 4, stream, true);
    this.view.setUint32(at + 8, body.length, true);
    this.bytes.set(body, at + 12);
  }

  private reserve(bytes: number): number {
    const at = this.length;
    const needed = at + bytes;
    if (needed > this.bytes.length) {
      let size = this.bytes.length * 2;
      while (size < needed) size *= 2;
      const grown = new Uint8Array(size);
      grown.set(this.bytes.subarray(0, at));
      this.bytes = grown;
      this.view = new DataView(grown.buffer);
    }
    this.length = needed;
    return at;
  }
}

/** What a frame's entries are handed to. */
export interface FrameHandler {
  /** @param trace bytes that claim to be a trace context */
  record(
    kind: number,
    name: number,
    stream: number,
    number: number,
    correlation: number,
    remainingMs: number,
    payload: Uint8Array | undefined,
    trace: Uint8Array | undefined,
  ): void;
  ack(stream: number, stable: number, credit: number): void;
  open(stream: number, body: Uint8Array): void;
  name(name: number, text: Uint8Array): void;
  bounceReceived(stream: number, body: Uint8Array): void;
  controlReceived(body: Uint8Array): void;
}

/**
 * Hands the entries of a frame over, in order. Payloads are views of the frame.
 * @throws {GodwitError} DATA_LOSS at the first malformed entry; those before it were handed over
 */
export function readFrame(frame: Uint8Array, handler: FrameHandler): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  let at = 0;
  const body = (start: number, length: number): Uint8Array => {
    if (length > frame.length - start) throw malformed(at, frame.length);
    at = start + length;
    return frame.subarray(start, at);
  };
  while (at < frame.length) {
    const left = frame.length - at;
    if (left < 8) throw malformed(at, frame.length);
    const head = view.getUint32(at, true);
    const second = view.getUint32(at + 4, true);
    switch (head & 0xff) {
      case entry.record: {
        if (left < recordHeaderBytes) throw malformed(at, frame.length);
        const start = at;
        const length = view.getUint32(start + 32, true);
        at = start + recordHeaderBytes;
        const kind = (head >>> 8) & 0xff;
        const trace = kind < traced ? undefined : body(at, traceContextBytes);
        const payload = length === noPayload ? undefined : body(at, length);
        handler.record(
          trace === undefined ? kind : kind - traced,
          head >>> 16,
          second,
          view.getFloat64(start + 8, true),
          view.getFloat64(start + 16, true),
          view.getFloat64(start + 24, true),
          payload,
          trace,
        );
        break;
      }
      case entry.ack:
        if (left < 24) throw malformed(at, frame.length);
        handler.ack(second, view.getFloat64(at + 8, true), view.getFloat64(at + 16, true));
        at += 24;
        break;
      case entry.open:
      case entry.bounce: {
        if (left < 12) throw malformed(at, frame.length);
        const bytes = body(at + 12, view.getUint32(at + 8, true));
        if ((head & 0xff) === entry.open) handler.open(second, bytes);
        else handler.bounceReceived(second, bytes);
        break;
      }
      case entry.name:
        handler.name(head >>> 16, body(at + 8, second));
        break;
      case entry.control:
        handler.controlReceived(body(at + 8, second));
        break;
      default:
        throw malformed(at, frame.length);
    }
  }
}

function malformed(at: number, length: number): GodwitError {
  return new GodwitError('DATA_LOSS', `malformed frame: no valid entry at byte ${at} of ${length}`);
}

/** A few envelopes. Most frames are short, and a node has a writer for each peer. */
const firstFrameBytes = 1024;
/** A buffer that one large payload blew up beyond this is given back. */
const keptFrameBytes = 1024 * 1024;
