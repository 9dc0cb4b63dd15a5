import { actor } from '#core';

/** The fixed work whose speed offers carry: integer arithmetic, property access and a call per operation, no allocation. @public */
export const speedProbe = actor('godwit-speed', {
  version: 1,
  source: import.meta.url,
  state: () => ({ x: 1, y: 2, turns: 0 }),
  on: {
    /** Runs `operations` steps of a 32-bit xorshift (Marsaglia 2003) over the state's fields. */
    run(state, operations: number): number {
      for (let n = 0; n < operations; n++) step(state);
      state.turns += 1;
      return state.x;
    },
  },
});

function step(state: { x: number; y: number }): void {
  let { x } = state;
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  state.x = x;
  state.y = (state.y + x) | 0;
}
