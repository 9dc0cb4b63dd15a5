import test from 'ava';
import { Takeovers, takeoverLimitMs } from './takeovers.js';

/** Two couriers run on edge-1. */
function onEdge(): Takeovers {
  const takeovers = new Takeovers();
  for (const courier of ['courier-1', 'courier-2']) takeovers.arrived(courier, 'edge-1', -1);
  return takeovers;
}

test('takeovers: are measured from the moment the edge fell silent', (t) => {
  const takeovers = onEdge();
  takeovers.silent('edge-1', 1000);
  takeovers.heard('edge-1', 1500);
  takeovers.restored('courier-1', 'edge-1', 3100, 0);

  t.like(takeovers.all[0], { courier: 'courier-1', edge: 'edge-1', tookMs: 2100 });
  t.deepEqual(takeovers.tooSlow(), []);
});

test('takeovers: one beyond the limit is too slow, but for what the device itself was late', (t) => {
  const takeovers = onEdge();
  takeovers.silent('edge-1', 0);
  takeovers.restored('courier-1', 'edge-1', takeoverLimitMs + 50, 0);
  takeovers.restored('courier-2', 'edge-1', takeoverLimitMs + 50, 60);

  t.deepEqual(
    takeovers.tooSlow().map(({ courier }) => courier),
    ['courier-1'],
  );
});

test('takeovers: a home that restarted has its lease from there', (t) => {
  const takeovers = onEdge();
  takeovers.silent('edge-1', 0);
  takeovers.homeStarted(1500);
  takeovers.restored('courier-1', 'edge-1', 3600, 0);

  t.is(takeovers.all[0]?.tookMs, 2100);
});

test('takeovers: from an edge that was heard all the time is none of a fault', (t) => {
  const takeovers = new Takeovers();
  takeovers.restored('courier-1', 'edge-1', 100, 0);
  takeovers.silent('edge-1', 200);
  takeovers.heard('edge-1', 300);
  takeovers.restored('courier-1', 'edge-1', 300 + takeoverLimitMs + 1, 0);

  t.is(takeovers.unprovoked, 2);
  t.deepEqual(takeovers.all, []);
});

test('takeovers: a courier that was on its way had no lease yet when the edge fell silent', (t) => {
  const takeovers = onEdge();
  takeovers.silent('edge-1', 0);
  takeovers.arrived('courier-1', 'edge-1', 100);
  takeovers.restored('courier-1', 'edge-1', takeoverLimitMs + 50, 0);
  takeovers.restored('courier-3', 'edge-1', takeoverLimitMs + 50, 0);

  t.deepEqual(
    takeovers.all.map(({ midMove }) => midMove),
    [true, true],
  );
  t.deepEqual(takeovers.tooSlow(), []);
});
