import test from 'ava';
import type { Step } from '#actors/search-and-rescue';
import { FrameLedger, percentile } from './frame-ledger.js';

const stepOf = (frame: number, framesHandled: number): Step => ({
  frame,
  framesHandled,
  pose: { scene: 'a.jpg', crop: { left: 0, top: 0, width: 1, height: 1 } },
  jpegBytes: 0,
  detections: [],
  counts: new Map(),
  backend: 'none',
  inferMs: 0,
  captureMs: 0,
});

function ledgerOf(sent: number, ...answers: ReadonlyArray<readonly [frame: number, framesHandled: number, node?: string]>): FrameLedger {
  const ledger = new FrameLedger();
  for (let frame = 0; frame < sent; frame += 1) ledger.send();
  for (const [frame, framesHandled, node = 'device'] of answers) ledger.answer(stepOf(frame, framesHandled), node, 10);
  return ledger;
}

test('frame ledger: frames answered once and in order are no fault', (t) => {
  t.deepEqual(ledgerOf(3, [0, 1], [1, 2], [2, 3]).counts(), { sent: 3, answered: 3, lost: 0, duplicated: 0, outOfOrder: 0 });
});

test('frame ledger: a frame without an answer is lost', (t) => {
  t.deepEqual(ledgerOf(3, [0, 1], [2, 2]).counts(), { sent: 3, answered: 2, lost: 1, duplicated: 0, outOfOrder: 0 });
});

test('frame ledger: a second answer is a duplicate, and so is a frame that the detector counted twice', (t) => {
  t.is(ledgerOf(2, [0, 1], [1, 2], [1, 3]).counts().duplicated, 1);
  t.is(ledgerOf(2, [0, 1], [1, 3]).counts().duplicated, 1);
});

test('frame ledger: an older frame after a newer one is out of order, and so is a detector that forgot', (t) => {
  t.is(ledgerOf(3, [0, 1], [2, 2], [1, 3]).counts().outOfOrder, 1);
  t.is(ledgerOf(2, [0, 1], [1, 1]).counts().outOfOrder, 1);
});

test('frame ledger: consecutive answers of one node are one stay', (t) => {
  const ledger = ledgerOf(5, [0, 1], [1, 2, 'edge'], [2, 3, 'edge'], [3, 4], [4, 5]);

  t.deepEqual(
    ledger.stays.map(({ node, frames }) => [node, frames]),
    [
      ['device', [0]],
      ['edge', [1, 2]],
      ['device', [3, 4]],
    ],
  );
});

test('percentile: is a value that occurred, by nearest rank', (t) => {
  t.is(percentile([5, 1, 3, 2, 4], 0.5), 3);
  t.is(percentile([5, 1, 3, 2, 4], 0.95), 5);
  t.is(percentile([7], 0.5), 7);
  t.is(percentile([], 0.5), Number.NaN);
});
