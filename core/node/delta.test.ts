import test from 'ava';
import fc from 'fast-check';
import { GodwitError } from '../errors.js';
import type { Hash } from '../ports/digest.js';
import { type CellCapture, encodeCapture } from './capture.js';
import { applyDelta, deltaOf } from './delta.js';

const captureWith = (state: Uint8Array, turns: number): CellCapture => ({
  protocol: { definition: 'd', version: 1, messages: {} },
  life: 'l',
  incarnation: 1,
  turns,
  checkpointTurns: 0,
  durable: true,
  rolledBack: false,
  nextOpen: 1,
  instance: { state, version: 1, nextAsk: 1, streams: [] },
  cursors: [],
  outboxes: [],
  mailbox: [],
  deferred: [],
  open: [],
  timers: [],
});
const hash = 'h' as Hash;

test('delta: gives the very bytes of the later capture, whatever changed', (t) => {
  const edit = fc.record({ at: fc.nat(20_000), drop: fc.nat(300), bytes: fc.uint8Array({ maxLength: 300 }) });
  let deltas = 0;
  fc.assert(
    fc.property(fc.integer({ min: 4096, max: 20_000 }), fc.array(edit, { maxLength: 5 }), (length, edits) => {
      const before = Uint8Array.from({ length }, (_, index) => (index * 7) % 251);
      let after = before;
      for (const { at, drop, bytes } of edits) after = Uint8Array.from([...after.subarray(0, at), ...bytes, ...after.subarray(at + drop)]);
      const later = captureWith(after, 8);
      const delta = deltaOf({ hash, state: before }, later);
      if (delta === undefined) return;
      deltas++;
      t.true(Buffer.from(applyDelta(encodeCapture(captureWith(before, 7)), delta)).equals(encodeCapture(later)));
    }),
    { numRuns: 200 },
  );
  t.true(deltas > 50);
});

test('delta: bytes far apart cost their blocks, not what lies between', (t) => {
  const before = new Uint8Array(100_000);
  const after = before.slice();
  after[10] = after[99_990] = 1;
  const delta = deltaOf({ hash, state: before }, captureWith(after, 8));
  t.true((delta?.splices.reduce((sum, { bytes }) => sum + bytes.length, 0) ?? Number.POSITIVE_INFINITY) <= 512);
});

test('delta: small states, and those that changed much, travel whole', (t) => {
  t.is(deltaOf({ hash, state: new Uint8Array(100) }, captureWith(new Uint8Array(100), 8)), undefined);
  t.is(deltaOf({ hash, state: new Uint8Array(10_000) }, captureWith(new Uint8Array(10_000).fill(1), 8)), undefined);
});

test('delta: one that does not fit is DATA_LOSS', (t) => {
  const capture = encodeCapture(captureWith(new Uint8Array(5000), 7));
  const head = capture;
  for (const splice of [
    { at: 4999, drop: 2, bytes: new Uint8Array(1) },
    { at: -1, drop: 0, bytes: new Uint8Array(1) },
    { at: 0, drop: -1, bytes: new Uint8Array(1) },
    { at: Number.NaN, drop: 0, bytes: new Uint8Array(1) },
  ])
    t.is(GodwitError.from(t.throws(() => applyDelta(capture, { on: hash, head, splices: [splice] }))).code, 'DATA_LOSS');
});
