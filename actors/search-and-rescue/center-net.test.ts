import test from 'ava';
import { detectionsFromRows } from './center-net.js';
import { labels } from './labels.js';

const frame = { width: 1024, height: 256 };

test('detections: rows become boxes in pixels of the frame, not rounded', (t) => {
  const [detection] = detectionsFromRows(Float32Array.of(10.25, 20, 100, 200, 0.5, 0), frame);

  t.deepEqual(detection, { label: 'person', score: 0.5, box: [20.5, 10, 200, 100] });
});

test('detections: boxes are clamped to the frame, and what lies outside or is inside out is dropped', (t) => {
  const rows = Float32Array.of(-10, -20, 600, 600, 0.5, 0, 520, 0, 530, 10, 0.5, 1, 50, 50, 10, 10, 0.5, 2);

  t.deepEqual(detectionsFromRows(rows, frame), [{ label: 'person', score: 0.5, box: [0, 0, 1024, 256] }]);
});

test('detections: the threshold is 0.3, and a score that is no number is none', (t) => {
  const rows = Float32Array.of(0, 0, 9, 9, 0.29, 0, 20, 20, 29, 29, 0.31, 0, 40, 40, 49, 49, Number.NaN, 0);

  t.is(detectionsFromRows(rows, frame).length, 1);
});

test('detections: there are the 80 labels of COCO, and a class beyond them is called by its number', (t) => {
  t.is(new Set(labels).size, 80);
  t.deepEqual([labels[0], labels[79]], ['person', 'toothbrush']);
  t.is(detectionsFromRows(Float32Array.of(0, 0, 9, 9, 0.9, 80), frame)[0]?.label, 'class 80');
});

test('detections: rows cut short are ignored', (t) => {
  t.deepEqual(detectionsFromRows(Float32Array.of(0, 0, 9, 9, 0.9), frame), []);
});
