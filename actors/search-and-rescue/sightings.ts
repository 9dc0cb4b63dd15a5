/**
 * What robots have seen, as a set that can be joined: joining is idempotent, commutative and associative, so maps may be merged in any
 * order and as often as one likes.
 *
 * S1 For one key there is one winner among all sightings, by a total order; joining keeps it.
 * S2 Objects are derived from the set alone, in an order fixed by the set.
 * @see Shapiro et al., Conflict-free Replicated Data Types, SSS 2011
 */
import { areaOf, type Box, overlap } from './boxes.js';

/** One thing as one robot saw it in one frame. @public */
export interface Sighting {
  readonly robot: string;
  /** The robot's own number for the thing. */
  readonly track: number;
  readonly label: string;
  readonly score: number;
  readonly frame: number;
  /** Place whose coordinates `box` uses: the same name is the same place for every robot. */
  readonly scene: string;
  /** In pixels of the scene. */
  readonly box: Box;
}

/** What is known of one track in one scene: its best sighting, and when it was seen. @public */
export interface SightingRecord {
  readonly best: Sighting;
  readonly firstFrame: number;
  readonly lastFrame: number;
}

/** A thing on the map: what several tracks and robots saw at one place. @public */
export interface MapObject {
  readonly label: string;
  readonly scene: string;
  readonly box: Box;
  readonly score: number;
  /** Names, sorted. */
  readonly robots: readonly string[];
  /** Tracks that saw it. */
  readonly tracks: number;
}

// Sightings of one thing differ by what the crop showed of it; well below half, neighbours in a group would become one.
const sameObjectOverlap = 0.4;

export function keyOf(sighting: Sighting): string {
  return JSON.stringify([sighting.robot, sighting.scene, sighting.track]);
}

export function recordOf(sighting: Sighting): SightingRecord {
  return { best: sighting, firstFrame: sighting.frame, lastFrame: sighting.frame };
}

/** The join of two records of one key; the first itself if the second adds nothing. */
export function join(a: SightingRecord, b: SightingRecord): SightingRecord {
  const best = compare(a.best, b.best) >= 0 ? a.best : b.best;
  const firstFrame = Math.min(a.firstFrame, b.firstFrame);
  const lastFrame = Math.max(a.lastFrame, b.lastFrame);
  return best === a.best && firstFrame === a.firstFrame && lastFrame === a.lastFrame ? a : { best, firstFrame, lastFrame };
}

/** The things that a set of records shows, best score first. */
export function objectsOf(records: Iterable<SightingRecord>): MapObject[] {
  const objects: { readonly best: Sighting; readonly robots: Set<string>; tracks: number }[] = [];
  const sightings = [...records].map((record) => record.best).filter((sighting) => areaOf(sighting.box) > 0);
  for (const sighting of sightings.sort((a, b) => compare(b, a))) {
    const object = objects.find(
      ({ best }) => best.label === sighting.label && best.scene === sighting.scene && overlap(best.box, sighting.box) > sameObjectOverlap,
    );
    if (object === undefined) objects.push({ best: sighting, robots: new Set([sighting.robot]), tracks: 1 });
    else {
      object.robots.add(sighting.robot);
      object.tracks += 1;
    }
  }
  return objects.map(({ best, robots, tracks }) => ({
    label: best.label,
    scene: best.scene,
    box: best.box,
    score: best.score,
    robots: [...robots].sort(),
    tracks,
  }));
}

/** Total order: by score, and among equal scores by everything else. */
function compare(a: Sighting, b: Sighting): number {
  return a.score - b.score || compareText(JSON.stringify(fieldsOf(a)), JSON.stringify(fieldsOf(b)));
}

function fieldsOf(sighting: Sighting): unknown[] {
  return [sighting.robot, sighting.scene, sighting.track, sighting.label, sighting.frame, sighting.box];
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
