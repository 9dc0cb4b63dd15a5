// Runs the turns of one actor: natively, and (the same code) inside the script engine, so it uses ECMAScript and AbortController only.
//
// Its border: it knows handlers, state, promises and generators. It knows nothing of numbering, delivery, nodes or time; whatever it
// does to the world goes through InstanceHost, whatever the world does to it comes through the methods of Instance.
//
// B1  One turn at a time, in the order given. The next begins after the last segment of the one before (streams aside, B4).
// B2  What a segment sends is released by `flush` at its end, or dropped by `discard` if it threw. State keeps its mutations.
// B3  Numbers of asks, host calls and timers ascend over the actor's whole life: they are part of the capture.
// B4  A stream's turn ends with its first segment; each later segment of its generator runs between or beside turns and holds nothing.
import { decode, encode, type RefCodec } from '../codec/index.js';
import { Numbered } from '../delivery/numbered.js';
import { createEndpoint, endOf } from '../elastic/endpoint.js';
import { itemHandler, itemMessage } from '../elastic/item.js';
import { type ErrorValue, errorFromValue, GodwitError, valueFromError } from '../errors.js';
import type { InstanceCapture, InstanceHost, Payload, Target, Turn, TurnEnd } from '../ports/runtime.js';
import { cancellable, checkDelay, checkSignal, checkTimeout, StreamReader, type Waiting } from './asks.js';
import { conform, isThenable } from './conform.js';
import { type AnyDefinition, type Decision, stopMessage } from './definition.js';
import { OpenStream } from './open-stream.js';
import {
  type AskOptions,
  checkMessage,
  createRef,
  defaultTimeoutMs,
  type Holder,
  internProtocol,
  isRef,
  type RefCore,
  unknownMessage,
  type Where,
} from './ref.js';
import { TurnContext } from './turn-context.js';
import { upgraded } from './upgrade.js';

/** The end of a turn that did not throw. */
const orderly: TurnEnd = {};

type AnyHandler = (state: unknown, payload: unknown, ctx: TurnContext) => unknown;

/** One actor's behaviour and state. An application (no definition) only asks and tells. */
export class Behaviour implements Holder {
  readonly refs: RefCodec = {
    describe: (value) => (isRef(value) ? value : undefined),
    revive: (target) => this.ref(target),
  };
  private readonly waiting = new Numbered<Waiting>();
  private readonly contexts = new Map<number, TurnContext>();
  private readonly streams = new Map<number, OpenStream>();
  private readonly queued: Turn[] = [];
  private context = new TurnContext(this);
  private nextAsk = 1;
  private state: unknown;
  private turning = false;
  private flushing = false;
  private stopped = false;
  private retired = false;

  constructor(
    readonly address: string,
    readonly definition: AnyDefinition | undefined,
    readonly host: InstanceHost,
  ) {}

  /** Begins a life: with the first state, or where a capture left off. @throws {GodwitError} DATA_LOSS a malformed capture · FAILED_PRECONDITION see {@link upgraded} */
  begin(capture: InstanceCapture | undefined): void {
    if (capture === undefined) {
      this.state = this.definition?.state();
      return;
    }
    this.state = upgraded(this.definition, decode(capture.state, this.refs), capture.version, this.address);
    this.nextAsk = capture.nextAsk;
    for (const { ask, message, payload, sent, upTo } of capture.streams) {
      const context = new TurnContext(this);
      context.begin({ kind: 'stream', message, payload: { value: undefined, bytes: payload }, ask, sender: undefined, remainingMs: Number.POSITIVE_INFINITY });
      this.openStream(context, decode(payload, this.refs), sent, upTo);
    }
  }

  /** The actor's state in bytes; equal states have equal bytes on every tier. */
  capture(cut?: () => void): InstanceCapture {
    cut?.();
    const streams = [...this.streams.values()].flatMap((stream) => (stream.resumable ? [stream.capture()] : []));
    return { state: encode(this.state, this.refs), version: this.definition?.version ?? 0, nextAsk: this.nextAsk, streams };
  }

