import test from 'ava';
import fc from 'fast-check';
import { MapServer, type MapState } from './map-server.js';
import { objectsOf, type Sighting } from './sightings.js';
import { createTestContext } from './test-context.js';

const sighting = (over: Partial<Sighting> = {}): Sighting => ({
  robot: 'r1',
  track: 1,
  label: 'person',
  score: 0.5,
  frame: 1,
  scene: 'yard',
  box: [0, 0, 100, 100],
  ...over,
});
const { seen, view, merge, changes } = MapServer.on;

function mapOf(...sightings: Sighting[]): MapState {
  const state = MapServer.state();
  seen(state, sightings);
  return state;
}

/** What a map knows, without its own numbering. */
const known = (state: MapState) => [...state.records].map(([key, { record }]) => [key, record] as const).sort(([a], [b]) => (a < b ? -1 : 1));

const anySighting = fc.record<Sighting>({
  robot: fc.constantFrom('r1', 'r2'),
  track: fc.integer({ min: 1, max: 3 }),
  label: fc.constantFrom('person', 'dog'),
  score: fc.constantFrom(0.3, 0.5, 0.9),
  frame: fc.integer({ min: 0, max: 5 }),
  scene: fc.constantFrom('yard', 'hall'),
  box: fc.tuple(fc.nat(50), fc.nat(50), fc.integer({ min: 51, max: 99 }), fc.integer({ min: 51, max: 99 })),
});
const anyMap = fc.array(anySighting, { maxLength: 12 }).map((sightings) => mapOf(...sightings));

test('map: several sightings of a track are one object, with the best of them and when it was seen', (t) => {
  const state = mapOf(sighting({ frame: 3, score: 0.4 }), sighting({ frame: 5, score: 0.8, box: [1, 1, 101, 101] }), sighting({ frame: 9, score: 0.6 }));

  t.deepEqual(view(state), [{ label: 'person', scene: 'yard', box: [1, 1, 101, 101], score: 0.8, robots: ['r1'], tracks: 1 }]);
  t.like([...state.records.values()][0]?.record, { firstFrame: 3, lastFrame: 9 });
});

test('map: what several robots see at one place is one object; elsewhere, of another kind or in another scene it is another', (t) => {
  const state = mapOf(
    sighting(),
    sighting({ robot: 'r2', box: [5, 0, 105, 100] }),
    sighting({ robot: 'r2', track: 2, box: [300, 0, 400, 100] }),
    sighting({ robot: 'r2', track: 3, label: 'dog' }),
    sighting({ robot: 'r2', track: 4, scene: 'hall' }),
  );

  const objects = view(state);

  t.is(objects.length, 4);
  t.deepEqual(objects.find(({ tracks }) => tracks === 2)?.robots, ['r1', 'r2']);
});

test('map: a view is cut to its area', (t) => {
  const state = mapOf(sighting(), sighting({ track: 2, box: [300, 0, 400, 100] }), sighting({ track: 3, scene: 'hall' }));

  t.is(view(state, {}).length, 3);
  t.is(view(state, { scene: 'yard' }).length, 2);
  t.is(view(state, { scene: 'yard', box: [350, 50, 360, 60] }).length, 1);
  t.is(view(state, { scene: 'roof' }).length, 0);
});

test('map: merging changes nothing the second time, and neither does merging itself', (t) => {
  fc.assert(
    fc.property(anyMap, anyMap, (a, b) => {
      merge(a, b);
      const once = structuredClone(a);
      merge(a, b);
      merge(a, structuredClone(a));
      t.deepEqual(a, once);
    }),
    { numRuns: 50 },
  );
});

test('map: the order of merges does not matter, to what is known or to what is shown', (t) => {
  fc.assert(
    fc.property(anyMap, anyMap, anyMap, (a, b, c) => {
      const left = mapOf();
      for (const map of [a, b, c]) merge(left, map);
      const inner = structuredClone(c);
      merge(inner, b);
      merge(inner, a);
      t.deepEqual(known(left), known(inner));
      t.deepEqual(view(left), view(inner));
    }),
    { numRuns: 100 },
  );
});

test('map: merging equals having seen everything oneself', (t) => {
  fc.assert(
    fc.property(fc.array(anySighting, { maxLength: 8 }), fc.array(anySighting, { maxLength: 8 }), (first, second) => {
      const merged = mapOf(...first);
      merge(merged, mapOf(...second));
      t.deepEqual(known(merged), known(mapOf(...second, ...first)));
    }),
    { numRuns: 50 },
  );
});

test('map: objects do not depend on the order of the records', (t) => {
  fc.assert(
    fc.property(fc.array(anySighting, { maxLength: 10 }), (sightings) => {
      const records = sightings.map((best) => ({ best, firstFrame: 0, lastFrame: 0 }));
      t.deepEqual(objectsOf(records), objectsOf([...records].reverse()));
    }),
    { numRuns: 50 },
  );
});

test('map: changes come once each in the order they happened, then as they happen, and end when the reader gives up', async (t) => {
  const state = mapOf(sighting({ track: 1 }), sighting({ track: 2 }), sighting({ track: 1, score: 0.9 }));
  const ctx = createTestContext();
  const stream = changes(state, undefined, ctx);
  const next = async () => {
    const result = await stream.next();
    return result.done ? 'end' : [result.value.revision, result.value.record.best.track, result.value.record.best.score];
  };

  t.deepEqual(await next(), [2, 2, 0.5]);
  t.deepEqual(await next(), [3, 1, 0.9]);
  const later = next();
  seen(state, [sighting({ track: 2 })]); // already known: no change
  seen(state, [sighting({ track: 7 })]);
  t.deepEqual(await later, [4, 7, 0.5]);
  const last = next();
  ctx.abort();
  t.is(await last, 'end');
  t.deepEqual(ctx.resumed, [0, 2, 3, 4]);
});

test('map: a reader goes on where it left off, also on a copy of the state', async (t) => {
  const state = mapOf(sighting({ track: 1 }), sighting({ track: 2 }));
  const moved = structuredClone(state);

  const result = await changes(moved, 1, createTestContext()).next();

  t.like(result.value, { revision: 2 });
});
