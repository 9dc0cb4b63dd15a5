import { actor, type Ref } from '#core';
import type { Increment, Meter } from './meter.js';

/** Bytes of the large state. */
export const largeStateBytes = 100_000;

interface State {
  /** The byte of the large state that the next turn changes, beyond `firstAt`: its decimal digits are always as many, so nothing behind it shifts. */
  at: number;
  bytes: Uint8Array;
  adviser: Ref<(typeof Meter)['on']> | undefined;
}

const firstAt = 100_000;

function turn(state: State): void {
  if (state.bytes.length > 0) state.bytes[state.at - firstAt] += 1;
  state.at = firstAt + ((state.at + 1 - firstAt) % largeStateBytes);
}

/** The same actor whatever it keeps. */
function keeper(name: string, keeps: { readonly durability?: 'durable'; readonly checkpointTurns?: number }) {
  return actor(name, {
    version: 1,
    source: import.meta.url,
    ...keeps,
    state: (): State => ({ at: firstAt, bytes: new Uint8Array(0), adviser: undefined }),
    on: {
      prepare(state, [length, adviser]: readonly [number, Ref<(typeof Meter)['on']>]) {
        state.bytes = new Uint8Array(length);
        state.adviser = adviser;
      },
      count(state, _payload: Increment) {
        turn(state);
      },
      echo(state, payload: Increment) {
        turn(state);
        return payload;
      },
      async consult(state, payload: Increment) {
        const advice = await state.adviser?.echo(payload);
        turn(state);
        return advice;
      },
    },
  });
}

/** A crash costs it whatever it did since it left. */
export const Keeper = keeper('keeper', {});

/** A crash away from home costs it the turns since the last checkpoint, which is taken as often as can be. */
export const CheckpointingKeeper = keeper('checkpointing-keeper', { checkpointTurns: 1 });

/** A crash costs it nothing. */
export const DurableKeeper = keeper('durable-keeper', { durability: 'durable' });

/** What any of them understands. */
export type KeeperHandlers = (typeof Keeper)['on'];
