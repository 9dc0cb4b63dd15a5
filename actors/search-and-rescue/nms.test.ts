import test from 'ava';
import { areaOf, type Box, clampBox, overlap } from './boxes.js';
import { suppress } from './nms.js';

const seen = (label: string, score: number, ...box: [number, number, number, number]) => ({ label, score, box: box as Box });

test('boxes: overlap is intersection over union', (t) => {
  t.is(overlap([0, 0, 2, 2], [0, 0, 2, 2]), 1);
  t.is(overlap([0, 0, 2, 2], [1, 0, 3, 2]), 2 / 6);
  t.is(overlap([0, 0, 2, 2], [2, 0, 4, 2]), 0);
  t.is(overlap([0, 0, 0, 0], [0, 0, 0, 0]), 0);
});

test('boxes: clamping cuts to the picture, and a box outside it has no area', (t) => {
  t.deepEqual(clampBox([-5, 3, 700, 600], 640, 480), [0, 3, 640, 480]);
  t.is(areaOf(clampBox([700, 3, 800, 60], 640, 480)), 0);
});

test('suppression: of overlapping boxes with one label the best stays, highest score first', (t) => {
  const kept = suppress([seen('person', 0.4, 0, 0, 10, 10), seen('person', 0.9, 1, 0, 11, 10), seen('person', 0.5, 50, 0, 60, 10)], 0.4);

  t.deepEqual(
    kept.map(({ score }) => score),
    [0.9, 0.5],
  );
});

test('suppression: another label, or an overlap at the bound, is another thing', (t) => {
  t.is(suppress([seen('person', 0.9, 0, 0, 10, 10), seen('tie', 0.8, 0, 0, 10, 10)], 0.4).length, 2);
  t.is(suppress([seen('cat', 0.9, 0, 0, 2, 2), seen('cat', 0.8, 1, 0, 3, 2)], 2 / 6).length, 2);
});

test('suppression: a box that only a suppressed one overlaps stays', (t) => {
  const kept = suppress([seen('cat', 0.9, 0, 0, 10, 1), seen('cat', 0.8, 4, 0, 14, 1), seen('cat', 0.7, 8, 0, 18, 1)], 0.4);

  t.deepEqual(
    kept.map(({ score }) => score),
    [0.9, 0.7],
  );
});
