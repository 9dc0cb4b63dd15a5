// Explores the Mandelbrot set. It is the same actor in the page and in the worker: it remembers where it looks, and draws band by band.
import { actor } from 'godwit';

export interface View {
  /** Centre and width in the complex plane. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

export interface Picture {
  /** In pixels. */
  readonly width: number;
  readonly height: number;
  /** First row that is still to be drawn. */
  readonly from: number;
}

export interface Band {
  readonly top: number;
  /** A byte a pixel: how soon the point escapes; 0 never. */
  readonly pixels: Uint8Array;
  readonly drawnBy: string;
}

const bandRows = 8;
const mostSteps = 400;

export const Explorer = actor('explorer', {
  version: 1,
  state: () => ({ view: { x: -0.6, y: 0, width: 3.2 } as View, bands: 0 }),
  on: {
    /** Looks closer at a point, given in parts of the picture: 0 to 1 from the left, −0.5 to 0.5 from the middle row, in picture widths. */
    zoom(state, { right, down }: { readonly right: number; readonly down: number }): View {
      const { x, y, width } = state.view;
      state.view = { x: x + (right - 0.5) * width, y: y + down * width, width: width / 2.5 };
      return state.view;
    },
    bands: (state): number => state.bands,
    async *draw(state, picture: Picture, ctx): AsyncGenerator<Band> {
      for (let top = picture.from; top < picture.height; top += bandRows) {
        // Should the actor move before the next band, it draws on from there.
        ctx.resume({ ...picture, from: top + bandRows });
        state.bands += 1;
        yield { top, pixels: bandOf(state.view, picture, top), drawnBy: 'document' in globalThis ? 'page' : 'worker' };
      }
    },
  },
});

function bandOf(view: View, { width, height }: Picture, top: number): Uint8Array {
  const rows = Math.min(bandRows, height - top);
  const scale = view.width / width;
  return Uint8Array.from({ length: width * rows }, (_, at) =>
    escapeOf(view.x + ((at % width) - width / 2) * scale, view.y + (top + Math.floor(at / width) - height / 2) * scale),
  );
}

function escapeOf(x: number, y: number): number {
  let [real, imaginary] = [0, 0];
  for (let step = 0; step < mostSteps; step++) {
    if (real * real + imaginary * imaginary > 4) return 1 + (step % 255);
    [real, imaginary] = [real * real - imaginary * imaginary + x, 2 * real * imaginary + y];
  }
  return 0;
}
