// The loop inside the script engine: takes packed records, drives core's Behaviour, packs what it does. ECMAScript only.
// Its border: the engine outside calls the four functions of `GuestEntry` and reads and writes the shared header and buffers;
// nothing else crosses. The engine sets a deadline per call and per microtask.
//
// G1  One turn at a time is with the Behaviour; those behind it wait here and begin in a microtask of their own, so each first segment
//     has its own deadline and no turn runs on top of another one's stack.
// G2  No payload lies in the inbox after `receive` has returned: the engine writes over it. One that is decoded at once may stay, if it is
//     too small for the decoder to make a view of it.
import {
  type AnyDefinition,
  Behaviour,
  decode,
  definitionsIn,
  type ErrorValue,
  encode,
  GodwitError,
  Hub,
  type InstanceCapture,
  type Payload,
  type Protocol,
  type RefCodec,
  type Target,
  type Turn,
  valueFromError,
} from '#core';
import { isSlot } from './dictionary.js';
import { GuestHost } from './guest-host.js';
import { Outbox } from './outbox.js';
import { kinds, recordHeaderBytes, sharedHeader, type Views, viewsOf } from './packed.js';
import { consoleSink, seedRandom } from './web-api.js';

/** What the engine finds as `globalThis.godwitGuest`. */
export interface GuestEntry {
  /** What the program offers, by name: a build reads it. */
  readonly definitions: ReadonlyMap<string, AnyDefinition>;
  readonly header: Uint32Array;
  inbox: Uint8Array;
  outbox: Uint8Array;
  /** Result of `start` or `capture`, a {@link GuestResult}, encoded. */
  result: Uint8Array;
  /** Makes room for `argument` bytes in the inbox. */
  reserve(): void;
  /** Begins the actor from {@link GuestStart}, encoded, at the inbox's begin; `argument` is its length. */
  start(): void;
  /** Handles the record at offset `argument` of the inbox. */
  receive(): void;
  /** Captures; `argument` is 1 if final. */
  capture(): void;
}

/** What begins an actor inside. */
export interface GuestStart {
  readonly address: string;
  readonly definition: string;
  readonly version: number;
  readonly seed: Uint32Array;
  readonly capture: InstanceCapture | undefined;
}

/** Outcome of `start` and `capture`. */
export type GuestResult = { readonly capture?: InstanceCapture; readonly protocol?: Protocol; readonly error?: undefined } | { readonly error: ErrorValue };

/** Bytes of the inbox at first; small, because each instance has one. */
const firstInboxBytes = 16 * 1024;
/** Payloads up to this are decoded where they lie; the decoder's own bound for views is 16 KiB. */
const maxBytesInPlace = 8 * 1024;
const noPayload: Payload = { value: undefined, bytes: undefined };
const plain: RefCodec = { describe: () => undefined, revive: (target) => target };

/** Offers the definitions and elastic functions found among a module's exports to the engine. */
export function serve(exports: Readonly<Record<string, unknown>>): void {
  // An actor may make a channel, which is a child of its own.
  const definitions = new Map([Hub as AnyDefinition, ...definitionsIn(exports)].map((definition) => [definition.name, definition]));
  (globalThis as { godwitGuest?: GuestEntry }).godwitGuest = new GuestLoop(definitions);
}

class GuestLoop implements GuestEntry {
  readonly header = new Uint32Array(sharedHeader.words);
  result = new Uint8Array(0);
  private readonly out = new Outbox(this.header, (value) => encode(value, this.behaviour?.refs ?? plain));
  private readonly host = new GuestHost(this.out);
  private readonly slots: unknown[] = [];
  private readonly waiting: AdmittedTurn[] = [];
  private turning = false;
  private behaviour: Behaviour | undefined;
  private views: Views = viewsOf(new ArrayBuffer(firstInboxBytes));

  constructor(readonly definitions: ReadonlyMap<string, AnyDefinition>) {
    this.host.onTurnEnded = () => this.turnEnded();
  }

  get inbox(): Uint8Array {
    return this.views.u8;
  }

  get outbox(): Uint8Array {
    return this.out.views.u8;
  }

  reserve(): void {
    this.views = viewsOf(new ArrayBuffer((this.header[sharedHeader.argument] + 7) & ~7));
    this.header[sharedHeader.buffers] = this.header[sharedHeader.buffers] + 1;
  }

  start(): void {
    this.attempt(() => {
      const start = decode(this.views.u8.slice(0, this.header[sharedHeader.argument]), plain) as GuestStart;
      seedRandom(start.seed);
      const definition = this.definitions.get(start.definition);
      if (definition === undefined || definition.version !== start.version) throw this.missing(start, definition);
      const behaviour = new Behaviour(start.address, definition, this.host);
      this.host.refs = behaviour.refs;
      this.behaviour = behaviour;
      consoleSink.log = (level, text) => {
        this.host.log(level, 'console', { text });
        behaviour.sent();
      };
      behaviour.begin(start.capture);
      this.out.commit();
      return { protocol: definition.protocol };
    });
  }

