// What an edge and a device count, as Prometheus reads it at the edge's port and as OpenTelemetry's SDK does; real transports and tiers.
import { metrics } from '@opentelemetry/api';
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import test from 'ava';
import { actor, dispatch, GodwitError, spawn } from '#core';
import { startDevice } from '#device-node';
import { startEdge } from '#edge-node';
import { formatMetrics, NodeMetrics } from '#runtimes/metrics';
import { bundler } from '#toolchain';
import { parseExposition, sampleOf } from './exposition.test-support.js';
import { Sightings } from './sightings.test-support.js';

const key = 'a-key-for-the-tests-of-metrics';
const authorization = `Bearer ${key}`;
const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));

test.serial('metrics: an edge answers GET /metrics in Prometheus’ text format, to who has the key', async (t) => {
  const edge = await startEdge({ name: 'edge-1', port: 0, key });
  t.teardown(() => edge.close());
  const ask = (headers: Record<string, string>, method = 'GET') => fetch(`${edge.url}/metrics`, { method, headers });

  const answer = await ask({ authorization });
  const refused = [await ask({}), await ask({ authorization: 'Bearer guessed' }), await ask({ authorization }, 'POST')];

  t.is(answer.status, 200);
  t.is(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  const families = parseExposition(await answer.text());
  t.deepEqual(
    [...families.values()].map(({ name, type }) => `${name} ${type}`),
    [
      'godwit_actors gauge',
      'godwit_turns_total counter',
      'godwit_turns_failed_total counter',
      'godwit_asks_in_flight gauge',
      'godwit_mailbox_records gauge',
      'godwit_dead_letters_total counter',
      'godwit_moves_total counter',
      'godwit_arrivals_total counter',
      'godwit_move_stall_seconds histogram',
      'godwit_link_up gauge',
      'godwit_link_rtt_seconds gauge',
      'godwit_link_sent_bytes_total counter',
      'godwit_link_received_bytes_total counter',
    ],
  );
  t.deepEqual(
    refused.map(({ status }) => status),
    [401, 401, 501],
  );
});

test.serial('metrics: turns, moves, stalls and bytes are counted where they happen, the same for Prometheus and OpenTelemetry', async (t) => {
  const place = (name: string) => ({ name: 'place', call: async () => name });
  const edge = await startEdge({ name: 'edge-1', port: 0, key, hostFunctions: [place('edge-1')] });
  const device = await startDevice({ name: 'robot-1', edges: [edge.url], key, modules: bundler(), hostFunctions: [place('robot-1')], openTelemetry: true });
  t.teardown(async () => {
    await device.close();
    await edge.close();
  });
  const counted = new NodeMetrics(device.node);
  const sightings = spawn(device, Sightings, 'sightings');

  await sightings.see('dog');
  const [offer] = await device.offload.request(sightings);
  if (offer === undefined) throw new GodwitError('INTERNAL', 'no offer');
  const lease = await device.offload.accept(offer);
  await sightings.see('cat');
  await sightings.see('cat');
  await lease.recall();
  const there = parseExposition(await (await fetch(`${edge.url}/metrics`, { headers: { authorization } })).text());
  const here = parseExposition(formatMetrics(counted.collect()));
  await reader.forceFlush();

  t.is(sampleOf(there, 'godwit_turns_total'), 2);
  t.is(sampleOf(there, 'godwit_arrivals_total'), 1);
  t.is(sampleOf(there, 'godwit_moves_total', { outcome: 'moved' }), 1);
  t.is(there.get('godwit_move_stall_seconds')?.samples.at(-1)?.value, 1);
  t.is(sampleOf(here, 'godwit_turns_total', { node: 'robot-1' }), 1);
  t.is(sampleOf(here, 'godwit_moves_total', { outcome: 'moved' }), 1, 'the recall is counted at the edge');
  t.is(sampleOf(here, 'godwit_link_up', { peer: 'edge-1' }), 1);
  const [sent = 0, received = 0] = [sampleOf(here, 'godwit_link_sent_bytes_total'), sampleOf(there, 'godwit_link_received_bytes_total')];
  t.true(received > 1000 && received <= sent, 'read a little later, the device may have sent more');
  const otel = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
  const told = (name: string) => otel.find(({ descriptor }) => descriptor.name === name);
  t.deepEqual(
    told('godwit.turns')?.dataPoints.map(({ value, attributes }) => [value, attributes]),
    [[1, { 'godwit.node': 'robot-1' }]],
  );
  t.like(told('godwit.move.stall')?.descriptor, { unit: 's' });
  t.is((told('godwit.move.stall')?.dataPoints[0]?.value as { readonly count: number } | undefined)?.count, 1);
});

test.serial('metrics: failed turns are counted by code, dead letters once each; labels are escaped', async (t) => {
  const Failing = actor('failing', {
    state: () => ({}),
    on: {
      no(): void {
        throw new GodwitError('NOT_FOUND', 'there is nothing');
      },
    },
  });
  const device = await startDevice({ name: 'robot-1' });
  t.teardown(() => device.close());
  const counted = new NodeMetrics(device.node);
  const failing = spawn(device, Failing, 'failing');

  const dead = new Promise<void>((resolve) => device.node.observe(({ type }) => type === 'dead-letter' && resolve()));

  await t.throwsAsync(failing.no());
  await t.throwsAsync(failing.no());
  device.node.stop(failing.$address);
  dispatch(failing, 'no');
  await dead;
  const families = parseExposition(formatMetrics(counted.collect()));
  const odd = parseExposition(
    formatMetrics([{ name: 'odd', unit: '', description: 'a \\ and\na line', kind: 'gauge', points: [{ labels: { of: '"\\\n' }, value: -1.5e-9 }] }]),
  );

  t.is(sampleOf(families, 'godwit_turns_failed_total', { code: 'NOT_FOUND' }), 2);
  t.is(sampleOf(families, 'godwit_turns_total'), 2);
  t.is(sampleOf(families, 'godwit_dead_letters_total'), 1);
  t.deepEqual(odd.get('odd')?.samples, [{ name: 'odd', labels: { of: '\\"\\\\\\n' }, value: -1.5e-9 }]);
});
