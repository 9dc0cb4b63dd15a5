import { actor } from '#core';

/** What is moved: a state of any size, and a turn to wait for. */
export const Ballast = actor('ballast', {
  version: 1,
  source: import.meta.url,
  state: () => ({ turns: 0, bytes: new Uint8Array(0) }),
  on: {
    /** Fills the state with bytes that no compression shortens. */
    fill(state, length: number) {
      const bytes = new Uint8Array(length);
      let random = 1;
      for (let index = 0; index < length; index++) {
        random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
        bytes[index] = random >>> 24;
      }
      state.bytes = bytes;
    },
    touch(state) {
      state.turns += 1;
      return state.turns;
    },
  },
});
