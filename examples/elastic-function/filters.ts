import { elastic } from 'godwit';

/** A grey picture, a byte a pixel, row by row. */
export interface GreyPicture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** Draws the edges of a picture: the Sobel operator. Its border is black. */
export const outline = elastic(
  async function outline({ width, height, pixels }: GreyPicture, onRow?: (row: number) => void): Promise<GreyPicture> {
    const edges = new Uint8Array(pixels.length);
    const at = (x: number, y: number) => pixels[y * width + x] ?? 0;
    for (let y = 1; y < height - 1; y++) {
      for (let x = 1; x < width - 1; x++) {
        const across = at(x + 1, y - 1) + 2 * at(x + 1, y) + at(x + 1, y + 1) - at(x - 1, y - 1) - 2 * at(x - 1, y) - at(x - 1, y + 1);
        const down = at(x - 1, y + 1) + 2 * at(x, y + 1) + at(x + 1, y + 1) - at(x - 1, y - 1) - 2 * at(x, y - 1) - at(x + 1, y - 1);
        edges[y * width + x] = Math.min(255, Math.hypot(across, down));
      }
      onRow?.(y);
    }
    return { width, height, pixels: edges };
  },
  { name: 'outline', source: import.meta.url },
);
