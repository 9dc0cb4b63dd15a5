import type { PixelSize } from '#core';
import { areaOf, clampBox } from './boxes.js';
import { labelOf } from './labels.js';
import { type Scored, suppress } from './nms.js';

/** What the model `centernet` wants and gives: pictures of 512×512, and up to 100 rows of x1, y1, x2, y2, score, class in those pixels. */
export const centerNet = {
  model: 'centernet',
  output: 'tower_0/detections',
  side: 512,
  rowLength: 6,
} as const;

/** Detections below it are noise. */
const minScore = 0.3;
const maxOverlap = 0.4;

/** The detections in the rows of one inference, in pixels of a frame of `size`, highest score first. Full floats: nothing is rounded. */
export function detectionsFromRows(rows: Float32Array, size: PixelSize): Scored[] {
  const { side, rowLength } = centerNet;
  const across = size.width / side;
  const down = size.height / side;
  const found: Scored[] = [];
  for (let at = 0; at + rowLength <= rows.length; at += rowLength) {
    const [x1, y1, x2, y2, score, classNumber] = rows.subarray(at, at + rowLength) as unknown as [number, number, number, number, number, number];
    if (!(score >= minScore)) continue; // also drops NaN
    const inModel = clampBox([x1, y1, x2, y2], side, side);
    if (areaOf(inModel) === 0) continue;
    found.push({ label: labelOf(classNumber), score, box: [inModel[0] * across, inModel[1] * down, inModel[2] * across, inModel[3] * down] });
  }
  return suppress(found, maxOverlap);
}