  capture(): void {
    this.attempt(() => {
      const capture = this.actor.capture();
      this.out.commit();
      return { capture };
    });
  }

  receive(): void {
    const at = this.header[sharedHeader.argument];
    const { u8, u32, f64 } = this.views;
    const w = at >>> 2;
    const kind = u32[w + 1];
    const ask = f64[(at >>> 3) + 1];
    const amount = f64[(at >>> 3) + 2];
    const word = u32[w + 6];
    const payloadBytes = u32[w + 8];
    const begin = at + recordHeaderBytes;
    const stays = payloadBytes <= maxBytesInPlace && this.waiting.length === 0 && !this.turning; // G2
    const bytes = stays ? u8.subarray(begin, begin + payloadBytes) : u8.slice(begin, begin + payloadBytes);
    const payload: Payload = payloadBytes === 0 ? noPayload : { value: undefined, bytes };
    switch (kind) {
      case kinds.tell:
      case kinds.ask:
      case kinds.stream: {
        const sender = this.slots[u32[w + 7]] as Target | undefined;
        this.admit({ kind: turnKinds[kind], message: this.slots[word] as string, payload, ask, sender, remainingMs: amount });
        break;
      }
      case kinds.refused:
        this.admit({ ...refusedTurn, ask, refused: decode(payload.bytes as Uint8Array, plain) as ErrorValue });
        break;
      case kinds.reply:
        this.actor.settle(ask, { payload });
        break;
      case kinds.fail:
        this.actor.settle(ask, { error: decode(payload.bytes as Uint8Array, plain) as ErrorValue });
        break;
      case kinds.item:
        this.item(ask, payload);
        break;
      case kinds.end:
        this.actor.end(ask);
        break;
      case kinds.more:
        this.actor.more(ask, amount);
        break;
      case kinds.cancel:
        this.actor.abort(ask);
        break;
      case kinds.word:
        if (isSlot(word)) this.slots[word] = decode(payload.bytes as Uint8Array, plain);
        break;
      default:
        throw new GodwitError('INTERNAL', `a guest received a record of unknown kind ${kind}`);
    }
  }

  private get actor(): Behaviour {
    if (this.behaviour === undefined) throw new GodwitError('FAILED_PRECONDITION', 'a guest received a record before its actor began');
    return this.behaviour;
  }

  private admit(turn: AdmittedTurn): void {
    if (this.turning || this.waiting.length > 0) this.waiting.push(turn);
    else this.run(turn);
  }

  private run(turn: AdmittedTurn): void {
    this.turning = true;
    if (turn.refused === undefined) {
      this.actor.turn(turn);
      return;
    }
    if (turn.ask !== 0) this.host.fail(turn.ask, turn.refused);
    this.host.turnEnded({ threw: turn.refused, decision: 'resume' });
  }

  // G1
  private turnEnded(): void {
    this.turning = false;
    if (this.waiting.length === 0) return;
    queueMicrotask(() => {
      const next = this.turning ? undefined : this.waiting.shift();
      if (next !== undefined) this.run(next);
    });
  }

  private item(ask: number, payload: Payload): void {
    try {
      this.actor.item(ask, payload);
    } catch (thrown) {
      this.actor.settle(ask, { error: valueFromError(GodwitError.from(thrown, 'DATA_LOSS')) });
    }
  }

  private missing(start: GuestStart, found: AnyDefinition | undefined): GodwitError {
    const has = [...this.definitions.values()].map(({ name, version }) => `${name} v${version}`).join(', ') || 'none';
    const wanted = `${start.definition} v${start.version}`;
    return new GodwitError(found === undefined ? 'NOT_FOUND' : 'FAILED_PRECONDITION', `the program exports no actor definition ${wanted}; it has ${has}`);
  }

  private attempt(make: () => GuestResult): void {
    let result: GuestResult;
    try {
      result = make();
    } catch (thrown) {
      result = { error: valueFromError(GodwitError.from(thrown, 'INVALID_ARGUMENT')) };
    }
    this.result = encode(result, plain) as Uint8Array<ArrayBuffer>;
  }
}

/** A turn, or the place of one whose payload could not be packed. */
type AdmittedTurn = Turn & { readonly refused?: ErrorValue };

const refusedTurn: Turn = { kind: 'tell', message: '', payload: noPayload, ask: 0, sender: undefined, remainingMs: 0 };

const turnKinds = { [kinds.tell]: 'tell', [kinds.ask]: 'ask', [kinds.stream]: 'stream' } as const;
