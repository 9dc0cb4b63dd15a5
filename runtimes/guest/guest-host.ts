import {
  type AnyDefinition,
  type ErrorValue,
  encode,
  GodwitError,
  type InstanceHost,
  type LogLevel,
  type Payload,
  type Protocol,
  type RefCodec,
  type Target,
  type TurnEnd,
  valueFromError,
  type Where,
} from '#core';
import type { Outbox } from './outbox.js';
import { kinds } from './packed.js';

/** What the actor inside the engine does to the world: each call is one record in the outbox. */
export class GuestHost implements InstanceHost {
  /** Called after the record of a turn's end was written. */
  onTurnEnded: () => void = () => undefined;
  refs: RefCodec | undefined;

  constructor(private readonly outbox: Outbox) {}

  send(kind: 'tell' | 'ask' | 'stream', to: Target, message: string, payload: Payload, ask: number, timeoutMs: number): void {
    const bytes = this.bytes(payload);
    const { word, target } = this.outbox.dictionary.pair(message, to);
    this.outbox.write(kinds[kind], ask, timeoutMs, word, target, bytes);
  }

  cancel(ask: number): void {
    this.outbox.write(kinds.cancel, ask, 0, 0, 0, undefined);
  }

  more(ask: number, upTo: number): void {
    this.outbox.write(kinds.more, ask, upTo, 0, 0, undefined);
  }

  /** A reply that cannot travel is answered by the reason. */
  reply(ask: number, payload: Payload): void {
    try {
      this.outbox.write(kinds.reply, ask, 0, 0, 0, this.bytes(payload));
    } catch (thrown) {
      this.fail(ask, valueFromError(GodwitError.from(thrown, 'INVALID_ARGUMENT')));
    }
  }

  fail(ask: number, error: ErrorValue): void {
    this.outbox.write(kinds.fail, ask, 0, 0, 0, this.errorBytes(error));
  }

  item(ask: number, payload: Payload): void {
    this.outbox.write(kinds.item, ask, 0, 0, 0, this.bytes(payload));
  }

  end(ask: number): void {
    this.outbox.write(kinds.end, ask, 0, 0, 0, undefined);
  }

  after(timer: number, delayMs: number, message: string, payload: Payload): void {
    const bytes = this.bytes(payload);
    const word = this.outbox.dictionary.word(message);
    this.outbox.write(kinds.after, timer, delayMs, word, 0, bytes);
  }

  cancelTimer(timer: number): void {
    this.outbox.write(kinds.cancelTimer, timer, 0, 0, 0, undefined);
  }

  child({ definition, version, messages }: Protocol, _definition: AnyDefinition | undefined, name: string): void {
    this.outbox.write(kinds.child, 0, 0, 0, 0, this.encoded([{ definition, version, messages }, name]));
  }

  call(call: number, hostFunction: string, method: string, args: Payload): void {
    const bytes = this.bytes(args);
    const { word, target } = this.outbox.dictionary.pair(method, hostFunction);
    this.outbox.write(kinds.call, call, 0, word, target, bytes);
  }

  where(_address: string): Where | undefined {
    return undefined;
  }

  progress(ask: number, fraction: number): void {
    this.outbox.write(kinds.progress, ask, fraction, 0, 0, undefined);
  }

  log(level: LogLevel, event: string, fields: Readonly<Record<string, unknown>>): void {
    let bytes: Uint8Array;
    try {
      bytes = this.encoded([level, event, fields]);
    } catch (thrown) {
      bytes = this.encoded([level, event, { unserialisable: String(thrown) }]);
    }
    this.outbox.write(kinds.log, 0, 0, 0, 0, bytes);
  }

  flush(): void {
    this.outbox.commit();
  }

  discard(): void {
    this.outbox.discard();
  }

  turnEnded(end: TurnEnd): void {
    const bytes = end.threw === undefined ? undefined : this.encoded({ threw: withoutDetails(end.threw), decision: end.decision });
    this.outbox.write(kinds.turnEnded, 0, 0, 0, 0, bytes);
    this.outbox.commit();
    this.onTurnEnded();
  }

  /** Never called inside: an instance that dies cannot say so. */
  failed(_error: ErrorValue): void {}

  private bytes(payload: Payload): Uint8Array | undefined {
    if (payload.bytes !== undefined) return payload.bytes;
    return payload.value === undefined ? undefined : this.encoded(payload.value);
  }

  private errorBytes(error: ErrorValue): Uint8Array {
    try {
      return this.encoded(error);
    } catch {
      return this.encoded(withoutDetails(error));
    }
  }

  private encoded(value: unknown): Uint8Array {
    if (this.refs === undefined) throw new GodwitError('INTERNAL', 'a guest encoded a value before its actor began');
    return encode(value, this.refs);
  }
}

/** Details come from the program and may hold what cannot travel. */
function withoutDetails({ details: _details, ...rest }: ErrorValue): ErrorValue {
  return rest;
}
