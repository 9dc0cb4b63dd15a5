/** Inside half of the host function `image`: the codec and the resizer, off the node's main thread. Arguments were checked outside. */
import { type DecodedPicture, GodwitError, type Picture, type PixelSize } from '#core';
import { type Served, serve } from '../thread/service.js';
import { decodeJpeg } from './jpeg-decode.js';
import { encodeJpeg } from './jpeg-encode.js';
import { resizeBilinear } from './resize.js';

serve(async (method, args): Promise<Served> => {
  switch (method) {
    case 'decode': {
      const [jpeg, source, size] = args as [Uint8Array, PixelSize, PixelSize];
      return moved({ ...size, channels: 3, data: resizeBilinear(await decodeJpeg(jpeg, source), size), source });
    }
    case 'resize': {
      const [picture, size] = args as [Picture, PixelSize];
      return moved({ ...size, channels: 3, data: resizeBilinear(picture, size) });
    }
    case 'encode': {
      const [picture, quality] = args as [Picture, number];
      const data = encodeJpeg(picture, quality);
      return { value: data, transfer: [data.buffer as ArrayBuffer] };
    }
    default:
      throw new GodwitError('NOT_FOUND', `host function image has no method '${method}'`);
  }
});

function moved(picture: Picture | DecodedPicture): Served {
  return { value: picture, transfer: [picture.data.buffer as ArrayBuffer] };
}
