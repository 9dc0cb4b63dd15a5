import { encode } from '../codec/index.js';
import { GodwitError, valueFromError } from '../errors.js';
import type { InstanceCapture } from '../ports/runtime.js';
import { streamWindow } from './asks.js';
import type { Behaviour } from './behaviour.js';
import type { TurnContext } from './turn-context.js';

type AnyGenerator = AsyncGenerator<unknown, unknown, unknown> | Generator<unknown, unknown, unknown>;

/** Sending end of a stream: pulls its generator as long as the reader grants items. */
export class OpenStream {
  private closed = false;
  private pumping = false;
  /** The generator has been pulled here. */
  private begun = false;
  /** What the handler said to go on with after the last item sent; the payload it was called with, before the first. */
  private goOnWith: unknown;
  private isSafe = true;
  private used: TurnContext['resumeWith'];

  /** @param upTo number of items the reader has granted in all (absolute, from 1); @param sent items sent so far, on whatever node */
  constructor(
    private readonly behaviour: Behaviour,
    private readonly context: TurnContext,
    private readonly generator: AnyGenerator,
    private sent: number,
    private upTo: number = streamWindow,
    payload: unknown,
  ) {
    this.goOnWith = payload;
  }

  /** True if its handler called `ctx.resume`, and has since the last item. */
  get resumable(): boolean {
    return !this.begun || (this.isSafe && this.context.resumeWith !== undefined);
  }

  capture(): InstanceCapture['streams'][number] {
    const { ask, message } = this.context.turn;
    return { ask, message, payload: encode(this.goOnWith, this.behaviour.refs), sent: this.sent, upTo: this.upTo };
  }

  grant(upTo: number): void {
    // A reader grants a window beyond what it has read, so never more than a window beyond what was sent; what a peer says is no number may be none.
    const granted = Math.min(Number(upTo), this.sent + streamWindow);
    if (granted > this.upTo) this.upTo = granted;
    this.pump();
  }

  /** Takes the next item if one is granted and none is being made; the rest follows by itself. */
  pump(): void {
    if (this.closed || this.pumping || this.sent >= this.upTo) return;
    this.pumping = true;
    // Promise.resolve().then: a generator that throws at once must not throw into the turn that opened it.
    Promise.resolve()
      .then(() => {
        this.begun = true;
        return this.generator.next();
      })
      .then((result) => this.pulled(result))
      .catch((thrown: unknown) => this.failed(thrown));
  }

  /** Ends the stream, telling the reader `error` if there is one. The generator's `finally` blocks run when its pending await settles. */
  close(error: GodwitError | undefined): void {
    if (this.closed) return;
    this.closed = true;
    const { ask } = this.context.turn;
    this.context.abort();
    // An async generator's return waits for the await it is suspended in, a plain one's `finally` may throw at once; nobody needs the outcome.
    Promise.resolve()
      .then(() => this.generator.return(undefined))
      .catch(() => undefined);
    if (error !== undefined) this.behaviour.host.fail(ask, valueFromError(error));
    this.behaviour.closeStream(ask);
    this.behaviour.flush();
  }

  private pulled(result: IteratorResult<unknown, unknown>): void {
    this.pumping = false;
    if (this.closed) return;
    const { ask } = this.context.turn;
    if (result.done === true) {
      this.closed = true;
      this.behaviour.host.end(ask);
      this.behaviour.closeStream(ask);
    } else {
      this.sent += 1;
      // Item and resumption are one step: between them a move would repeat the item or lose it.
      this.isSafe = this.context.resumeWith !== undefined && this.context.resumeWith !== this.used;
      this.used = this.context.resumeWith;
      this.goOnWith = this.used?.payload;
      this.behaviour.host.item(ask, { value: result.value, bytes: undefined });
    }
    this.behaviour.flush();
    this.pump();
  }

  private failed(thrown: unknown): void {
    if (this.closed) return;
    this.closed = true;
    const { ask } = this.context.turn;
    this.behaviour.host.fail(ask, valueFromError(GodwitError.from(thrown)));
    this.behaviour.closeStream(ask);
    this.behaviour.flush();
  }
}
