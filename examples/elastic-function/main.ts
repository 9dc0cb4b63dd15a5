// An image filter that is called the same wherever it runs: here, then on an edge, then here again. `npm run example:elastic-function`
import { bundler } from 'godwit/build';
import { startDevice } from 'godwit/device';
import { startEdge } from 'godwit/edge';
import { type GreyPicture, outline } from './filters.js';

const picture = drawDisc(72, 36);
const here = await timed('natively, on the device', () => outline(picture));
show(here);

const key = 'a-key-that-both-sides-know';
await using edge = await startEdge({ name: 'edge-1', port: 0, key });
await using device = await startDevice({ name: 'laptop', edges: [edge.url], key, modules: bundler() });
const [offer] = await device.offload.request(outline);
if (offer === undefined) throw new Error('no host fits');
const lease = await device.offload.accept(offer);

let rows = 0;
const there = await timed('in the script engine, on the edge', () => outline(picture, () => rows++));
console.log(`it reported ${rows} rows; the picture is ${Buffer.compare(here.pixels, there.pixels) === 0 ? 'the same, to the byte' : 'ANOTHER ONE'}`);

await lease.recall();
await timed('natively again', () => outline(picture));

/** A bright disc on a dark ground. */
function drawDisc(width: number, height: number): GreyPicture {
  const pixels = Uint8Array.from({ length: width * height }, (_, at) => {
    const [x, y] = [(at % width) / 2 - width / 4, Math.floor(at / width) - height / 2];
    return Math.hypot(x, y) < height / 3 ? 220 : 20;
  });
  return { width, height, pixels };
}

async function timed<T>(where: string, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await work();
  console.log(`${where}: ${(performance.now() - began).toFixed(1)} ms`);
  return result;
}

/** Two rows of pixels a line of text. */
function show({ width, height, pixels }: GreyPicture): void {
  for (let y = 0; y < height; y += 2)
    console.log(
      Array.from(pixels.subarray(y * width, (y + 1) * width), (value) => (value > 128 ? '#' : ' '))
        .join('')
        .trimEnd(),
    );
}
