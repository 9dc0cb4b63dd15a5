import { actor, type Context } from '#core';
import { type Box, overlap } from './boxes.js';
import { join, keyOf, type MapObject, objectsOf, recordOf, type Sighting, type SightingRecord } from './sightings.js';

/** A part of the map: everything, a scene, or a rectangle of a scene. @public */
export interface Area {
  readonly scene?: string;
  /** In pixels of the scene. */
  readonly box?: Box;
}

/** The map. @public */
export interface MapState {
  /** Grows with every change of this map; says nothing about another one. */
  revision: number;
  /** By key of the sighting. `revision` is that of the last change. */
  records: Map<string, { readonly record: SightingRecord; readonly revision: number }>;
}

/** One change of the map. @public */
export interface MapChange {
  /** Pass the last one to `changes` to read on from there. */
  readonly revision: number;
  readonly record: SightingRecord;
}

/**
 * The shared map: what all robots have seen. Every robot spawns one; those of later robots are merged into the first that was offloaded.
 * @public
 */
export const MapServer = actor('map-server', {
  version: 1,
  source: import.meta.url,
  needs: { memory: '16MiB' },
  state: (): MapState => ({ revision: 0, records: new Map() }),
  on: {
    /** Adds what a robot saw. Hearing it again changes nothing. */
    seen(state, sightings: readonly Sighting[]): void {
      for (const sighting of sightings) add(state, keyOf(sighting), recordOf(sighting));
    },

    /** The things in an area, best score first. */
    view(state, area: Area = {}): MapObject[] {
      const objects = objectsOf([...state.records.values()].map((entry) => entry.record));
      return objects.filter(({ scene, box }) => (area.scene === undefined || area.scene === scene) && (area.box === undefined || overlap(area.box, box) > 0));
    },

    /**
     * The changes after revision `since` in the order they happened, each record once in its newest form, and then new ones as they come;
     * ends when the reader gives up. Goes on behind a move of the map.
     */
    async *changes(state, since: number = 0, ctx: Context): AsyncGenerator<MapChange, void> {
      let last = since;
      ctx.resume(since);
      ctx.signal.addEventListener('abort', () => wakeReaders(state), { once: true });
      while (!ctx.signal.aborted) {
        const change = nextChange(state, last);
        if (change === undefined) {
          await nextRevision(state);
        } else {
          last = change.revision;
          ctx.resume(last);
          yield change;
        }
      }
    },

    /** Joins another map into this one. Idempotent, and the order of merges does not matter. */
    merge(state, other: MapState): void {
      for (const [key, { record }] of other.records) add(state, key, record);
    },
  },
});

function add(state: MapState, key: string, record: SightingRecord): void {
  const known = state.records.get(key);
  const joined = known === undefined ? record : join(known.record, record);
  if (joined === known?.record) return;
  state.revision += 1;
  // Deleted first, so that the Map stays in the order of the changes.
  state.records.delete(key);
  state.records.set(key, { record: joined, revision: state.revision });
  wakeReaders(state);
}

// Readers that have seen everything, by the state they read. Beside the state, not in it: a move leaves them behind, the resumed stream waits anew.
const waiting = new WeakMap<MapState, Set<() => void>>();

function nextRevision(state: MapState): Promise<void> {
  return new Promise((resolve) => {
    const readers = waiting.get(state) ?? new Set();
    waiting.set(state, readers.add(resolve));
  });
}

function wakeReaders(state: MapState): void {
  const readers = waiting.get(state);
  waiting.delete(state);
  for (const wake of readers ?? []) wake();
}

function nextChange(state: MapState, since: number): MapChange | undefined {
  for (const { record, revision } of state.records.values()) {
    if (revision > since) return { revision, record };
  }
  return undefined;
}
