// One direction of one relayed connection: pieces wait in a queue until they are due, in order, and leave as the far side takes them.
//
//   source ─ data → [ piece, dueAtMs ] [ piece, dueAtMs ] … [ end | reset ] ─ write → sink
//
// E1 Order is kept: what comes later is never due earlier, whatever the jitter.
// E2 At most `queueBytes` (and the piece that crosses it) wait here; then the source is not read, so its sender feels it (TCP's own window).
// E3 The end and the reset of a connection are pieces too: behind a stall the far side learns of neither.
import type { Socket } from 'node:net';
import type { Cancel, Clock } from '#core';

/** What is done to a direction. Shared by all its lanes; a change concerns what has not left yet by `flowing`, and what comes by the rest. */
export interface Conditions {
  delayMs: number;
  jitterMs: number;
  /** Infinity for as fast as it goes. */
  bytesPerSecond: number;
  flowing: boolean;
}

interface Piece {
  readonly content: Buffer | 'end' | 'reset';
  readonly dueAtMs: number;
}

/** Bytes a lane holds: 100 ms of a 160 Mbit/s link; more would hide a slow reader from its sender. */
const queueBytes = 2 * 1024 * 1024;
/** A limited rate hands over what it allows in this time at once: shorter would ask timers for more than they give. */
const sliceMs = 10;

export class Lane {
  private readonly queue: Piece[] = [];
  private queuedBytes = 0;
  private lastDueAtMs = 0;
  /** When the next byte may leave under the rate. */
  private freeAtMs = 0;
  private draining = false;
  private cancel: Cancel = () => {};

  /** @param random from 0 to 1, excluding 1: the share of the jitter that a piece gets; @param seen is told of what comes */
  constructor(
    private readonly source: Socket,
    private readonly sink: Socket,
    private readonly conditions: Conditions,
    private readonly clock: Clock,
    private readonly random: () => number,
    private readonly seen: (bytes: number) => void,
  ) {
    source.on('data', (bytes: Buffer) => this.take(bytes));
    source.on('end', () => this.push('end'));
    // A destroyed socket without an 'end' was reset, by whichever side.
    source.on('close', () => {
      if (!source.readableEnded) this.reset();
    });
    // 'close' follows and says what there is to know.
    source.on('error', () => {});
    sink.on('drain', () => {
      this.draining = false;
      this.pump();
    });
  }

  /** Lets go what is due; called whenever the conditions change. */
  pump(): void {
    this.cancel();
    while (this.conditions.flowing && !this.draining) {
      const piece = this.queue[0];
      if (piece === undefined) return;
      const now = this.clock.now();
      const dueAtMs = typeof piece.content === 'string' ? piece.dueAtMs : Math.max(piece.dueAtMs, this.freeAtMs);
      if (dueAtMs > now) {
        this.cancel = this.clock.after(dueAtMs - now, () => this.pump());
        return;
      }
      this.queue.shift();
      this.release(piece.content, now);
    }
  }

  private release(content: Piece['content'], now: number): void {
    if (this.sink.destroyed) {
      this.forget();
      // Nobody takes what it sends: what a TCP stack answers to that.
      if (typeof content !== 'string') sever(this.source);
    } else if (content === 'reset') {
      sever(this.sink);
    } else if (content === 'end') {
      this.sink.end();
    } else {
      const { bytesPerSecond } = this.conditions;
      const slice = content.subarray(0, Math.max(1, Math.floor((bytesPerSecond * sliceMs) / 1000)));
      if (slice.length < content.length) this.queue.unshift({ content: content.subarray(slice.length), dueAtMs: 0 });
      this.queuedBytes -= slice.length;
      this.freeAtMs = Math.max(this.freeAtMs, now - sliceMs) + (slice.length / bytesPerSecond) * 1000;
      this.draining = !this.sink.write(slice);
      if (this.source.isPaused() && this.queuedBytes < queueBytes / 2) this.source.resume();
    }
  }

  private take(bytes: Buffer): void {
    this.seen(bytes.length);
    if (this.source.destroyed) return;
    // E2
    this.queuedBytes += bytes.length;
    if (this.queuedBytes >= queueBytes) this.source.pause();
    this.push(bytes);
  }

  private push(content: Piece['content']): void {
    const { delayMs, jitterMs } = this.conditions;
    // E1
    this.lastDueAtMs = Math.max(this.lastDueAtMs, this.clock.now() + delayMs + this.random() * jitterMs);
    this.queue.push({ content, dueAtMs: this.lastDueAtMs });
    if (this.queue.length === 1) this.pump();
  }

  /** What had not left is lost with the connection, as TCP does it. */
  private reset(): void {
    this.forget();
    if (!this.sink.destroyed) this.push('reset');
  }

  private forget(): void {
    this.cancel();
    this.queue.length = 0;
    this.queuedBytes = 0;
  }
}

/** Resets a connection at once, whatever waits to be written: `resetAndDestroy` alone waits for that, and so for ever where nobody reads. */
export function sever(socket: Socket): void {
  // Its end is on its way out: libuv resets no such connection (uv_tcp_close_reset, EINVAL), and Node would then never close it, nor end by itself.
  const isEnding = socket.writableEnded && !socket.writableFinished;
  if (!isEnding) socket.resetAndDestroy();
  // One that is not connected yet is reset as soon as it is; destroyed before, it would end in order.
  if (isEnding || !socket.connecting) socket.destroy();
}
