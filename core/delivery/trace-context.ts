// A trace context on the wire: version u8 (0) | trace id 16 | span id 8 | flags u8, as its text names them.
import type { TraceContext } from '../ports/tracer.js';

/** Bytes of a trace context in a frame. */
export const traceContextBytes = 26;

const form = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** True for a `traceparent` of version 00 whose ids are not all zero. */
export function isTraceContext(value: unknown): value is TraceContext {
  return typeof value === 'string' && form.test(value);
}

/** Writes a context at `at`. */
export function writeTraceContext(bytes: Uint8Array, at: number, context: TraceContext): void {
  const digits = context.replaceAll('-', '');
  for (let index = 0; index < traceContextBytes; index++) bytes[at + index] = Number.parseInt(digits.slice(2 * index, 2 * index + 2), 16);
}

/** The context that a frame carries; undefined if it is none. @param bytes {@link traceContextBytes} of them */
export function readTraceContext(bytes: Uint8Array): TraceContext | undefined {
  let text = '';
  for (const [index, byte] of bytes.entries()) {
    if (index === 1 || index === 17 || index === 25) text += '-';
    text += byte.toString(16).padStart(2, '0');
  }
  return isTraceContext(text) ? text : undefined;
}
