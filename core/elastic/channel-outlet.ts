// The sending half of one end of a channel for one holder.
//
//     send ─► waiting ─ flush ─► left (a record) ─ room ─► resolved
//
// N1 A value leaves, encoded, as a record of its holder as soon as `send` is called, if no earlier one waits; `send` resolves when there is room for it.
// N2 Credit is the holder's, however many copies of the end it has, and lives in its heap: a holder that moved asks anew. A durable holder keeps
//    none, since a turn that is run again must send the same records.
// N3 At most one value has left without credit, and waits for its room. Once that was given up no value leaves before there is room for it.
import { checkSignal } from '../actors/asks.js';
import type { Holder, RefCore } from '../actors/ref.js';
import { GodwitError } from '../errors.js';

/** Which end of a channel: `near` is where it was made. */
export type End = 'near' | 'far';

/** Details of the error that senders get once a channel is closed. */
export const closedDetails = { closed: true };

/** How long a value may wait for room, in milliseconds: the receiver is stuck, or the channel out of reach. */
const roomMs = 30_000;
/** Values of one holder that may wait here for room. */
const maxWaiting = 1024;

interface WaitingValue {
  readonly bytes: Uint8Array;
  /** Settles its `send`, with an error or without. */
  readonly settle: (error?: GodwitError) => void;
}

/** See the head of this file. */
export class ChannelOutlet {
  private left = 0;
  /** The latest grant: when half of it is used, the next is asked for. */
  private granted = 0;
  private readonly waiting: WaitingValue[] = [];
  /** N3 */
  private letGo: WaitingValue | undefined;
  private owes = false;
  private asking = false;
  /** What `send` ends with from `close` on. */
  private closing: GodwitError | undefined;
  /** Values were refused, and nobody has been told. */
  private lost: GodwitError | undefined;
  private readonly emptied: Array<() => void> = [];

  constructor(
    private readonly ref: RefCore,
    private readonly end: End,
    private readonly forget: () => void,
  ) {}

  send(value: unknown, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      checkSignal(signal);
      if (this.closing !== undefined) throw this.closing;
      this.tellLoss();
      if (this.waiting.length >= maxWaiting)
        throw new GodwitError('RESOURCE_EXHAUSTED', `${maxWaiting} values wait for room in channel ${this.ref.$address}: await send() before the next`);
      const one: WaitingValue = {
        bytes: this.ref.$holder.encode(value),
        settle: (error) => {
          signal?.removeEventListener('abort', onAbort);
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      const onAbort = () => this.giveUp(one, signal?.reason);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.waiting.push(one);
      this.flush();
    });
  }

  /** Nothing more is sent. Closes the channel when what waits has left. */
  async close(cause: GodwitError | undefined): Promise<void> {
    const { $address, $holder } = this.ref;
    const reason = cause === undefined ? '' : `: ${cause.message}`;
    this.closing = new GodwitError('FAILED_PRECONDITION', `channel ${$address} was closed${reason}`, { cause, details: closedDetails });
    try {
      if (this.waiting.length > 0) await new Promise<void>((resolve) => this.emptied.push(resolve));
      await $holder.ask(this.ref, 'close', { end: this.end, error: cause }, undefined);
      this.forget();
    } catch (thrown) {
      this.closing = undefined;
      throw thrown;
    }
  }

  /** What was granted by a channel that had the name before counts no more. */
  forgetCredit(): void {
    this.left = this.granted = 0;
  }

  private tellLoss(): void {
    const { lost } = this;
    this.lost = undefined;
    if (lost !== undefined) throw lost;
  }

  private giveUp(one: WaitingValue, reason: unknown): void {
    // One that has left leaves its place to nobody: its room is being asked for.
    if (one === this.letGo) this.letGo = undefined;
    else this.waiting.splice(this.waiting.indexOf(one), 1);
    one.settle(new GodwitError('CANCELLED', 'sending was given up by its signal', { cause: reason }));
    this.checkEmpty();
  }

