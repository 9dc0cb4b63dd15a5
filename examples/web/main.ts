// A page whose actor draws a fractal, in the page or in a web worker. In the page it holds every frame up; in the worker it does not, and nothing else here
// changes: the same ref, the same call, and a picture that is half drawn is drawn on from where it was.
import { spawn } from 'godwit';
import { type Lease, startDevice } from 'godwit/web';
import { Explorer } from './explorer.js';

const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
const device = startDevice({ name: 'page', workers: { worker } });
const explorer = spawn(device, Explorer, 'explorer');

const canvas = element('picture', HTMLCanvasElement);
const context = canvas.getContext('2d') as CanvasRenderingContext2D;
const button = element('move', HTMLButtonElement);
let lease: Lease | undefined;
let drawing = new AbortController();

button.onclick = () => void move().catch(show);
canvas.onclick = ({ offsetX, offsetY }) => void look(offsetX / canvas.width, (offsetY - canvas.height / 2) / canvas.width).catch(show);
draw().catch(show);
watchFrames();

async function move(): Promise<void> {
  button.disabled = true;
  try {
    if (lease === undefined) {
      const [offer] = await device.offload.request(explorer);
      lease = offer && (await device.offload.accept(offer));
    } else {
      await lease.recall();
      lease = undefined;
    }
  } finally {
    button.disabled = false;
    button.textContent = lease === undefined ? 'move it to the worker' : 'bring it back to the page';
  }
}

async function look(right: number, down: number): Promise<void> {
  await explorer.zoom({ right, down });
  await draw();
}

/** Draws the picture band by band; one that is begun later ends it. */
async function draw(): Promise<void> {
  drawing.abort();
  drawing = new AbortController();
  const { signal } = drawing;
  const { width, height } = canvas;
  try {
    for await (const { top, pixels, drawnBy } of explorer.draw({ width, height, from: 0 }, { signal })) {
      paint(top, pixels);
      element('place', HTMLElement).textContent = drawnBy;
      element('rows', HTMLElement).textContent = String(top + pixels.length / width);
      // A page shows nothing before it is let.
      if (drawnBy === 'page') await new Promise((resolve) => setTimeout(resolve));
    }
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
}

function paint(top: number, pixels: Uint8Array): void {
  const rgba = new Uint8ClampedArray(pixels.length * 4);
  for (const [at, steps] of pixels.entries())
    rgba.set(steps === 0 ? [12, 12, 24, 255] : [(steps * 7) % 256, (steps * 5) % 256, 96 + ((steps * 3) % 160), 255], at * 4);
  context.putImageData(new ImageData(rgba, canvas.width), 0, top);
}

/** Shows the longest time that the page took from one frame to the next, over the last second. */
function watchFrames(): void {
  let [longest, last, since] = [0, performance.now(), performance.now()];
  requestAnimationFrame(function frame(now) {
    longest = Math.max(longest, now - last);
    last = now;
    if (now - since > 1000) {
      element('frame', HTMLElement).textContent = `${longest.toFixed(0)} ms`;
      [longest, since] = [0, now];
    }
    requestAnimationFrame(frame);
  });
}

function show(thrown: unknown): void {
  element('error', HTMLElement).textContent = String(thrown);
}

function element<E extends HTMLElement>(id: string, kind: abstract new () => E): E {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${kind.name} #${id}`);
  return found;
}
