import { GodwitError } from '../errors.js';
import type { LogLevel } from '../ports/logger.js';
import type { Turn } from '../ports/runtime.js';
import type { Behaviour } from './behaviour.js';
import type { CancelTimer, Context } from './context.js';
import type { Definition, Handlers } from './definition.js';
import type { AnyRef, MessageOf, PayloadArguments, Ref, RefCore } from './ref.js';

const noTurn: Turn = {
  kind: 'tell',
  message: '',
  payload: { value: undefined, bytes: undefined },
  ask: 0,
  sender: undefined,
  remainingMs: Number.POSITIVE_INFINITY,
};

/** The context handed to handlers. One object serves turn after turn until one of them outlives its first segment. */
export class TurnContext implements Context {
  turn: Turn = noTurn;
  /** Payload a moved stream begins again with; undefined while the handler called no `resume`. */
  resumeWith: { readonly payload: unknown } | undefined;
  private controller: AbortController | undefined;
  private ended = true;

  constructor(private readonly behaviour: Behaviour) {}

  begin(turn: Turn): void {
    this.turn = turn;
    this.controller = undefined;
    this.resumeWith = undefined;
    this.ended = false;
  }

  /** After it, sending through this context is refused: nobody would release what it sends. */
  end(): void {
    this.ended = this.turn.kind !== 'stream';
  }

  abort(): void {
    this.controller ??= new AbortController();
    this.controller.abort(new GodwitError('CANCELLED', `the asker of '${this.turn.message}' gave up`));
  }

  get self(): AnyRef {
    const { address, definition } = this.behaviour;
    return this.behaviour.ref({ $address: address, $protocol: definition?.protocol ?? { definition: 'application', version: 1, messages: {} } });
  }

  get sender(): AnyRef | undefined {
    return this.turn.sender === undefined ? undefined : this.behaviour.ref(this.turn.sender);
  }

  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    return this.controller.signal;
  }

  get remainingMs(): number {
    return this.turn.remainingMs;
  }

  send<H extends Handlers<never>, M extends MessageOf<H>>(to: Ref<H>, message: M, ...payload: PayloadArguments<H[M]>): void {
    this.check('send');
    this.behaviour.tell(to as unknown as RefCore, message, payload[0]);
  }

  after(delayMs: number, message: string, payload?: unknown): CancelTimer {
    this.check('after');
    return this.behaviour.after(delayMs, message, payload);
  }

  child<S, H extends Handlers<S>>(definition: Definition<S, H>, name: string): Ref<H> {
    this.check('child');
    return this.behaviour.child(definition, name) as unknown as Ref<H>;
  }

  resume(payload: unknown): void {
    this.check('resume');
    this.resumeWith = { payload };
  }

  progress(fraction: number): void {
    this.check('progress');
    if (this.turn.ask !== 0) this.behaviour.host.progress(this.turn.ask, Math.min(1, Math.max(0, fraction)));
  }

  log(level: LogLevel, event: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.behaviour.host.log(level, event, fields);
  }

  call(hostFunction: string, method: string, ...args: unknown[]): Promise<unknown> {
    this.check('call');
    return this.behaviour.callHost(hostFunction, method, args);
  }

  private check(what: string): void {
    if (this.ended)
      throw new GodwitError('FAILED_PRECONDITION', `ctx.${what} was used after the turn of '${this.turn.message}' had ended: await what the handler starts`);
  }
}
