import type { Detection, Step } from '#actors/search-and-rescue';
import type { FrameLedger } from './frame-ledger.js';
import type { BoxCheck } from './report.js';
import type { Robot } from './robot.js';

/** Frames detected twice: enough for every photo, few enough to end soon. */
const maxCompared = 12;

/** Detects frames that were answered at `edge` once more at the device, from the same pixels, and compares: numbers must be equal, not near. */
export async function compareBoxes(robot: Robot, ledger: FrameLedger, edge: string): Promise<BoxCheck> {
  const frames = ledger.stays.filter(({ node }) => node === edge).flatMap((stay) => stay.frames);
  const check = { compared: 0, equal: 0, detections: 0, backends: { device: 'none', edge: 'none' } };
  for (const frame of spread(frames, maxCompared)) {
    const there = ledger.stepOf(frame) as Step;
    const { jpeg } = await robot.frame(frame);
    const here = await robot.witness.detect({ index: frame, jpeg }, { timeoutMs: 20_000 });
    check.compared += 1;
    if (isEqual(here.detections, there.detections)) check.equal += 1;
    check.detections += here.detections.length;
    check.backends = { device: here.backend, edge: there.backend };
  }
  return check;
}

/** At most `most` of `values`, evenly spread. */
function spread(values: readonly number[], most: number): number[] {
  const every = Math.max(1, values.length / most);
  return Array.from({ length: Math.min(most, values.length) }, (_, index) => values[Math.floor(index * every)]);
}

/** Tracks differ: the witness saw other frames before. */
function isEqual(here: readonly Detection[], there: readonly Detection[]): boolean {
  const plain = (detections: readonly Detection[]) => JSON.stringify(detections.map(({ label, score, box }) => [label, score, box]));
  return plain(here) === plain(there);
}
