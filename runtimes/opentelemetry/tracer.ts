// The Tracer of core on @opentelemetry/api. Attributes follow the semantic conventions for RPC (asks) and messaging (tells) where they
// have a name for it, and begin with `godwit.` where they have none.
import type * as Api from '@opentelemetry/api';
import { errorFromValue, type Span, type SpanEnd, type SpanFacts, type TraceContext, type Tracer } from '#core';

/** Spans through whatever provider and context manager the process has registered, at the time of each. */
export class OtelTracer implements Tracer {
  private readonly tracer: Api.Tracer;

  constructor(private readonly api: typeof Api) {
    this.tracer = api.trace.getTracer('godwit');
  }

  active(): TraceContext | undefined {
    const span = this.api.trace.getActiveSpan();
    return span === undefined ? undefined : contextOf(this.api, span);
  }

  within<T>(context: TraceContext | undefined, work: () => T): T {
    return this.api.context.with(this.parentFrom(context, true), work);
  }

  start(facts: SpanFacts, parent: TraceContext | undefined): Span {
    const { name, kind, attributes } = describe(this.api, facts);
    return new OtelSpan(this.api, facts.type, this.tracer.startSpan(name, { kind, attributes }, this.parentFrom(parent, facts.type === 'turn')));
  }

  /** Nothing else of the context that happens to be active goes along. @param isRemote true for what came with a record or message */
  private parentFrom(context: TraceContext | undefined, isRemote: boolean): Api.Context {
    const { ROOT_CONTEXT, trace } = this.api;
    if (context === undefined) return ROOT_CONTEXT;
    const [, traceId, spanId, flags] = context.split('-') as [string, string, string, string];
    return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote });
  }
}

class OtelSpan implements Span {
  readonly context: TraceContext | undefined;

  constructor(
    private readonly api: typeof Api,
    private readonly type: SpanFacts['type'],
    private readonly span: Api.Span,
  ) {
    this.context = contextOf(api, span);
  }

  run<T>(work: () => T): T {
    const { context, ROOT_CONTEXT, trace } = this.api;
    return context.with(trace.setSpan(ROOT_CONTEXT, this.span), work);
  }

  event(name: string): void {
    this.span.addEvent(`godwit.${this.type}.${name}`);
  }

  end({ error, fields = {} }: SpanEnd): void {
    const { span } = this;
    for (const [field, value] of Object.entries(fields)) span.setAttribute(`godwit.${this.type}.${snakeCase(field)}`, value);
    span.setAttribute('godwit.outcome', error === undefined ? 'ok' : 'error');
    if (error !== undefined) {
      // What a peer sent as an error may be anything.
      const { code, message, stack } = errorFromValue(error);
      span.setAttribute('error.type', code);
      span.recordException({ name: 'GodwitError', code, message, ...(stack === undefined ? {} : { stack }) });
      span.setStatus({ code: this.api.SpanStatusCode.ERROR, message });
    }
    span.end();
  }
}

function contextOf(api: typeof Api, span: Api.Span): TraceContext | undefined {
  const context = span.spanContext();
  if (!api.isSpanContextValid(context)) return undefined;
  const flags = (context.traceFlags & 0xff).toString(16).padStart(2, '0');
  return `00-${context.traceId}-${context.spanId}-${flags}` as TraceContext;
}

type Described = { readonly name: string; readonly kind: Api.SpanKind; readonly attributes: Api.Attributes };

function describe({ SpanKind }: typeof Api, facts: SpanFacts): Described {
  const { node, actor, definition } = facts;
  const own = { 'godwit.node': node, 'godwit.actor': actor, 'godwit.definition': definition };
  if (facts.type === 'move') {
    const { to, trigger, epoch } = facts;
    const attributes = { ...own, 'godwit.move.to': to, 'godwit.move.trigger': trigger, 'godwit.epoch': epoch };
    return { name: `move ${definition}`, kind: SpanKind.INTERNAL, attributes };
  }
  const { message } = facts;
  const subject = `${definition}.${message}`;
  const call = { 'rpc.system.name': 'godwit', 'rpc.method': `${definition}/${message}` };
  if (facts.type === 'ask') {
    const attributes = { ...own, ...call, 'godwit.message': message, 'godwit.message.kind': facts.kind, 'godwit.ask.to': facts.to };
    return { name: `ask ${subject}`, kind: SpanKind.CLIENT, attributes };
  }
  const { kind, tier, epoch } = facts;
  const turn = { ...own, 'godwit.message': message, 'godwit.message.kind': kind, 'godwit.tier': tier, 'godwit.epoch': epoch };
  if (kind !== 'tell') return { name: `turn ${subject}`, kind: SpanKind.SERVER, attributes: { ...turn, ...call } };
  const told = {
    'messaging.system.name': 'godwit',
    'messaging.operation.type': 'process',
    'messaging.operation.name': 'turn',
    'messaging.destination.name': actor,
  };
  return { name: `turn ${subject}`, kind: SpanKind.CONSUMER, attributes: { ...turn, ...told } };
}

/** 'stallMs' → 'stall_ms' */
function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
