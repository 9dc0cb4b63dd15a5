import { type Box, overlap } from './boxes.js';
import type { Scored } from './nms.js';

/** One thing followed from frame to frame. Plain data: it is part of an actor's state. @public */
export interface Track {
  /** Stable as long as the thing is followed; never used again. From 1. */
  readonly id: number;
  readonly label: string;
  box: Box;
  lastFrame: number;
  /** Where its centre was, oldest first; at most {@link historyLength} entries. */
  history: { readonly frame: number; readonly x: number; readonly y: number }[];
}

/** All tracks of a detector. @public */
export interface Tracks {
  nextId: number;
  open: Track[];
}

/** Positions remembered of each track. */
export const historyLength = 16;
/** Least overlap between a thing's boxes in consecutive frames: below it, it is another thing. */
const minOverlap = 0.3;
/** Frames a thing may be hidden before its track ends. */
const maxHiddenFrames = 5;

export function firstTracks(): Tracks {
  return { nextId: 1, open: [] };
}

/**
 * Follows the detections of one frame: best overlap first, each continues the track of its label that it overlaps most, or begins one.
 * Greedy, as in the IoU tracker: at camera rates more is not needed.
 * @param found of this frame, highest score first
 * @returns the detections with the id of their track, in the same order
 * @see Bochinski et al., High-Speed Tracking-by-Detection Without Using Image Information, AVSS 2017
 */
export function followTracks<T extends Scored>(tracks: Tracks, frame: number, found: readonly T[]): (T & { readonly track: number })[] {
  tracks.open = tracks.open.filter((track) => frame - track.lastFrame <= maxHiddenFrames);
  const matches = bestMatches(tracks.open, found);
  return found.map((detection, index) => {
    const track = matches.get(index) ?? begin(tracks, detection);
    extend(track, frame, detection.box);
    return { ...detection, track: track.id };
  });
}

function bestMatches(open: readonly Track[], found: readonly Scored[]): Map<number, Track> {
  const pairs: { index: number; track: Track; shared: number }[] = [];
  for (const [index, detection] of found.entries()) {
    for (const track of open) {
      const shared = track.label === detection.label ? overlap(track.box, detection.box) : 0;
      if (shared >= minOverlap) pairs.push({ index, track, shared });
    }
  }
  pairs.sort((a, b) => b.shared - a.shared || a.track.id - b.track.id || a.index - b.index);
  const matches = new Map<number, Track>();
  const taken = new Set<number>();
  for (const { index, track } of pairs) {
    if (matches.has(index) || taken.has(track.id)) continue;
    matches.set(index, track);
    taken.add(track.id);
  }
  return matches;
}

function begin(tracks: Tracks, detection: Scored): Track {
  const track: Track = { id: tracks.nextId, label: detection.label, box: detection.box, lastFrame: 0, history: [] };
  tracks.nextId += 1;
  tracks.open.push(track);
  return track;
}

function extend(track: Track, frame: number, box: Box): void {
  track.box = box;
  track.lastFrame = frame;
  track.history.push({ frame, x: (box[0] + box[2]) / 2, y: (box[1] + box[3]) / 2 });
  if (track.history.length > historyLength) track.history.shift();
}
