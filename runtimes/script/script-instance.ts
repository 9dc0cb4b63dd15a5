import {
  decode,
  type ErrorValue,
  encode,
  errorFromValue,
  GodwitError,
  type Instance,
  type InstanceCapture,
  type InstanceHost,
  type Payload,
  type Protocol,
  type Target,
  type Turn,
  type TurnEnd,
  valueFromError,
} from '#core';
import { Dictionary, isSlot } from '../guest/dictionary.js';
import type { GuestResult } from '../guest/guest-loop.js';
import { kinds, recordBytes, recordHeaderBytes, type Views } from '../guest/packed.js';
import { checkedRecordBytes } from './batch.js';
import type { CompiledLimits } from './limits.js';
import { plainCodec } from './plain-codec.js';

/** What an instance needs of the worker it lives in. */
export interface Residence {
  readonly threadId: number;
  readonly maxRecordBytes: number;
  send(instance: number, kind: number, ask: number, amount: number, word: number, target: number, payload: Uint8Array | undefined): void;
  capture(instance: number): Promise<Uint8Array>;
  close(instance: number): void;
}

/** Turns a worker may hold of one instance: enough that a batch is never waited for turn by turn. */
const pipelining = 64;
const logLevels = new Set(['debug', 'info', 'warn', 'error']);

/** Outside half of one guest: packs what the node hands over, and does for the guest what its records say. */
export class ScriptInstance implements Instance {
  readonly tier = 'script';
  readonly pipelining = pipelining;
  /** By the program's own word, once it has started. */
  protocol: Protocol | undefined = undefined;
  private readonly dictionary = new Dictionary((slot, value) => this.residence.send(this.number, kinds.word, 0, 0, slot, 0, encode(value, plainCodec)));
  private readonly slots: unknown[] = [];
  private closed = false;
  private unflushed = false;

  constructor(
    readonly number: number,
    readonly address: string,
    private readonly residence: Residence,
    private readonly allowed: ReadonlySet<string>,
    readonly limits: CompiledLimits,
    private readonly host: InstanceHost,
  ) {}

  /** The thread its turns run on; changes only by a move. */
  get threadId(): number {
    return this.residence.threadId;
  }

  /** e.g. 'script (QuickJS in Wasm, worker thread 3 of process 4711)'. */
  get place(): string {
    return `script (QuickJS in Wasm, worker thread ${this.threadId} of process ${process.pid})`;
  }

  /** True once nothing more will come of it. */
  get ended(): boolean {
    return this.closed;
  }

  turn(turn: Turn): void {
    let payload: Uint8Array | undefined;
    try {
      payload = this.bytesOf(turn.payload, turn.message);
    } catch (thrown) {
      // The turns before it are still under way, and it must end after them.
      this.send(kinds.refused, turn.ask, 0, encode(valueFromError(GodwitError.from(thrown)), plainCodec));
      return;
    }
    const { word, target } =
      turn.sender === undefined ? { word: this.dictionary.word(turn.message), target: 0 } : this.dictionary.pair(turn.message, turn.sender);
    this.residence.send(this.number, kinds[turn.kind], turn.ask, turn.remainingMs, word, target, payload);
  }

  settle(ask: number, outcome: { readonly payload: Payload } | { readonly error: ErrorValue }): void {
    if ('error' in outcome) {
      this.reject(ask, outcome.error);
      return;
    }
    try {
      this.send(kinds.reply, ask, 0, this.bytesOf(outcome.payload, 'reply'));
    } catch (thrown) {
      this.reject(ask, valueFromError(GodwitError.from(thrown)));
    }
  }

  item(ask: number, payload: Payload): void {
    try {
      this.send(kinds.item, ask, 0, this.bytesOf(payload, 'item'));
    } catch (thrown) {
      this.reject(ask, valueFromError(GodwitError.from(thrown)));
    }
  }

  end(ask: number): void {
    this.send(kinds.end, ask, 0, undefined);
  }

  abort(ask: number): void {
    this.send(kinds.cancel, ask, 0, undefined);
  }

  more(ask: number, upTo: number): void {
    this.send(kinds.more, ask, upTo, undefined);
  }

