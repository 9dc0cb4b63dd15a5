// A pipe over a message port. What crosses the port:
//   ArrayBuffer   one frame, transferred
//   number        acknowledgement: how many bytes of frames the receiver has been handed since the pipe began (never falls)
//   null          this end closed
// W1  Acknowledgements are batched per macrotask, so a burst of frames costs one of them.
// W2  A port that closes without `null` (its thread died) is a drop: onClose gets an UNAVAILABLE error.
import { type Clock, GodwitError, type Pipe } from '#core';
import { systemClock } from '../clock.js';

/** What a pipe needs of a MessagePort: those of browsers and of Node's worker_threads have it. @public */
export interface PipePort {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  addEventListener(type: string, listener: (event: object) => void): void;
  start?(): void;
  close(): void;
}

/**
 * One end of a pipe over a message port, which it owns from now on; the far side makes its own end over the entangled port.
 * A frame that is its buffer's only view is transferred, any other is copied once.
 * @param maxFrameBytes bound of one frame in bytes, default 64 MiB; a larger one closes the pipe with RESOURCE_EXHAUSTED
 * @public
 */
export function createPortPipe(port: PipePort, options: { readonly maxFrameBytes?: number; readonly clock?: Clock } = {}): Pipe {
  return new PortPipe(port, options.maxFrameBytes ?? defaultMaxFrameBytes, options.clock ?? systemClock);
}

const defaultMaxFrameBytes = 64 * 1024 * 1024;

class PortPipe implements Pipe {
  onFrame: (frame: Uint8Array) => void = () => {};
  onClose: (error?: GodwitError) => void = () => {};
  onDrain: () => void = () => {};
  readonly #port: PipePort;
  readonly #maxFrameBytes: number;
  readonly #clock: Clock;
  #closed = false;
  #sent = 0;
  #acknowledged = 0;
  #received = 0;
  #acknowledging = false;

  constructor(port: PipePort, maxFrameBytes: number, clock: Clock) {
    this.#port = port;
    this.#maxFrameBytes = maxFrameBytes;
    this.#clock = clock;
    port.addEventListener('message', (event) => this.#message((event as { readonly data?: unknown }).data));
    port.addEventListener('messageerror', () => this.#end(new GodwitError('DATA_LOSS', 'a message of the port could not be read')));
    port.addEventListener('close', () => this.#end(new GodwitError('UNAVAILABLE', 'the thread at the far side of the port is gone')));
    port.start?.();
  }

  get bufferedBytes(): number {
    return this.#closed ? 0 : this.#sent - this.#acknowledged;
  }

  send(frame: Uint8Array): void {
    if (this.#closed) return;
    if (frame.byteLength > this.#maxFrameBytes) {
      this.#post(null);
      this.#end(new GodwitError('RESOURCE_EXHAUSTED', `a frame of ${frame.byteLength} bytes exceeds the limit of ${this.#maxFrameBytes} bytes`));
      return;
    }
    this.#sent += frame.byteLength;
    this.#transfer(frame);
  }

  close(): void {
    if (this.#closed) return;
    this.#post(null);
    this.#end(undefined);
  }

  #transfer(frame: Uint8Array): void {
    const buffer = frame.buffer;
    if (buffer instanceof ArrayBuffer && buffer.byteLength === frame.byteLength) {
      try {
        this.#port.postMessage(buffer, [buffer]);
        return;
      } catch {
        // A buffer that cannot be detached, such as a Wasm memory: copied like a partial view.
      }
    }
    const copy = new Uint8Array(frame).buffer;
    this.#port.postMessage(copy, [copy]);
  }

  #message(message: unknown): void {
    if (this.#closed) return;
    if (message instanceof ArrayBuffer) this.#frame(new Uint8Array(message));
    else if (typeof message === 'number') this.#acknowledgement(message);
    else if (message === null) this.#end(new GodwitError('UNAVAILABLE', 'the far side closed the pipe'));
    else this.#end(new GodwitError('INTERNAL', `a port carried a ${typeof message} where a frame was expected`));
  }

  #frame(frame: Uint8Array): void {
    if (frame.byteLength > this.#maxFrameBytes) {
      this.#end(new GodwitError('RESOURCE_EXHAUSTED', `a frame of ${frame.byteLength} bytes exceeds the limit of ${this.#maxFrameBytes} bytes`));
      return;
    }
    this.#received += frame.byteLength;
    if (!this.#acknowledging) {
      this.#acknowledging = true;
      this.#clock.soon(this.#acknowledge);
    }
    this.onFrame(frame);
  }

  readonly #acknowledge = (): void => {
    this.#acknowledging = false;
    if (!this.#closed) this.#post(this.#received);
  };

  #acknowledgement(bytes: number): void {
    if (!(bytes > this.#acknowledged) || bytes > this.#sent) return;
    this.#acknowledged = bytes;
    if (bytes === this.#sent) this.onDrain();
  }

  #post(message: number | null): void {
    this.#port.postMessage(message, []);
  }

  #end(error: GodwitError | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#port.close();
    queueMicrotask(() => this.onClose(error));
  }
}
