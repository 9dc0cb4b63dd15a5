// A pipe over one HTTP/2 stream, the same on both sides of an Attach call.
// P1  One write is under way at a time; what is sent meanwhile leaves together in the next one. So a burst costs few writes, a single frame no wait.
// P2  `bufferedBytes` falls when the session has written the bytes to the socket, which HTTP/2 flow control and TCP hold back.
// P3  onClose is called once, in a microtask of its own; after it, or after close(), neither frames nor drains are told.
// P4  After a close the stream gets `lingerMs` to carry what was sent before; then it is destroyed.
import type { Http2Stream } from 'node:http2';
import { type Cancel, GodwitError, type Pipe } from '#core';
import { EnvelopeReader, endEnvelope, headerBytes, writeHeader } from './envelope.js';
import { errorFrom, errorFromJson, errorFromReset, jsonFromError } from './errors.js';
import type { Bounds } from './limits.js';

/** Up to here a frame is copied into the batch that it leaves with; above, its own chunk is cheaper than a copy. */
const maxCopiedBytes = 16 * 1024;

export class StreamPipe implements Pipe {
  onFrame: (frame: Uint8Array) => void = () => {};
  onClose: (error?: GodwitError) => void = () => {};
  onDrain: () => void = () => {};
  readonly #stream: Http2Stream;
  readonly #side: 'client' | 'server';
  readonly #where: string;
  readonly #bounds: Bounds;
  readonly #reader: EnvelopeReader;
  #pending: Uint8Array[] = [];
  #buffered = 0;
  #writing = false;
  #closed = false;
  #failure: GodwitError | undefined;
  #cancelLinger: Cancel = () => {};

  /** @param where the far side's address, for errors @param gone called once when the stream is over, with nothing left to send */
  constructor(stream: Http2Stream, side: 'client' | 'server', where: string, bounds: Bounds, gone: () => void) {
    this.#stream = stream;
    this.#side = side;
    this.#where = where;
    this.#bounds = bounds;
    this.#reader = new EnvelopeReader(bounds.maxFrameBytes, {
      frame: (records) => this.onFrame(records),
      end: (json) => this.#remoteEnded(json),
      refuse: (error) => this.#refuse(error),
    });
    stream.on('error', (error) => {
      this.#failure ??= errorFrom(error, where);
    });
    stream.on('close', () => {
      this.#cancelLinger();
      this.#ended(this.#failure ?? errorFromReset(stream.rstCode, where));
      gone();
    });
    stream.on('end', () => {
      // A reset ends the readable half too, before 'close' tells.
      if (stream.rstCode) this.#ended(errorFromReset(stream.rstCode, where));
      else this.#remoteEnded(undefined);
    });
    // Whoever was handed the pipe sets its handlers before the next macrotask.
    setImmediate(() => stream.on('data', (chunk: Uint8Array) => this.#reader.read(chunk)));
  }

  get bufferedBytes(): number {
    return this.#closed ? 0 : this.#buffered;
  }

  send(frame: Uint8Array): void {
    if (this.#closed) return;
    if (frame.byteLength > this.#bounds.maxFrameBytes) {
      this.#refuse(new GodwitError('RESOURCE_EXHAUSTED', `a frame of ${frame.byteLength} bytes exceeds the limit of ${this.#bounds.maxFrameBytes} bytes`));
      return;
    }
    this.#pending.push(frame);
    this.#buffered += frame.byteLength;
    if (!this.#writing) this.#flush();
  }

  close(): void {
    if (this.#closed) return;
    this.#ended(undefined);
    this.#finish(undefined);
  }

  #flush(): void {
    const frames = this.#pending;
    this.#pending = [];
    this.#writing = true;
    const chunks = chunksOf(frames);
    let bytes = 0;
    for (const frame of frames) bytes += frame.byteLength;
    if (chunks.length > 1) this.#stream.cork();
    for (let i = 0; i < chunks.length - 1; i++) this.#stream.write(chunks[i]);
    this.#stream.write(chunks[chunks.length - 1], (error) => this.#written(bytes, error));
    if (chunks.length > 1) this.#stream.uncork();
  }

  #written(bytes: number, error: Error | null | undefined): void {
    this.#writing = false;
    this.#buffered -= bytes;
    if (error) return; // 'error' and 'close' of the stream tell it.
    if (this.#pending.length > 0) this.#flush();
    else if (bytes > 0 && !this.#closed) this.onDrain();
  }

  /** The far side ended its half: by a plain end, or with the error in `json`. */
  #remoteEnded(json: unknown): void {
    if (this.#closed) return;
    const error = errorFromJson((json as { error?: unknown } | undefined)?.error);
    this.#ended(error ?? new GodwitError('UNAVAILABLE', `${this.#where} closed the pipe`));
    this.#finish(undefined);
  }

  /** Something breaks a limit or the protocol: both sides end with `error`. */
  #refuse(error: GodwitError): void {
    if (this.#closed) return;
    this.#ended(error);
    this.#pending = [];
    this.#finish(error);
  }

  #ended(error: GodwitError | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reader.stop();
    queueMicrotask(() => this.onClose(error));
  }

  /** Ends this half after what is pending, and the whole stream when the far side follows or `lingerMs` has passed. */
  #finish(error: GodwitError | undefined): void {
    const stream = this.#stream;
    if (stream.destroyed) return;
    stream.resume();
    for (const chunk of this.#pending.length > 0 ? chunksOf(this.#pending) : []) stream.write(chunk);
    this.#pending = [];
    // In the Connect protocol only servers end with an envelope. A dialling node does so too when it has an error to tell: HTTP/2 puts a
    // plain end before a reset, so a reset's code would come too late.
    if (this.#side === 'server' || error !== undefined) stream.end(endEnvelope(error === undefined ? undefined : jsonFromError(error)));
    else stream.end();
    this.#cancelLinger = this.#bounds.clock.after(this.#bounds.lingerMs, () => stream.destroy());
  }
}

/** The envelopes of some frames as few chunks: headers and small frames share one allocation, large frames are not copied. */
function chunksOf(frames: readonly Uint8Array[]): Uint8Array[] {
  let copied = 0;
  for (const { byteLength } of frames) copied += headerBytes(byteLength) + (byteLength > maxCopiedBytes ? 0 : byteLength);
  const batch = Buffer.allocUnsafe(copied);
  const chunks: Uint8Array[] = [];
  let begin = 0;
  let at = 0;
  for (const frame of frames) {
    at = writeHeader(batch, at, frame.byteLength);
    if (frame.byteLength <= maxCopiedBytes) {
      batch.set(frame, at);
      at += frame.byteLength;
    } else {
      chunks.push(batch.subarray(begin, at), frame);
      begin = at;
    }
  }
  if (begin < at) chunks.push(batch.subarray(begin, at));
  return chunks;
}
