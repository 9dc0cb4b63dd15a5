// The few Web APIs that actors and core's Behaviour use and the script engine lacks, and the engine's own errors as GodwitErrors.
// ECMAScript only; installed before the program's own modules run.
import type { LogLevel } from '#core';

type Listener = { readonly run: (() => void) | { handleEvent(): void }; readonly once: boolean };

/** AbortSignal as far as handlers use it: https://dom.spec.whatwg.org/#interface-AbortSignal */
class GuestAbortSignal {
  aborted = false;
  reason: unknown = undefined;
  onabort: (() => void) | null = null;
  private listeners: Listener[] = [];

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  addEventListener(type: string, run: Listener['run'], options?: { once?: boolean }): void {
    if (type === 'abort' && !this.listeners.some((listener) => listener.run === run)) this.listeners.push({ run, once: options?.once === true });
  }

  removeEventListener(type: string, run: Listener['run']): void {
    if (type === 'abort') this.listeners = this.listeners.filter((listener) => listener.run !== run);
  }

  /** @internal */
  fire(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    const listeners = this.listeners;
    this.listeners = [];
    this.onabort?.();
    for (const { run } of listeners) {
      if (typeof run === 'function') run();
      else run.handleEvent();
    }
  }
}

class GuestAbortController {
  readonly signal = new GuestAbortSignal();

  abort(reason: unknown = new DOMException('signal is aborted without reason', 'AbortError')): void {
    this.signal.fire(reason);
  }
}

/** Where `console` of a guest writes: set once its actor has begun. */
export const consoleSink: { log: (level: LogLevel, text: string) => void } = { log: () => undefined };

function createConsole(): Record<string, (...values: unknown[]) => void> {
  const at =
    (level: LogLevel) =>
    (...values: unknown[]) =>
      consoleSink.log(level, values.map(textOf).join(' '));
  return { debug: at('debug'), log: at('info'), info: at('info'), warn: at('warn'), error: at('error') };
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Error) return value.stack ?? value.message;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

/**
 * What the engine throws at its limits becomes a GodwitError RESOURCE_EXHAUSTED, wherever it is caught.
 * QuickJS throws InternalError for memory, and for nothing else that a program can catch.
 */
function adoptEngineErrors(globals: Record<string, unknown>): void {
  const internalError = globals.InternalError as { prototype: object } | undefined;
  if (internalError === undefined) return;
  Object.defineProperties(internalError.prototype, {
    [Symbol.for('godwit.error')]: { value: true },
    code: { value: 'RESOURCE_EXHAUSTED' },
    retryable: { value: false },
  });
}

/** Seeds Math.random: boot is the same for every instance of a program, their random numbers must not be. @see sfc32, PractRand (public domain) */
export function seedRandom(seed: Uint32Array): void {
  let [a = 0, b = 0, c = 0, counter = 1] = seed;
  Math.random = () => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return (t >>> 0) / 4294967296;
  };
}

const globals = globalThis as unknown as Record<string, unknown>;
globals.AbortController ??= GuestAbortController;
globals.AbortSignal ??= GuestAbortSignal;
globals.console ??= createConsole();
adoptEngineErrors(globals);
