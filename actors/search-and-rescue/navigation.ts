import { actor, type Context, GodwitError, type Ref } from '#core';
import type { Box } from './boxes.js';
import type { Frame } from './camera.js';
import type { Crop, Pose } from './camera-path.js';
import type { MapServer } from './map-server.js';
import type { Detection, DetectionResult, ObjectDetection } from './object-detection.js';
import type { Sighting } from './sightings.js';

/** What {@link Navigation} is started with. @public */
export interface NavigationStart {
  /** Name of the robot on the map. */
  readonly robot: string;
  readonly detector: Ref<(typeof ObjectDetection)['on']>;
  readonly map: Ref<(typeof MapServer)['on']>;
  /** Milliseconds a frame may wait for its detections; default 20 000, since a first inference loads the model. */
  readonly detectTimeoutMs?: number;
}

/** One frame, from camera to map. @public */
export interface Step {
  readonly frame: number;
  readonly pose: Pose;
  readonly jpegBytes: number;
  readonly detections: readonly Detection[];
  /** What the detector answered beside the detections. */
  readonly counts: ReadonlyMap<string, number>;
  readonly framesHandled: number;
  readonly backend: string;
  readonly inferMs: number;
  /** Milliseconds the camera took: subtract them from the time of the ask to get the detector's response time. */
  readonly captureMs: number;
}

/** @public */
export interface NavigationState {
  start: NavigationStart | undefined;
  framesAnswered: number;
  lastFrame: number;
}

const defaultDetectTimeoutMs = 20_000;

/**
 * The robot's eyes and legs: takes frames from its camera (host function `camera`), asks the detector about each and tells the map what
 * was seen. Pinned to its device. Drive it frame by frame with `step`, or let it run with `drive`.
 * @public
 */
export const Navigation = actor('navigation', {
  version: 1,
  source: import.meta.url,
  needs: { pinned: true, hostFunctions: ['camera'] },
  state: (): NavigationState => ({ start: undefined, framesAnswered: 0, lastFrame: -1 }),
  on: {
    /** Says whom to ask and whom to tell. Before it every other message fails FAILED_PRECONDITION. */
    start(state, start: NavigationStart): void {
      state.start = start;
    },

    /** Carries out frame `index`. Fails as the camera and the detector do; the map is then told nothing. */
    step(state, index: number, ctx: Context): Promise<Step> {
      return step(state, index, ctx);
    },

    /** Carries out `frames` frames from number `from` (default 0), one item each. Between two items other messages get their turn. */
    async *drive(state, { from = 0, frames }: { readonly from?: number; readonly frames: number }, ctx: Context): AsyncGenerator<Step, void> {
      for (let index = from; index < from + frames && !ctx.signal.aborted; index += 1) {
        const result = await step(state, index, ctx);
        ctx.resume({ from: index + 1, frames: from + frames - index - 1 });
        yield result;
      }
    },

    /** How far it has come. */
    progress(state): { framesAnswered: number; lastFrame: number } {
      return { framesAnswered: state.framesAnswered, lastFrame: state.lastFrame };
    },
  },
});

async function step(state: NavigationState, index: number, ctx: Context): Promise<Step> {
  const { start } = state;
  if (start === undefined)
    throw new GodwitError('FAILED_PRECONDITION', `navigation ${ctx.self.$address} has not been started: send it 'start' with a detector and a map`);
  const { jpeg, pose, captureMs, width, height } = (await ctx.call('camera', 'frame', index)) as Frame;
  const result: DetectionResult = await start.detector.detect(
    { index, jpeg },
    { timeoutMs: start.detectTimeoutMs ?? defaultDetectTimeoutMs, signal: ctx.signal },
  );
  const sightings = result.detections.map((detection) => sightingOf(start.robot, index, pose, detection, width, height));
  if (sightings.length > 0) ctx.send(start.map, 'seen', sightings);
  state.framesAnswered += 1;
  state.lastFrame = index;
  const { detections, counts, framesHandled, backend, inferMs } = result;
  return { frame: index, pose, jpegBytes: jpeg.length, detections, counts, framesHandled, backend, inferMs, captureMs };
}

function sightingOf(robot: string, frame: number, { scene, crop }: Pose, { track, label, score, box }: Detection, width: number, height: number): Sighting {
  return { robot, track, label, score, frame, scene, box: boxInScene(box, crop, width, height) };
}

/** A box of the frame in pixels of the photo it was cut from. */
function boxInScene(box: Box, crop: Crop, width: number, height: number): Box {
  const across = crop.width / width;
  const down = crop.height / height;
  return [crop.left + box[0] * across, crop.top + box[1] * down, crop.left + box[2] * across, crop.top + box[3] * down];
}
