/** A message of those who have no protocol: everything is one, and `ask` wants it back. */
export interface PlainMessage {
  readonly ask: boolean;
  readonly payload: unknown;
}

/** What plain messages go through, in order: a port of a worker thread, or `JsonLines`. */
export interface PlainPort {
  postMessage(message: PlainMessage): void;
  on(event: 'message', listener: (message: PlainMessage) => void): unknown;
}