  async capture(cut?: () => void): Promise<InstanceCapture> {
    if (this.closed) throw new GodwitError('UNAVAILABLE', `the instance of ${this.address} is closed`);
    const answer = await this.residence.capture(this.number);
    // The worker sends what the guest emits afterwards in a later message.
    cut?.();
    const result = decode(answer, plainCodec) as GuestResult;
    if (result.error !== undefined) throw errorFromValue(result.error);
    if (!isCapture(result.capture)) throw new GodwitError('DATA_LOSS', `the guest of ${this.address} gave a malformed capture`);
    return result.capture;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.residence.close(this.number);
  }

  /** The worker died, or the guest did. */
  lost(error: GodwitError): void {
    if (this.closed) return;
    this.closed = true;
    this.host.failed(valueFromError(error));
  }

  /** Carries out the records of one chunk. A guest that breaks the layout is lost, and nothing else. */
  carryOut(views: Views, begin: number, end: number): void {
    try {
      for (let at = begin; at < end && !this.closed; ) {
        const bytes = checkedRecordBytes(views, at, end);
        this.record(views, at);
        at += bytes;
      }
    } catch (thrown) {
      const cause = GodwitError.from(thrown, 'INTERNAL');
      this.close();
      this.host.failed(
        valueFromError(
          new GodwitError('INTERNAL', `the guest of ${this.address} sent what cannot be carried out: ${cause.message}`, { cause, retryable: false }),
        ),
      );
    }
    if (this.unflushed) this.flush();
  }

  private record({ u8, u32, f64 }: Views, at: number): void {
    const w = at >>> 2;
    const kind = u32[w + 1];
    const ask = f64[(at >>> 3) + 1];
    const amount = f64[(at >>> 3) + 2];
    const word = u32[w + 6];
    const target = u32[w + 7];
    const payloadBytes = u32[w + 8];
    const begin = at + recordHeaderBytes;
    // A view, not a copy: the batch is this process's own from here on.
    const bytes = payloadBytes === 0 ? undefined : u8.subarray(begin, begin + payloadBytes);
    const payload: Payload = { value: undefined, bytes };
    const { host } = this;
    this.unflushed = true;
    switch (kind) {
      case kinds.word:
        if (!isSlot(word)) throw new GodwitError('DATA_LOSS', `dictionary slot ${word} is out of range`);
        this.slots[word] = decode(bytes ?? new Uint8Array(0), plainCodec);
        break;
      case kinds.tell:
        this.sendFor('tell', ask, amount, word, target, payload);
        break;
      case kinds.ask:
        this.sendFor('ask', ask, amount, word, target, payload);
        break;
      case kinds.stream:
        this.sendFor('stream', ask, amount, word, target, payload);
        break;
      case kinds.cancel:
        host.cancel(ask);
        break;
      case kinds.more:
        host.more(ask, amount);
        break;
      case kinds.reply:
        host.reply(ask, payload);
        break;
      case kinds.fail:
        host.fail(ask, this.errorValue(bytes));
        break;
      case kinds.item:
        host.item(ask, payload);
        break;
      case kinds.end:
        host.end(ask);
        break;
      case kinds.after:
        host.after(ask, amount, this.word(word), payload);
        break;
      case kinds.cancelTimer:
        host.cancelTimer(ask);
        break;
      case kinds.child:
        this.child(bytes);
        break;
      case kinds.call:
        this.call(ask, this.word(target), this.word(word), payload);
        break;
      case kinds.progress:
        host.progress(ask, amount);
        break;
      case kinds.log:
        this.log(bytes);
        break;
      case kinds.turnEnded:
        this.flush();
        host.turnEnded(bytes === undefined ? {} : this.turnEnd(bytes));
        break;
      case kinds.failed:
        this.lost(errorFromValue(this.errorValue(bytes)));
        break;
      default:
        throw new GodwitError('DATA_LOSS', `a record has unknown kind ${kind}`);
    }
  }

  /** What the node refuses cannot be thrown into a segment that is over: an ask is answered by it, a tell is reported. */
  private sendFor(kind: 'tell' | 'ask' | 'stream', ask: number, timeoutMs: number, word: number, target: number, payload: Payload): void {
    const to = this.slots[target];
    if (!isTarget(to)) throw new GodwitError('DATA_LOSS', `dictionary slot ${target} holds no target`);
    const message = this.word(word);
    try {
      this.host.send(kind, to, message, payload, ask, timeoutMs);
    } catch (thrown) {
      const error = GodwitError.from(thrown);
      if (ask !== 0) this.reject(ask, valueFromError(error));
      else this.host.log('error', 'script.tell-refused', { to: to.$address, message, code: error.code, reason: error.message });
    }
  }

