// Everybody the messaging suite talks to, behind one small interface.

/** Somebody to talk to. */
export interface Peer {
  readonly name: string;
  /** Sends `count` messages. Resolves when the last one was handled. */
  burst(count: number, payload: () => unknown): Promise<void>;
  /** One message that is answered with its payload. */
  ask(payload: unknown): Promise<unknown>;
}

/** Some peers, and how to end them. */
export interface Place {
  readonly peers: readonly Peer[];
  close(): Promise<void>;
}

/** Milliseconds after which an ask counts as lost; longer than any measurement takes. */
export const askTimeoutMs = 30_000;
