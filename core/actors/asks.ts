import { GodwitError } from '../errors.js';

/**
 * What waits for the answer of an ask, a host call or a stream. Settled once; later answers are ignored.
 */
export interface Waiting {
  resolve(value: unknown): void;
  reject(error: GodwitError): void;
}

/** Items a stream's reader lets the far side send before it has read any; the reader tops up when half are read. */
export const streamWindow = 32;

/**
 * Reading end of a stream: items in order, then the end or an error. Leaving a `for await` early ends the far side.
 * Holds at most {@link streamWindow} items.
 */
export class StreamReader implements AsyncIterableIterator<unknown>, Waiting {
  private readonly items: unknown[] = [];
  private readonly readers: Array<{ resolve: (result: IteratorResult<unknown>) => void; reject: (error: GodwitError) => void }> = [];
  private ended = false;
  private failure: GodwitError | undefined;
  private read = 0;
  private granted = streamWindow;

  /**
   * @param more tells the far side how many items it may have sent in all
   * @param cancel tells the far side that nobody reads any more
   * @param onEnd called once, when no further item will be taken in
   */
  constructor(
    private readonly more: (upTo: number) => void,
    private readonly cancel: () => void,
    private readonly onEnd: () => void = () => {},
  ) {}

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.items.length > 0) return Promise.resolve({ done: false, value: this.take() });
    if (this.failure !== undefined) {
      const error = this.failure;
      this.failure = undefined;
      return Promise.reject(error);
    }
    if (this.ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.readers.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<unknown>> {
    if (!this.ended) {
      this.resolve(undefined);
      this.cancel();
    }
    this.items.length = 0;
    return Promise.resolve({ done: true, value: undefined });
  }

  item(value: unknown): void {
    if (this.ended) return;
    if (this.read + this.items.length >= this.granted) {
      this.reject(new GodwitError('DATA_LOSS', `a stream sent more than the ${this.granted} items it was granted`));
      this.cancel();
      return;
    }
    this.items.push(value);
    const reader = this.readers.shift();
    reader?.resolve({ done: false, value: this.take() });
  }

  resolve(_value: unknown): void {
    this.end();
    for (const reader of this.readers.splice(0)) reader.resolve({ done: true, value: undefined });
  }

  reject(error: GodwitError): void {
    if (this.ended) return;
    this.end();
    const reader = this.readers.shift();
    if (reader === undefined) this.failure = error;
    else reader.reject(error);
    for (const other of this.readers.splice(0)) other.resolve({ done: true, value: undefined });
  }

  private end(): void {
    if (this.ended) return;
    this.ended = true;
    this.onEnd();
  }

  private take(): unknown {
    this.read += 1;
    if (!this.ended && this.granted - this.read <= streamWindow / 2) {
      this.granted = this.read + streamWindow;
      this.more(this.granted);
    }
    return this.items.shift();
  }
}

/** @throws {GodwitError} INVALID_ARGUMENT unless it is a number of milliseconds above 0 */
export function checkTimeout(timeoutMs: number, kind: 'ask' | 'stream', message: string, address: string): number {
  if (!(timeoutMs > 0)) throw new GodwitError('INVALID_ARGUMENT', `timeoutMs of ${kind} '${message}' of ${address} must be above 0, not ${timeoutMs}`);
  return timeoutMs;
}

/** @throws {GodwitError} INVALID_ARGUMENT unless it is a number of milliseconds, 0 or more */
export function checkDelay(delayMs: number, message: string): number {
  if (!(delayMs >= 0)) throw new GodwitError('INVALID_ARGUMENT', `delay of timer '${message}' must be 0 ms or more, not ${delayMs}`);
  return delayMs;
}

/** @throws {GodwitError} CANCELLED it is aborted already */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new GodwitError('CANCELLED', 'given up by its signal before it was sent', { cause: signal.reason });
}

/** An ask that its asker's signal gives up: `giveUp` is called and the ask rejected with CANCELLED. Once settled it listens no more. */
export function cancellable(waiting: Waiting, signal: AbortSignal, giveUp: () => void): Waiting {
  const onAbort = () => {
    giveUp();
    waiting.reject(new GodwitError('CANCELLED', 'the ask was given up by its signal', { cause: signal.reason }));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  return {
    resolve(value) {
      signal.removeEventListener('abort', onAbort);
      waiting.resolve(value);
    },
    reject(error) {
      signal.removeEventListener('abort', onAbort);
      waiting.reject(error);
    },
  };
}
