import type { ErrorValue } from '../errors.js';
import type { Tier } from './module-source.js';

/**
 * Whose work something is: a W3C `traceparent` of version 00, in lower case.
 * @see https://www.w3.org/TR/trace-context/#traceparent-header
 */
export type TraceContext = string & { readonly __brand: 'trace-context' };

/** What a span is about. */
export type SpanFacts =
  | {
      readonly type: 'turn';
      readonly kind: 'tell' | 'ask' | 'stream';
      readonly node: string;
      readonly actor: string;
      readonly definition: string;
      readonly message: string;
      readonly tier: Tier;
      readonly epoch: number;
    }
  | {
      readonly type: 'ask';
      readonly kind: 'ask' | 'stream';
      readonly node: string;
      /** Who asks: an actor, or an application by its node's name. */
      readonly actor: string;
      readonly to: string;
      readonly definition: string;
      readonly message: string;
    }
  | {
      readonly type: 'move';
      readonly node: string;
      readonly actor: string;
      readonly definition: string;
      readonly to: string;
      readonly trigger: string;
      readonly epoch: number;
    };

/** How the work of a span went. */
export interface SpanEnd {
  readonly error?: ErrorValue;
  readonly fields?: Readonly<Record<string, string | number | boolean>>;
}

/** A piece of work under way. */
export interface Span {
  /** What is sent in it carries this; undefined if nobody traces. */
  readonly context: TraceContext | undefined;
  /** Runs `work` with this span as the active one, also for what it goes on with after an await. */
  run<T>(work: () => T): T;
  /** Something that happened in it, now. */
  event(name: string): void;
  /** Once. */
  end(end: SpanEnd): void;
}

/** Follows work from record to turn to record, over any number of nodes. None of its methods throws. */
export interface Tracer {
  /** The context that is active where this is called; undefined if there is none. */
  active(): TraceContext | undefined;
  /** Runs `work` as part of what goes on elsewhere; undefined: of nothing. */
  within<T>(context: TraceContext | undefined, work: () => T): T;
  /** @param parent undefined begins a trace */
  start(facts: SpanFacts, parent: TraceContext | undefined): Span;
}
