// Compiled, not only run: a line below that should not type-check and does is an error of the build.
import test from 'ava';
import { actor } from './definition.js';
import { dispatch, type Ref } from './ref.js';
import type { Parent } from './spawn.js';
import { spawn } from './spawn.js';

interface Sighting {
  readonly id: string;
  readonly x: number;
}

const Map1 = actor('map', {
  state: () => ({ sightings: new Map<string, Sighting>() }),
  on: {
    seen(state, sighting: Sighting) {
      state.sightings.set(sighting.id, sighting);
    },
    view: (state, area: { readonly west: number }): Sighting[] => [...state.sightings.values()].filter(({ x }) => x >= area.west),
    near: (state, area: { readonly west: number } = { west: 0 }): number => state.sightings.size + area.west,
    async size(state) {
      await Promise.resolve();
      return state.sightings.size;
    },
    anything: (_state, payload: unknown) => payload,
    async *changes(state, since: number) {
      for (const sighting of state.sightings.values()) if (sighting.x > since) yield sighting;
    },
    refuse(): never {
      throw new Error('no');
    },
  },
});

/** Never called: its types are what is tested. */
async function types(parent: Parent): Promise<void> {
  const map = spawn(parent, Map1, 'm');
  await map.seen({ id: 'a', x: 1 });
  const view: Sighting[] = await map.view({ west: 1 }, { timeoutMs: 5 });
  const near: number = (await map.near()) + (await map.near({ west: 1 })) + (await map.near(undefined, { timeoutMs: 1 }));
  const size: number = await map.size(undefined, { signal: new AbortController().signal });
  const anything: unknown = await map.anything({ whatever: 1 });
  for await (const change of map.changes(0)) {
    const id: string = change.id;
    // @ts-expect-error an item is no number
    const wrong: number = change;
    dispatch(map, 'seen', { id, x: wrong });
  }
  const refused: never = await map.refuse();
  dispatch(map, 'near');
  const untyped: Ref<typeof Map1.on> = map;
  // @ts-expect-error the payload lacks x
  dispatch(map, 'seen', { id: 'a' });
  // @ts-expect-error the payload is missing
  dispatch(map, 'seen');
  // @ts-expect-error there is no such message
  dispatch(map, 'nope', 1);
  // @ts-expect-error there is no such message
  const nope: unknown = map.nope;
  // @ts-expect-error the reply is no string
  const text: string = await map.size();
  // @ts-expect-error a reply of unknown type is not silently any
  anything.field;
  // @ts-expect-error a stream is iterated, it is not one value
  const items: Sighting = map.changes(0);
  // @ts-expect-error what the ref has beside messages is read-only
  map.$address = 'elsewhere';
  use(view, near, size, refused, untyped, text, items, nope);
}

function use(..._values: unknown[]): void {}

test('types: payloads, replies and streams are inferred from the handlers (checked by the compiler)', (t) => {
  t.is(typeof types, 'function');
  t.deepEqual(Map1.protocol.messages, { seen: 'reply', view: 'reply', near: 'reply', size: 'reply', anything: 'reply', changes: 'stream', refuse: 'reply' });
});

test('definition: names that a ref or an object needs for itself are refused', (t) => {
  for (const message of ['then', 'constructor', '$where', 'toString', 'hasOwnProperty', '__proto__']) {
    const on = Object.fromEntries([[message, () => 1]]);
    t.throws(() => actor('a', { state: () => ({}), on }), { message: /is reserved/ }, message);
  }
  for (const name of ['', '-a', 'a/b', 'ä', 'a'.repeat(129)]) t.throws(() => actor(name, { state: () => ({}), on: {} }), { message: /must be 1 to 128/ }, name);
  for (const version of [0, 1.5, -1, Number.NaN]) t.throws(() => actor('a', { version, state: () => ({}), on: {} }), { message: /integer ≥ 1/ });
});
