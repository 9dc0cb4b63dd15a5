import type { Clock } from '#core';
import { systemClock } from '../clock.js';

/** Bounds of connections, on either side. All bytes are checked before memory is allocated. @public */
export interface ConnectLimits {
  /** Bytes of one frame of a link, default 64 MiB; a larger one closes the pipe with RESOURCE_EXHAUSTED. */
  readonly maxFrameBytes: number;
  /** Bytes of one message of a control service, default 16 MiB. */
  readonly maxMessageBytes: number;
  /** Bytes of one blob, default 512 MiB. */
  readonly maxBlobBytes: number;
  /** Bytes set aside for uploads that are not complete, all together; default 1 GiB. */
  readonly maxUploadBytes: number;
  /** How long an upload that stopped in the middle is kept for its sender to resume, default 60 000 ms. */
  readonly uploadIdleMs: number;
  /** Time to reach a node and to be let in, default 10 000 ms. */
  readonly dialTimeoutMs: number;
  /** Quiet time after which a ping is sent, default 5000 ms. */
  readonly pingIntervalMs: number;
  /** Silence after a ping after which the connection counts as dead, default 5000 ms. */
  readonly pingTimeoutMs: number;
  /** Time that a close leaves for what was sent before to arrive, default 1000 ms. */
  readonly lingerMs: number;
}

const mebibyte = 1024 * 1024;

const defaults: ConnectLimits = {
  maxFrameBytes: 64 * mebibyte,
  maxMessageBytes: 16 * mebibyte,
  maxBlobBytes: 512 * mebibyte,
  maxUploadBytes: 1024 * mebibyte,
  uploadIdleMs: 60_000,
  dialTimeoutMs: 10_000,
  pingIntervalMs: 5000,
  pingTimeoutMs: 5000,
  lingerMs: 1000,
};

/** What both sides can be told about bounds and time. @public */
export interface ConnectOptions {
  readonly limits?: Partial<ConnectLimits>;
  readonly clock?: Clock;
}

/** The bounds and the clock that hold. */
export interface Bounds extends ConnectLimits {
  readonly clock: Clock;
}

export function boundsFrom(options: ConnectOptions): Bounds {
  return { ...defaults, ...options.limits, clock: options.clock ?? systemClock };
}

/** Window of a whole session in bytes: several streams of 16 MB at once. Node sets it per session, not by a setting. */
export const sessionWindowBytes = 64 * mebibyte;

/** HTTP/2 options of both sides: Node's defaults (64 KB windows, 16 KB frames, 10 MB a session) throttle bulk to a fraction. */
export const http2Options = {
  settings: { initialWindowSize: 16 * mebibyte, maxFrameSize: mebibyte, enablePush: false },
  // In MB; above the session's window, or a busy session would refuse new streams.
  maxSessionMemory: 256,
} as const;
