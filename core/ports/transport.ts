import type { GodwitError } from '../errors.js';

/**
 * One end of an ordered byte pipe between two nodes. Frames arrive whole and in order, or the pipe closes; it never reorders, repeats or alters one.
 * After a drop the link opens a new pipe: a pipe knows nothing of records, actors or resuming.
 */
export interface Pipe {
  /** Queues one frame. Ownership of `frame` moves to the pipe. After a close it does nothing. */
  send(frame: Uint8Array): void;
  /** Bytes accepted by `send` and not yet handed to the operating system or the far side; the link holds back while it is high. */
  readonly bufferedBytes: number;
  /** Called once per frame; the frame belongs to the receiver. Set before the first macrotask after the pipe was handed over. */
  onFrame: (frame: Uint8Array) => void;
  /** Called once, when the pipe ended for whatever reason; `error` tells the reason unless this end closed it. */
  onClose: (error?: GodwitError) => void;
  /** Called when `bufferedBytes` fell to zero after it had been above zero. */
  onDrain: () => void;
  /** Ends the pipe on both sides; idempotent. What was sent before it may be lost. */
  close(): void;
}

/** How a node reaches another one. */
export interface Transport {
  /**
   * Opens a pipe to the node at `address` (its form is the transport's own).
   * @throws {GodwitError} UNAVAILABLE nobody there · UNAUTHENTICATED wrong key · FAILED_PRECONDITION the far side speaks another protocol
   */
  dial(address: string, signal?: AbortSignal): Promise<Pipe>;
}

/** Where a node accepts pipes: a transport's listening side calls this for every pipe that came in, already authenticated. */
export type AcceptPipe = (pipe: Pipe) => void;
