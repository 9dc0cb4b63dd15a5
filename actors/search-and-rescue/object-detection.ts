import { actor, type Context, GodwitError, image, nn } from '#core';
import type { Box } from './boxes.js';
import { centerNet, detectionsFromRows } from './center-net.js';
import { firstTracks, followTracks, type Track, type Tracks } from './tracks.js';

/** One thing found in a frame. @public */
export interface Detection {
  readonly label: string;
  /** Confidence from 0.3 to 1. */
  readonly score: number;
  /** In pixels of the frame, not rounded. */
  readonly box: Box;
  /** Stable from frame to frame while the thing is followed. */
  readonly track: number;
}

/** What {@link ObjectDetection} answers. @public */
export interface DetectionResult {
  /** `index` of the question. */
  readonly frame: number;
  readonly detections: readonly Detection[];
  /** Detections of all frames so far, by label. */
  readonly counts: ReadonlyMap<string, number>;
  /** Frames handled in the actor's whole life, wherever it was. */
  readonly framesHandled: number;
  readonly backend: string;
  /** Milliseconds of the inference alone. */
  readonly inferMs: number;
}

/** Everything detection has learnt: moves with the actor. @public */
export interface DetectionState {
  framesHandled: number;
  lastFrame: number;
  /** Detections by label. */
  counts: Map<string, number>;
  tracks: Tracks;
}

/**
 * Finds people and things in camera frames and follows them. Flexible: runs wherever `image` and `nn` with the model centernet are.
 * @public
 */
export const ObjectDetection = actor('object-detection', {
  version: 1,
  source: import.meta.url,
  needs: { memory: '64MiB', hostFunctions: ['image', 'nn'], models: [centerNet.model] },
  // What was learnt from a frame outlives the host that handled it: the answer is stable once this turn's checkpoint is kept at home.
  checkpointTurns: 1,
  state: (): DetectionState => ({ framesHandled: 0, lastFrame: -1, counts: new Map(), tracks: firstTracks() }),
  on: {
    /** One frame. Fails as `image` and `nn` do; the state then stays as it was. */
    async detect(state, { index, jpeg }: { readonly index: number; readonly jpeg: Uint8Array }, ctx: Context): Promise<DetectionResult> {
      if (!Number.isSafeInteger(index) || index < 0)
        throw new GodwitError('INVALID_ARGUMENT', `detect: the frame number must be an integer ≥ 0, not ${String(index)}`);
      const { side, model, output } = centerNet;
      const picture = await image(ctx).decode(jpeg, { width: side, height: side });
      const inference = await nn(ctx).infer(model, { data: picture.data, shape: [1, side, side, picture.channels] }, { outputs: [output] });
      const rows = inference.outputs[output]?.data ?? new Float32Array(0);
      const detections = followTracks(state.tracks, index, detectionsFromRows(rows, picture.source));
      for (const { label } of detections) state.counts.set(label, (state.counts.get(label) ?? 0) + 1);
      state.framesHandled += 1;
      state.lastFrame = index;
      return {
        frame: index,
        detections,
        counts: new Map(state.counts),
        framesHandled: state.framesHandled,
        backend: inference.backend,
        inferMs: inference.inferMs,
      };
    },

    /** What was learnt so far. */
    summary(state): { framesHandled: number; lastFrame: number; counts: Map<string, number>; tracks: Track[] } {
      return {
        framesHandled: state.framesHandled,
        lastFrame: state.lastFrame,
        counts: new Map(state.counts),
        tracks: state.tracks.open.map((track) => ({ ...track, history: [...track.history] })),
      };
    },
  },
});