  private call(call: number, hostFunction: string, method: string, args: Payload): void {
    if (this.allowed.has(hostFunction)) this.host.call(call, hostFunction, method, args);
    else
      this.reject(
        call,
        valueFromError(
          new GodwitError('PERMISSION_DENIED', `the manifest of ${this.address} does not name host function '${hostFunction}': add it to needs.hostFunctions`),
        ),
      );
  }

  private child(bytes: Uint8Array | undefined): void {
    const [protocol, name] = decode(bytes ?? new Uint8Array(0), plainCodec) as [Protocol, string];
    if (!isProtocol(protocol) || typeof name !== 'string') throw new GodwitError('DATA_LOSS', 'a child record is malformed');
    this.host.child(protocol, undefined, name);
  }

  private log(bytes: Uint8Array | undefined): void {
    const [level, event, fields] = decode(bytes ?? new Uint8Array(0), plainCodec) as Parameters<InstanceHost['log']>;
    if (!logLevels.has(level) || typeof event !== 'string') throw new GodwitError('DATA_LOSS', 'a log record is malformed');
    this.host.log(level, event, typeof fields === 'object' && fields !== null ? fields : {});
  }

  private turnEnd(bytes: Uint8Array): TurnEnd {
    const { threw, decision } = decode(bytes, plainCodec) as Extract<TurnEnd, { decision: unknown }>;
    return { threw: checkedError(threw), decision: decision === 'stop' || decision === 'reset' || decision === 'escalate' ? decision : 'resume' };
  }

  private errorValue(bytes: Uint8Array | undefined): ErrorValue {
    return checkedError(decode(bytes ?? new Uint8Array(0), plainCodec));
  }

  private word(slot: number): string {
    const word = this.slots[slot];
    if (typeof word !== 'string') throw new GodwitError('DATA_LOSS', `dictionary slot ${slot} holds no word`);
    return word;
  }

  private flush(): void {
    this.unflushed = false;
    this.host.flush();
  }

  private reject(ask: number, error: ErrorValue): void {
    this.send(kinds.fail, ask, 0, encode(error, plainCodec));
  }

  private send(kind: number, ask: number, amount: number, payload: Uint8Array | undefined): void {
    this.residence.send(this.number, kind, ask, amount, 0, 0, payload);
  }

  private bytesOf(payload: Payload, what: string): Uint8Array | undefined {
    if (payload.bytes === undefined && payload.value === undefined) return undefined;
    payload.bytes ??= encode(payload.value, plainCodec);
    const { maxRecordBytes } = this.residence;
    if (recordBytes(payload.bytes.length) > maxRecordBytes) {
      throw new GodwitError(
        'RESOURCE_EXHAUSTED',
        `'${what}' for ${this.address} takes ${payload.bytes.length} bytes; records to a guest hold ${maxRecordBytes}`,
        { retryable: false },
      );
    }
    return payload.bytes;
  }
}

/** An error as a guest gave it, made well-formed. The engine's stacks lack the line that says what was thrown. */
function checkedError(given: unknown): ErrorValue {
  const { stack } = (typeof given === 'object' && given !== null ? given : {}) as Partial<ErrorValue>;
  const { stack: _here, ...value } = valueFromError(errorFromValue(given));
  if (typeof stack !== 'string') return value;
  const header = `GodwitError: ${value.message}`;
  return { ...value, stack: stack.includes(value.message) ? stack : `${header}\n${stack.trimEnd()}` };
}

function isTarget(value: unknown): value is Target {
  return typeof value === 'object' && value !== null && typeof (value as Target).$address === 'string' && isProtocol((value as Target).$protocol);
}

export function isProtocol(value: unknown): value is Protocol {
  if (typeof value !== 'object' || value === null) return false;
  const { definition, version, messages } = value as Protocol;
  return typeof definition === 'string' && Number.isInteger(version) && typeof messages === 'object' && messages !== null;
}

function isCapture(value: unknown): value is InstanceCapture {
  if (typeof value !== 'object' || value === null) return false;
  const { state, version, nextAsk, streams } = value as InstanceCapture;
  return state instanceof Uint8Array && Number.isInteger(version) && Number.isInteger(nextAsk) && Array.isArray(streams);
}
