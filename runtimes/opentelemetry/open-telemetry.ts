import type * as Api from '@opentelemetry/api';
import { GodwitError, type Logger, type Tracer } from '#core';
import type { NodeMetrics } from '../metrics/index.js';
import { exportMetrics } from './meter.js';
import { OtelTracer } from './tracer.js';

/** OpenTelemetry as this process has it: without an SDK registered nothing is recorded, and contexts are passed on. */
export interface OpenTelemetry {
  readonly tracer: Tracer;
  /** Lets the meter provider read the metrics of a node. @returns ends that */
  meter(metrics: NodeMetrics): () => void;
  /** The same logger; lines written while a span is active say which, as `trace_id` and `span_id`. */
  correlated(logger: Logger): Logger;
}

/**
 * Loads the optional peer `@opentelemetry/api`.
 * @throws {GodwitError} FAILED_PRECONDITION it is not installed
 */
export async function loadOpenTelemetry(load: () => Promise<typeof Api> = () => import('@opentelemetry/api')): Promise<OpenTelemetry> {
  let api: typeof Api;
  try {
    api = await load();
  } catch (cause) {
    throw new GodwitError(
      'FAILED_PRECONDITION',
      'tracing needs @opentelemetry/api: npm install @opentelemetry/api (an optional peer of godwit), or leave `openTelemetry` out',
      { cause },
    );
  }
  return {
    tracer: new OtelTracer(api),
    meter: (metrics) => exportMetrics(api, metrics),
    correlated: (logger) => ({
      log(level, event, fields) {
        const active = api.trace.getActiveSpan()?.spanContext();
        if (active === undefined || !api.isSpanContextValid(active)) logger.log(level, event, fields);
        else logger.log(level, event, { ...fields, trace_id: active.traceId, span_id: active.spanId });
      },
    }),
  };
}