  /** N1, N3 */
  private flush(): void {
    while (this.waiting.length > 0 && (this.left > 0 || !(this.asking || this.owes || this.letGo !== undefined))) {
      const one = this.waiting.shift() as WaitingValue;
      try {
        this.ref.$holder.tell(this.ref, 'send', [this.end, one.bytes]);
      } catch (thrown) {
        one.settle(GodwitError.from(thrown));
        continue;
      }
      this.left -= 1;
      if (this.left > 0) one.settle();
      else this.letGo = one;
    }
    if (this.letGo !== undefined || this.waiting.length > 0 || this.left * 2 < this.granted) this.ask();
    this.checkEmpty();
  }

  private checkEmpty(): void {
    if (this.waiting.length === 0) for (const go of this.emptied.splice(0)) go();
  }

  private ask(): void {
    if (this.asking) return;
    this.asking = true;
    const asked = this.letGo;
    this.room().then(
      (room) => this.hasRoom(room),
      (thrown: unknown) => {
        this.asking = false;
        const error = GodwitError.from(thrown);
        // What left after this was asked may have arrived before the end.
        if (isClosed(error) && this.letGo !== asked) this.ask();
        else this.hasNone(error);
      },
    );
  }

  private hasRoom(room: number): void {
    this.asking = false;
    const one = this.letGo;
    this.letGo = undefined;
    one?.settle();
    // Room for what has left, and for nothing more: the channel was closed.
    const isLast = room === 0;
    this.left = this.granted = isLast || this.ref.$holder.durable ? 0 : Math.max(0, this.left) + room;
    this.owes = isLast && !this.ref.$holder.durable;
    this.flush();
  }

  private hasNone(error: GodwitError): void {
    const { $address, $holder } = this.ref;
    this.left = this.granted = 0;
    this.owes = !$holder.durable;
    const late = error.code === 'DEADLINE_EXCEEDED' ? `no room in channel ${$address} for ${roomMs / 1000} s` : undefined;
    const { code, details } = error;
    const [one, waiting] = [this.letGo, this.waiting.splice(0)];
    this.letGo = undefined;
    // It has left, so that sending it again might bring it twice.
    one?.settle(new GodwitError(code, late === undefined ? error.message : `${late}: the value may still arrive`, { cause: error, details, retryable: false }));
    for (const other of waiting) other.settle(late === undefined ? error : new GodwitError(code, `${late}: the value was not sent`, { cause: error }));
    if (code === 'DATA_LOSS' && one === undefined && waiting.length === 0) this.lost = error;
    if (code === 'NOT_FOUND' || isClosed(error)) this.forget();
    this.checkEmpty();
  }

  private async room(): Promise<number> {
    const { $holder, $address } = this.ref;
    const request = [this.end, this.left, this.letGo !== undefined];
    let room: unknown;
    for await (const granted of $holder.stream(this.ref, 'room', request, { timeoutMs: roomMs })) room = granted;
    if (typeof room !== 'number') throw new GodwitError('UNAVAILABLE', `channel ${$address} granted no room`);
    return room;
  }
}

function isClosed({ details }: GodwitError): boolean {
  return (details as Partial<typeof closedDetails> | undefined)?.closed === true;
}

const outlets = new WeakMap<Holder, Map<string, ChannelOutlet>>();

/** N2 */
export function outletOf(ref: RefCore, end: End): ChannelOutlet {
  let byEnd = outlets.get(ref.$holder);
  if (byEnd === undefined) {
    byEnd = new Map();
    outlets.set(ref.$holder, byEnd);
  }
  const key = `${end} ${ref.$address}`;
  let outlet = byEnd.get(key);
  if (outlet === undefined) {
    outlet = new ChannelOutlet(ref, end, () => byEnd.delete(key));
    byEnd.set(key, outlet);
  }
  return outlet;
}

/** The channel at `address` may be another than the holder has sent into. */
export function forgetCredit(holder: Holder, address: string): void {
  for (const end of ['near', 'far'] satisfies End[]) outlets.get(holder)?.get(`${end} ${address}`)?.forgetCredit();
}
