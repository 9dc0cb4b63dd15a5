// Without an SDK. With one, over processes: cli/tracing.test.ts.
import test from 'ava';
import { GodwitError, type SpanFacts, silentLogger, type TraceContext } from '#core';
import { loadOpenTelemetry } from './index.js';

const facts: SpanFacts = { type: 'turn', kind: 'ask', node: 'n', actor: 'n/a', definition: 'd', message: 'm', tier: 'native', epoch: 1 };

test('opentelemetry: where nobody records, the context of a record is passed on as it came', async (t) => {
  const { tracer } = await loadOpenTelemetry();
  const parent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` as TraceContext;

  const span = tracer.start(facts, parent);
  const root = tracer.start(facts, undefined);

  t.is(span.context, parent);
  t.is(root.context, undefined);
  t.is(tracer.active(), undefined);
  t.is(
    span.run(() => 'done'),
    'done',
  );
  t.notThrows(() => span.end({ error: null as never }));
  t.notThrows(() => root.end({ error: 'rubbish of a peer' as never }));
});

test('opentelemetry: a logger writes what it is given where no span is active', async (t) => {
  const lines: unknown[] = [];
  const { correlated } = await loadOpenTelemetry();

  correlated({ ...silentLogger, log: (...line) => void lines.push(line) }).log('info', 'event', { field: 1 });

  t.deepEqual(lines, [['info', 'event', { field: 1 }]]);
});

test('opentelemetry: without its package it says what to install', async (t) => {
  const load = async () => {
    throw new Error('Cannot find package');
  };

  const error = await t.throwsAsync(loadOpenTelemetry(load), { instanceOf: GodwitError });

  t.is(error.code, 'FAILED_PRECONDITION');
  t.regex(error.message, /npm install @opentelemetry\/api/);
});
