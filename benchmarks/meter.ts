import { actor } from '#core';

/** The small payload of the messaging suite. */
export interface Increment {
  readonly type: 'inc';
  readonly a: number;
}

/** What is talked to: as little work as an actor can do. */
export const Meter = actor('meter', {
  version: 1,
  state: () => ({ sum: 0 }),
  on: {
    count(state, payload: Increment | Uint8Array) {
      state.sum += payload instanceof Uint8Array ? payload.length : payload.a;
    },
    echo(state, payload: Increment | Uint8Array) {
      state.sum += 1;
      return payload;
    },
  },
});
