import type { Context } from '../actors/context.js';

/** Width and height in pixels, integers ≥ 1. @public */
export interface PixelSize {
  readonly width: number;
  readonly height: number;
}

/** Pixels row by row from the top left, three bytes each: red, green, blue. @public */
export interface Picture extends PixelSize {
  readonly channels: 3;
  readonly data: Uint8Array;
}

/** A decoded JPEG. @public */
export interface DecodedPicture extends Picture {
  /** Size of the JPEG itself, before resizing. */
  readonly source: PixelSize;
}

/** Pictures by the host. The same bytes come out on every host: one Wasm codec, one resizer. @public */
export interface Images {
  /** Size of a JPEG, from its header. @throws {GodwitError} INVALID_ARGUMENT not a JPEG, or over 64 megapixels · DATA_LOSS cut short */
  size(jpeg: Uint8Array): Promise<PixelSize>;
  /** Decodes a JPEG; with `size` it is stretched to it, without keeping the aspect. @throws {GodwitError} as {@link Images.size} */
  decode(jpeg: Uint8Array, size?: PixelSize): Promise<DecodedPicture>;
  /** Stretches a picture to `size`: bilinear, half-pixel centres. */
  resize(picture: Picture, size: PixelSize): Promise<Picture>;
  /** Encodes as baseline JPEG. `quality` from 1 to 100, default 85. */
  encode(picture: Picture, options?: { readonly quality?: number }): Promise<Uint8Array>;
}

/** The host function `image`, typed. Valid as long as the turn of `ctx`. @public */
export function image(ctx: Pick<Context, 'call'>): Images {
  return {
    async size(jpeg) {
      return (await ctx.call('image', 'size', jpeg)) as PixelSize;
    },
    async decode(jpeg, size) {
      return (await ctx.call('image', 'decode', jpeg, size)) as DecodedPicture;
    },
    async resize(picture, size) {
      return (await ctx.call('image', 'resize', picture, size)) as Picture;
    },
    async encode(picture, options) {
      return (await ctx.call('image', 'encode', picture, options ?? {})) as Uint8Array;
    },
  };
}
