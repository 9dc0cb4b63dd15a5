import test from 'ava';
import { resizeBilinear } from './resize.js';

const grey = (width: number, height: number, values: number[]) => ({
  width,
  height,
  channels: 3 as const,
  data: Uint8Array.from(values.flatMap((value) => [value, value, value])),
});
const firstChannel = (data: Uint8Array) => [...data].filter((_, index) => index % 3 === 0);

test('resizer: the same size gives the same bytes', (t) => {
  const source = grey(3, 2, [1, 20, 255, 0, 7, 9]);

  t.deepEqual(resizeBilinear(source, { width: 3, height: 2 }), source.data);
});

test('resizer: samples at half-pixel centres and clamps at the border', (t) => {
  t.deepEqual(firstChannel(resizeBilinear(grey(2, 1, [0, 100]), { width: 4, height: 1 })), [0, 25, 75, 100]);
  t.deepEqual(firstChannel(resizeBilinear(grey(4, 1, [0, 10, 20, 30]), { width: 2, height: 1 })), [5, 25]);
  t.deepEqual(firstChannel(resizeBilinear(grey(1, 2, [0, 100]), { width: 1, height: 4 })), [0, 25, 75, 100]);
});

test('resizer: rounds half up', (t) => {
  t.deepEqual(firstChannel(resizeBilinear(grey(2, 2, [0, 1, 1, 0]), { width: 1, height: 1 })), [1]);
});

test('resizer: keeps channels apart and drops alpha', (t) => {
  const source = { width: 1, height: 1, channels: 4 as const, data: Uint8Array.of(1, 2, 3, 4) };

  t.deepEqual(resizeBilinear(source, { width: 2, height: 1 }), Uint8Array.of(1, 2, 3, 1, 2, 3));
});
