// Spans as the tests of tracing compare them: of this process and of others alike.
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';

/** A span as plain data. */
export interface PlainSpan {
  readonly name: string;
  readonly kind: string;
  readonly trace: string;
  readonly id: string;
  readonly parent: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly string[];
  readonly status: string;
}

export function plainSpan(span: ReadableSpan): PlainSpan {
  const { traceId, spanId } = span.spanContext();
  return {
    name: span.name,
    kind: SpanKind[span.kind],
    trace: traceId,
    id: spanId,
    parent: span.parentSpanContext?.spanId,
    attributes: span.attributes,
    events: span.events.map(({ name }) => name),
    status: SpanStatusCode[span.status.code],
  };
}

/** A trace as a tree: each span with what it caused, in alphabetical order, told by name, node and tier. */
export function treeOf(spans: readonly PlainSpan[], root: PlainSpan): unknown {
  const place = ['godwit.node', 'godwit.tier'].map((name) => root.attributes[name]).filter((value) => typeof value === 'string');
  const name = [root.name, root.kind, ...place].join(' ');
  const children = spans.filter(({ parent }) => parent === root.id).map((span) => treeOf(spans, span));
  return children.length === 0 ? name : [name, ...children.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))];
}
