import { type Clock, GodwitError, type Pipe } from '#core';

/** The two ends of one pipe inside a process. */
export interface PipePair {
  readonly dialled: Pipe;
  readonly accepted: Pipe;
  /** Ends both ends with `reason`; frames under way are lost. */
  drop(reason: GodwitError): void;
}

/** After so many deliveries in microtasks the next one waits for a macrotask: two ends that answer each other must not starve I/O. */
const deliveriesBetweenMacrotasks = 256;

/** Two connected ends. @param ended called once, when both ends are closed */
export function createMemoryPipes(clock: Clock, ended: () => void): PipePair {
  const dialled = new MemoryPipe(clock);
  const accepted = new MemoryPipe(clock);
  dialled.peer = accepted;
  accepted.peer = dialled;
  let open = 2;
  dialled.ended = accepted.ended = () => {
    open -= 1;
    if (open === 0) ended();
  };
  return {
    dialled,
    accepted,
    drop(reason) {
      dialled.end(reason);
      accepted.end(reason);
    },
  };
}

/** One end: `send` fills `outgoing`, which a microtask hands to the peer. */
class MemoryPipe implements Pipe {
  onFrame: (frame: Uint8Array) => void = () => {};
  onClose: (error?: GodwitError) => void = () => {};
  onDrain: () => void = () => {};
  peer!: MemoryPipe;
  ended: () => void = () => {};
  readonly #clock: Clock;
  #outgoing: Uint8Array[] = [];
  #buffered = 0;
  #closed = false;
  #scheduled = false;
  #started = false;
  #deliveries = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get bufferedBytes(): number {
    return this.#buffered;
  }

  send(frame: Uint8Array): void {
    if (this.#closed) return;
    this.#outgoing.push(frame);
    this.#buffered += frame.byteLength;
    if (!this.#scheduled) this.#schedule();
  }

  close(): void {
    if (this.#closed) return;
    this.end(undefined);
    queueMicrotask(() => this.peer.end(new GodwitError('UNAVAILABLE', 'the far side closed the pipe')));
  }

  /** Ends this end alone. */
  end(error: GodwitError | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#outgoing = [];
    this.#buffered = 0;
    queueMicrotask(() => {
      this.ended();
      this.onClose(error);
    });
  }

  #schedule(): void {
    this.#scheduled = true;
    this.#deliveries += 1;
    // The first delivery waits for a macrotask: whoever got the other end sets its handlers before.
    if (this.#started && this.#deliveries < deliveriesBetweenMacrotasks) {
      queueMicrotask(this.#deliver);
    } else {
      this.#started = true;
      this.#deliveries = 0;
      this.#clock.soon(this.#deliver);
    }
  }

  readonly #deliver = (): void => {
    this.#scheduled = false;
    const frames = this.#outgoing;
    const drained = this.#buffered;
    this.#outgoing = [];
    for (const frame of frames) {
      if (this.peer.#closed) return;
      this.#buffered -= frame.byteLength;
      this.peer.onFrame(frame);
    }
    if (drained > 0 && this.#buffered === 0 && !this.#closed) this.onDrain();
  };
}
