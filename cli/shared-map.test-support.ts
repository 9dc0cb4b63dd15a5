// What the devices of the tests share.
import { actor } from '#core';

/** A map that every turn of is kept: on the sandboxed tier a restart needs its module as well as its state. */
export const SharedMap = actor('shared-map', {
  source: import.meta.url,
  checkpointTurns: 1,
  state: () => ({ seen: [] as string[] }),
  on: {
    see: (state, what: string) => state.seen.push(what),
    all: (state) => [...state.seen],
    merge(state, other: { readonly seen: readonly string[] }) {
      state.seen.push(...other.seen);
    },
  },
});