  /** Ends everything here: what waits is rejected with CANCELLED, streams end without a word, and what still runs reaches the world no more. */
  retire(): void {
    if (this.retired) return;
    this.stopped = true;
    for (const stream of [...this.streams.values()]) stream.close(undefined);
    this.retired = true;
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    this.queued.length = 0;
    for (const one of waiting) one.reject(this.retirement());
  }

  /** Runs a turn, or queues it behind the running one (B1). */
  turn(turn: Turn): void {
    if (this.turning) this.queued.push(turn);
    else this.run(turn);
  }

  settle(ask: number, outcome: { readonly payload: Payload } | { readonly error: ErrorValue; readonly asked?: string | undefined }): void {
    const waiting = this.waiting.get(ask);
    if (waiting === undefined) return;
    this.waiting.delete(ask);
    if ('error' in outcome) {
      waiting.reject(errorFromValue(outcome.error, outcome.asked));
      return;
    }
    try {
      waiting.resolve(this.open(outcome.payload));
    } catch (thrown) {
      waiting.reject(GodwitError.from(thrown, 'DATA_LOSS'));
    }
  }

  item(ask: number, payload: Payload): void {
    const waiting = this.waiting.get(ask);
    if (!(waiting instanceof StreamReader)) return;
    try {
      waiting.item(this.open(payload));
    } catch (thrown) {
      // The items after it would be read as if it had not been there.
      this.giveUp(ask);
      waiting.reject(GodwitError.from(thrown, 'DATA_LOSS'));
    }
  }

  end(ask: number): void {
    this.waiting.get(ask)?.resolve(undefined);
    this.waiting.delete(ask);
  }

  abort(ask: number): void {
    this.contexts.get(ask)?.abort();
    this.streams.get(ask)?.close(undefined);
  }

  more(ask: number, upTo: number): void {
    this.streams.get(ask)?.grant(upTo);
  }

  // ── Holder: what refs of this actor do ────────────────────────────────────────────────────────────────────────────────────────

  tell(to: Target, message: string, payload: unknown): void {
    if (checkMessage(to as RefCore, message) === 'stream')
      throw new GodwitError('INVALID_ARGUMENT', `'${message}' of actor ${to.$address} is a stream: iterate it instead of telling it`);
    this.checkLiving();
    this.host.send('tell', to, message, { value: payload, bytes: undefined }, 0, Number.POSITIVE_INFINITY);
    this.sent();
  }

