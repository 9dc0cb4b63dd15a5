import type { PixelSize } from '#core';

/** A rectangle of a photo, in whole pixels of it. @public */
export interface Crop extends PixelSize {
  readonly left: number;
  readonly top: number;
}

/** Where the camera points: part of a frame. @public */
export interface Pose {
  /** Name of the photo. */
  readonly scene: string;
  /** What of the photo the frame shows. */
  readonly crop: Crop;
}

/** Frames spent on one photo before the camera goes on to the next. */
export const framesPerPhoto = 20;

// Frames of one sweep there and back. Different for each movement, so that the path does not repeat soon.
const panFrames = 97;
const tiltFrames = 131;
const zoomFrames = 73;
/** Closest zoom: share of the widest view. */
const closest = 0.65;

/** What the camera sees at a frame: a smooth pan, tilt and zoom over a photo. Plain arithmetic, so the same everywhere. @param phase of the path, in frames */
export function cropAt(frame: number, phase: number, photo: PixelSize, view: PixelSize): Crop {
  const widest = Math.min(photo.width / view.width, photo.height / view.height);
  const zoom = widest * (1 - (1 - closest) * sweep(frame + phase, zoomFrames));
  const width = Math.max(1, Math.floor(view.width * zoom));
  const height = Math.max(1, Math.floor(view.height * zoom));
  return {
    left: Math.round((photo.width - width) * sweep(frame + phase, panFrames)),
    top: Math.round((photo.height - height) * sweep(frame + phase, tiltFrames)),
    width,
    height,
  };
}

/** From 0 to 1 and back over `frames`, slow at both ends (smoothstep of a triangle wave). */
function sweep(frame: number, frames: number): number {
  const turn = (frame % frames) / frames;
  const there = turn < 0.5 ? turn * 2 : 2 - turn * 2;
  return there * there * (3 - 2 * there);
}
