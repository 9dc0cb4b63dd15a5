import test from 'ava';
import { isOnTime, Takeovers, takeoverLimitMs } from './takeovers.js';

/** Two couriers run on edge-1. */
function onEdge(): Takeovers {
  const takeovers = new Takeovers();
  for (const courier of ['courier-1', 'courier-2']) takeovers.arrived(courier, 'edge-1', -1);
  return takeovers;
}

const never = () => 0;

test('takeovers: are measured from the moment the edge fell silent', (t) => {
  const takeovers = onEdge();
  takeovers.silent('edge-1', 1000);
  takeovers.heard('edge-1', 1500);
  takeovers.restored('courier-1', 'edge-1', 3100);

  t.like(takeovers.all[0], { courier: 'courier-1', edge: 'edge-1', tookMs: 2100 });
  t.deepEqual(takeovers.slow(never), []);
});

test('takeovers: one beyond the limit is held to it where the home and the driver were on time', (t) => {
  const takeovers = onEdge();
  takeovers.silent('edge-1', 0);
  takeovers.restored('courier-1', 'edge-1', takeoverLimitMs + 50);
  takeovers.restored('courier-2', 'edge-1', takeoverLimitMs + 10);

  const slow = takeovers.slow((fromMs, untilMs) => (fromMs === 0 && untilMs === takeoverLimitMs + 10 ? 60 : 50));

  t.deepEqual(
    slow.map((takeover) => [takeover.courier, isOnTime(takeover)]),
    [
      ['courier-1', true],
      ['courier-2', false],
    ],
  );
});

test('takeovers: a home that restarted has its lease from there', (t) => {
  const takeovers = onEdge();
  takeovers.silent('edge-1', 0);
  takeovers.homeStarted(1500);
  takeovers.restored('courier-1', 'edge-1', 3600);

  t.is(takeovers.all[0]?.tookMs, 2100);
});

test('takeovers: those of a home that was stopped meanwhile are apart', (t) => {
  const takeovers = onEdge();
  takeovers.silent('edge-1', 0);
  takeovers.homeWentOn(5000);
  takeovers.restored('courier-1', 'edge-1', 5100);
  takeovers.restored('courier-9', 'edge-2', 5300);

  t.deepEqual(takeovers.all, []);
  t.deepEqual(takeovers.afterStopsMs, [100, 300]);
  t.is(takeovers.unprovoked, 0);
});

test('takeovers: from an edge that was heard all the time is none of a fault', (t) => {
  const takeovers = new Takeovers();
  takeovers.restored('courier-1', 'edge-1', 100);
  takeovers.silent('edge-1', 200);
  takeovers.heard('edge-1', 300);
  takeovers.restored('courier-1', 'edge-1', 300 + takeoverLimitMs + 1);

  t.is(takeovers.unprovoked, 2);
  t.deepEqual(takeovers.all, []);
});

test('takeovers: a courier that was on its way had no lease yet when the edge fell silent', (t) => {
  const takeovers = onEdge();
  takeovers.silent('edge-1', 0);
  takeovers.arrived('courier-1', 'edge-1', 100);
  takeovers.restored('courier-1', 'edge-1', takeoverLimitMs + 50);
  takeovers.restored('courier-3', 'edge-1', takeoverLimitMs + 50);

  t.deepEqual(
    takeovers.all.map(({ midMove }) => midMove),
    [true, true],
  );
  t.deepEqual(takeovers.slow(never), []);
});
