// What comes for turns and asks that are under way already: answers, items, cancels, grants. It takes no turn of its own: it reaches the
// instance at once, or waits until it may.
import type { Cursor } from '../delivery/cursor.js';
import type { ChannelRecord, TurnRecord } from '../delivery/record.js';
import { type ErrorValue, GodwitError, valueFromError } from '../errors.js';
import type { Instance } from '../ports/runtime.js';
import { framesOf } from './asked.js';
import type { Cell } from './cell.js';
import { outgoingRefs } from './refs.js';

export class UnderWay {
  /** What came while nothing may reach the instance. */
  readonly deferred: ChannelRecord[] = [];

  constructor(private readonly cell: Cell) {}

  concern(record: ChannelRecord): void {
    const { cell } = this;
    if (cell.replay?.awaits(record) === true) {
      this.deferred.push(record);
      return;
    }
    cell.settled(record);
    if (record.kind === 'cancel' || record.kind === 'more') this.concernTurn(record);
    else this.concernAsk(record);
  }

  /** What waited reaches the instance now. */
  concernDeferred(): void {
    for (const record of this.deferred.splice(0)) {
      try {
        this.concern(record);
      } catch (thrown) {
        // A peer may send anything; what is on the link directly closes it.
        this.cell.host.log('warn', 'record.refused', { actor: this.cell.address, kind: record.kind, reason: GodwitError.from(thrown).message });
      }
    }
  }

  private concernTurn(record: ChannelRecord): void {
    const { cell } = this;
    const instance = cell.instance as Instance;
    const open = this.openFrom(senderOf(record), record.correlation);
    if (open === undefined) return;
    if (record.kind === 'more') instance.more(open.ask, payloadOf(record) as number);
    else this.abort(open);
  }

  /** Nobody waits for the answer any more. */
  abort(open: TurnRecord): void {
    const { cell } = this;
    if (open.ask === 0) open.cancelled = true;
    else {
      cell.open.delete(open.ask);
      cell.instance?.abort(open.ask);
    }
  }

  private concernAsk(record: ChannelRecord): void {
    const { outlet, instance } = this.cell as Cell & { readonly instance: Instance };
    const ask = outlet.askFor(record.correlation);
    // A late answer, or one from somebody who was not asked: its number is handled, nothing else happens.
    if (ask === undefined || ask.to !== senderOf(record)) return;
    const isAnother = ask.source !== undefined && ask.source !== record.cursor;
    if (record.kind === 'item' && !isAnother) {
      ask.source = record.cursor;
      instance.item(ask.id, record);
      return;
    }
    if (record.kind === 'item') outlet.cancel(ask.id);
    if (isAnother || record.kind === 'fail') {
      const error = isAnother ? valueFromError(begunAgain(ask.to)) : this.mapped(errorOf(record));
      outlet.close(ask, error);
      instance.settle(ask.id, { error, asked: isAnother || ask.asked === undefined ? undefined : framesOf(ask.asked) });
      return;
    }
    outlet.close(ask);
    if (record.kind === 'reply') instance.settle(ask.id, record);
    else instance.end(ask.id);
  }

  private mapped(error: ErrorValue): ErrorValue {
    return typeof error?.stack === 'string' ? { ...error, stack: this.cell.host.mapStack(error.stack) } : error;
  }

  private openFrom(from: string, correlation: number): TurnRecord | undefined {
    const { open, mailbox } = this.cell;
    for (const record of open.values()) if (record.correlation === correlation && record.sender?.$address === from) return record;
    for (const record of mailbox) if (record.correlation === correlation && record.sender?.$address === from) return record;
    return undefined;
  }
}

/** Why an ask failed: what its receiver says, or that this cannot be read; the ask ends either way (I6). */
function errorOf(record: ChannelRecord): ErrorValue {
  try {
    return payloadOf(record) as ErrorValue;
  } catch (thrown) {
    return valueFromError(GodwitError.from(thrown, 'DATA_LOSS'));
  }
}

/** What a lost owner of a volatile actor had sent is forgotten, so that the next one's items are no continuation. */
function begunAgain(address: string): GodwitError {
  return new GodwitError('ABORTED', `actor ${address} was lost with its host while this stream was open: open the stream again`);
}

/** Why a stream that was open at a move ends. */
export function movedStream(address: string): GodwitError {
  return new GodwitError('ABORTED', `actor ${address} moved while this stream was open, and its handler had not called ctx.resume: open the stream again`);
}

function senderOf(record: ChannelRecord): string {
  return (record.cursor as Cursor).from.$address;
}

function payloadOf(record: ChannelRecord): unknown {
  return record.bytes === undefined ? record.value : outgoingRefs.open(record.bytes);
}
