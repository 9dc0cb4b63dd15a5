// What a tracer is told of one actor, or of an application: its turns, what it asks, and whose work its records are.
//
//     record.trace ─► span of its turn ─► (what the turn tells) record.trace
//                                     └─► span of an ask ─► record.trace ─► span of its turn, on whatever node …
//
// Only what becomes a turn carries a context: an answer belongs to the ask, and a timer's message begins a trace, or an actor that ticks
// would be one trace for ever.
import type { ChannelRecord, TurnRecord } from '../delivery/record.js';
import { GodwitError, valueFromError } from '../errors.js';
import type { Instance, Target, TurnEnd } from '../ports/runtime.js';
import type { Span, TraceContext, Tracer } from '../ports/tracer.js';
import type { Cell } from './cell.js';

/** Runs `work` as part of the running turn of a cell, if somebody traces it. */
export function within<T>(trace: CellTrace | undefined, work: () => T): T {
  return trace === undefined ? work() : trace.within(work);
}

/** What the tracer of a node is told of one cell. */
export class CellTrace {
  /** Of the oldest record in flight: the others wait for its end in the instance. */
  private turn: Span | undefined;

  constructor(
    private readonly cell: Cell,
    private readonly tracer: Tracer,
  ) {}

  /** Hands a record that is in flight to the instance. What the instance throws goes on to the caller. */
  hand(record: TurnRecord, instance: Instance): void {
    const isOldest = this.cell.inflight.length === 1;
    if (isOldest) this.begin(record);
    try {
      this.within(() => instance.turn(record));
    } catch (thrown) {
      if (isOldest) this.turnLost(GodwitError.from(thrown));
      throw thrown;
    }
  }

  /** Runs `work` as part of the turn, if there is one. */
  within<T>(work: () => T): T {
    return this.turn === undefined ? work() : this.turn.run(work);
  }

  /** The oldest record in flight was handled, and is in flight no more. */
  turnEnded({ threw }: TurnEnd): void {
    this.turn?.end(threw === undefined ? {} : { error: threw });
    this.turn = undefined;
    const next = this.cell.inflight.peek();
    if (next !== undefined) this.begin(next);
  }

  /** The running turn never ends. */
  turnLost(error: GodwitError): void {
    this.turn?.end({ error: valueFromError(error) });
    this.turn = undefined;
  }

  /** Marks a record that is about to leave. @returns the span of the ask that it opens */
  sends(record: ChannelRecord, to: Target): Span | undefined {
    const { kind, message } = record;
    record.trace = this.context();
    if (kind !== 'ask' && kind !== 'stream') return undefined;
    const { host, address } = this.cell;
    const { definition } = to.$protocol;
    const span = this.tracer.start({ type: 'ask', kind, node: host.name, actor: address, to: to.$address, definition, message }, record.trace);
    record.trace = span.context;
    return span;
  }

  /** The cell ends: what is under way in it never does. */
  ended(): void {
    const error = new GodwitError('CANCELLED', `actor ${this.cell.address} ended here: it was stopped, moved, or its node closed`);
    this.turnLost(error);
    for (const pending of this.cell.outlet.asks.values()) {
      pending.span?.end({ error: valueFromError(error) });
      pending.span = undefined;
    }
  }

  /** A guest's code runs elsewhere: what is active here when its records come is somebody else's. */
  private context(): TraceContext | undefined {
    const active = this.cell.tier === 'native' ? this.tracer.active() : undefined;
    return active ?? this.turn?.context;
  }

  private begin(record: TurnRecord): void {
    const { host, address, target, tier, epoch } = this.cell;
    const { definition } = target.$protocol;
    const { kind, message } = record;
    this.turn = this.tracer.start({ type: 'turn', kind, node: host.name, actor: address, definition, message, tier, epoch }, record.trace);
  }
}