  ask(to: RefCore, message: string, payload: unknown, options: AskOptions | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.checkLiving();
      const timeoutMs = checkTimeout(options?.timeoutMs ?? defaultTimeoutMs, 'ask', message, to.$address);
      checkSignal(options?.signal);
      const ask = this.nextAsk++;
      this.host.send('ask', to, message, { value: payload, bytes: undefined }, ask, timeoutMs);
      this.waiting.set(ask, options?.signal === undefined ? { resolve, reject } : cancellable({ resolve, reject }, options.signal, () => this.giveUp(ask)));
      this.sent();
    });
  }

  stream(to: RefCore, message: string, payload: unknown, options: AskOptions | undefined): AsyncIterableIterator<unknown> {
    this.checkLiving();
    const timeoutMs = checkTimeout(options?.timeoutMs ?? Number.POSITIVE_INFINITY, 'stream', message, to.$address);
    const signal = options?.signal;
    checkSignal(signal);
    const ask = this.nextAsk++;
    const onAbort = () => void reader.return();
    const reader = new StreamReader(
      (upTo) => this.during(() => this.host.more(ask, upTo)),
      () => this.giveUp(ask),
      () => signal?.removeEventListener('abort', onAbort),
    );
    this.host.send('stream', to, message, { value: payload, bytes: undefined }, ask, timeoutMs);
    this.waiting.set(ask, reader);
    signal?.addEventListener('abort', onAbort, { once: true });
    this.sent();
    return reader;
  }

  push(to: RefCore, message: string, bytes: Uint8Array): void {
    this.checkLiving();
    this.host.send('tell', to, itemMessage(message), { value: bytes, bytes: undefined }, 0, Number.POSITIVE_INFINITY);
    this.sent();
  }

  encode(value: unknown): Uint8Array {
    return encode(value, this.refs);
  }

  decode(bytes: Uint8Array): unknown {
    return decode(bytes, this.refs);
  }

  get durable(): boolean {
    return this.definition?.durability === 'durable';
  }

  where(address: string): Where | undefined {
    return this.host.where(address);
  }

  stop(to: RefCore): void {
    this.checkLiving();
    this.host.send('tell', to, stopMessage, { value: undefined, bytes: undefined }, 0, Number.POSITIVE_INFINITY);
    this.sent();
  }

  // ── What a turn's context does ────────────────────────────────────────────────────────────────────────────────────────────────

  /** A ref through which this actor sends. */
  ref(target: Target): RefCore {
    if (isRef(target) && target.$holder === this) return target;
    const end = endOf(target.$protocol);
    if (end !== undefined) return createEndpoint(target.$address, end, this);
    return createRef(target.$address, internProtocol(target.$protocol), this) as unknown as RefCore;
  }

  callHost(hostFunction: string, method: string, args: unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.checkLiving();
      const call = this.nextAsk++;
      this.host.call(call, hostFunction, method, { value: args, bytes: undefined });
      this.waiting.set(call, { resolve, reject });
      this.sent();
    });
  }

  after(delayMs: number, message: string, payload: unknown): () => void {
    const handlers = this.definition?.protocol.messages ?? {};
    if (!Object.hasOwn(handlers, message) || this.definition === undefined)
      throw unknownMessage(this.address, this.definition?.protocol ?? { definition: '', version: 1, messages: {} }, message);
    this.checkLiving();
    const timer = this.nextAsk++;
    this.host.after(timer, checkDelay(delayMs, message), message, { value: payload, bytes: undefined });
    this.sent();
    return () => this.during(() => this.host.cancelTimer(timer));
  }

  child(definition: AnyDefinition, name: string): RefCore {
    this.checkLiving();
    this.host.child(definition.protocol, definition, name);
    return createRef(`${this.address}/${name}`, definition.protocol, this) as unknown as RefCore;
  }

  /** Something was sent outside the synchronous part of a turn: it leaves when the running segment ends (B2). */
  sent(): void {
    // An application has no turns: its host releases every record at once.
    if (this.flushing || this.definition === undefined) return;
    this.flushing = true;
    // Two hops: a throw of the running segment rejects its promise in between, and then `fail` discards before the flush.
    queueMicrotask(() =>
      queueMicrotask(() => {
        if (this.flushing) this.flush();
      }),
    );
  }

  closeStream(ask: number): void {
    this.streams.delete(ask);
    this.contexts.delete(ask);
  }

  flush(): void {
    this.flushing = false;
    if (!this.retired) this.host.flush();
  }

  // ── Turns ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private run(turn: Turn): void {
    this.turning = true;
    // Set while the first segment runs, so that what it sends schedules no flush of its own.
    this.flushing = true;
    const context = this.context;
    context.begin(turn);
    let result: unknown;
    try {
      if (this.stopped) throw new GodwitError('NOT_FOUND', `actor ${this.address} was stopped`);
      const handler = (this.definition?.on[turn.message] ?? itemHandler(this.definition, turn.message, this)) as AnyHandler | undefined;
      if (handler === undefined || this.definition === undefined)
        throw unknownMessage(this.address, this.definition?.protocol ?? { definition: 'application', version: 1, messages: {} }, turn.message);
      if (turn.payload.bytes === undefined) {
        result = this.enter(handler, turn.payload.value, context, turn);
      } else {
        const checked = conform(this.definition, turn.message, this.open(turn.payload), this.address);
        if (isThenable(checked)) result = checked.then((valid) => this.enter(handler, valid, context, turn));
        else result = this.enter(handler, checked, context, turn);
      }
    } catch (thrown) {
      this.fail(turn, context, thrown);
      return;
    }
    if (!isThenable(result)) {
      this.finish(turn, context, result);
      return;
    }
    // The turn outlives its first segment: the context is its own, and asks must be able to abort it.
    this.context = new TurnContext(this);
    if (turn.ask !== 0) this.contexts.set(turn.ask, context);
    this.flush();
    result.then(
      (value) => this.finish(turn, context, value),
      (thrown: unknown) => this.fail(turn, context, thrown),
    );
  }

  private enter(handler: AnyHandler, value: unknown, context: TurnContext, turn: Turn): unknown {
    if (turn.kind !== 'stream') return handler(this.state, value, context);
    this.context = new TurnContext(this);
    this.openStream(context, value, 0, undefined);
    return undefined;
  }

  private openStream(context: TurnContext, value: unknown, sent: number, upTo: number | undefined): void {
    const handler = this.definition?.on[context.turn.message] as AnyHandler | undefined;
    const generator = handler?.(this.state, value, context);
    if (!isGenerator(generator)) throw new GodwitError('INVALID_ARGUMENT', `'${context.turn.message}' of actor ${this.address} is no stream`);
    const stream = new OpenStream(this, context, generator, sent, upTo, value);
    this.streams.set(context.turn.ask, stream);
    this.contexts.set(context.turn.ask, context);
    stream.pump();
  }

  private finish(turn: Turn, context: TurnContext, value: unknown): void {
    if (this.retired) return;
    if (turn.kind === 'ask') this.host.reply(turn.ask, { value, bytes: undefined });
    if (turn.kind !== 'stream' && this.contexts.size > 0) this.contexts.delete(turn.ask);
    this.conclude(context, orderly);
  }

  private fail(turn: Turn, context: TurnContext, thrown: unknown): void {
    if (this.retired) return;
    this.host.discard();
    const error = GodwitError.from(thrown);
    const decision = this.supervise(error, turn.message);
    const value = valueFromError(error);
    if (turn.ask !== 0) this.host.fail(turn.ask, value);
    this.contexts.delete(turn.ask);
    if (decision === 'stop' || decision === 'escalate') this.stopped = true;
    this.conclude(context, { threw: value, decision });
  }

  /** What becomes of the actor after a throw; a reset has taken place. Supervision that itself throws stops the actor: nothing else is known to be safe. */
  private supervise(error: GodwitError, message: string): Decision {
    try {
      const decision = this.definition?.supervise.decide?.(error, message) ?? 'resume';
      if (decision === 'reset') this.state = this.definition?.state();
      return decision;
    } catch (thrown) {
      this.host.log('error', 'supervision.failed', { actor: this.address, message, reason: GodwitError.from(thrown).message });
      return 'stop';
    }
  }

  private conclude(context: TurnContext, end: TurnEnd): void {
    context.end();
    this.flush();
    this.turning = false;
    this.host.turnEnded(end);
    if (this.queued.length > 0 && !this.turning) this.run(this.queued.shift() as Turn);
  }

  private open(payload: Payload): unknown {
    return payload.bytes === undefined ? payload.value : decode(payload.bytes, this.refs);
  }

  private giveUp(ask: number): void {
    if (this.waiting.delete(ask)) this.during(() => this.host.cancel(ask));
  }

  private checkLiving(): void {
    if (this.retired) throw this.retirement();
  }

  private retirement(): GodwitError {
    const who =
      this.definition === undefined ? `node ${this.address} was closed` : `actor ${this.address} ended here: it was stopped, moved, or its node closed`;
    return new GodwitError('CANCELLED', who);
  }

  private during(act: () => void): void {
    if (this.retired) return;
    act();
    this.sent();
  }
}

function isGenerator(value: unknown): value is AsyncGenerator<unknown, unknown, unknown> | Generator<unknown, unknown, unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { next?: unknown }).next === 'function';
}
