/** A rectangle as left, top, right, bottom, in pixels from the top left corner. @public */
export type Box = readonly [x1: number, y1: number, x2: number, y2: number];

/** Overlap of two boxes as intersection over union, from 0 to 1. */
export function overlap(a: Box, b: Box): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / (areaOf(a) + areaOf(b) - shared);
}

/** The box cut to 0…width, 0…height. */
export function clampBox(box: Box, width: number, height: number): Box {
  const along = (x: number) => Math.min(Math.max(x, 0), width);
  const down = (y: number) => Math.min(Math.max(y, 0), height);
  return [along(box[0]), down(box[1]), along(box[2]), down(box[3])];
}

/** Area in square pixels; a box turned inside out has none. */
export function areaOf(box: Box): number {
  return Math.max(0, box[2] - box[0]) * Math.max(0, box[3] - box[1]);
}
