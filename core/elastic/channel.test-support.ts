import { type AnyDefinition, actor } from '../actors/definition.js';
import type { GodwitError } from '../errors.js';
import { world } from '../testing/world.js';
import type { Endpoint } from './endpoint.js';

/** Keeps what a channel brings it. */
export const Viewer = actor('viewer', {
  state: () => ({ seen: [] as number[], ended: undefined as undefined | string }),
  on: {
    watch: (_state, frames: Endpoint<never, number>) => frames.subscribe('frame', { ended: 'over' }),
    leave: (_state, frames: Endpoint<never, number>) => frames.unsubscribe(),
    frame(state, frame: number) {
      if (frame < 0) throw new Error('no such frame');
      state.seen.push(frame);
    },
    over(state, error: GodwitError | undefined) {
      state.ended = error?.message ?? 'orderly';
    },
    seen: (state) => [...state.seen],
    ended: (state) => state.ended,
  },
});

/** Sends numbers into a channel, one a tick. */
export const Camera = actor('camera', {
  state: () => ({ to: undefined as Endpoint<number, unknown> | undefined, next: 1, last: 0 }),
  on: {
    film(state, { to, count }: { readonly to: Endpoint<number, unknown>; readonly count: number }, ctx) {
      state.to = to;
      state.last = count;
      ctx.after(0, 'tick');
    },
    async tick(state, _payload: undefined, ctx) {
      if (state.next > state.last) return;
      await state.to?.send(state.next++);
      ctx.after(1, 'tick');
    },
    next: (state) => state.next,
  },
});

/** The integers from one to another. */
export const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** A device and two edges, linked. */
export async function threeNodes(seed = 1, encodeAlways = false, more: readonly AnyDefinition[] = []) {
  const w = world({ seed, encodeAlways });
  const definitions = [Viewer, Camera, ...more];
  const robot = w.device('robot', { definitions });
  const [east, west] = [w.edge('east', { definitions }), w.edge('west', { definitions })];
  w.link(robot, east, { rttMs: 4 });
  w.link(robot, west, { rttMs: 9 });
  w.link(east, west, { rttMs: 2 });
  await w.advance(50);
  return { w, robot, east, west };
}

/** The first values of an end, all of them by default. */
export async function collect<T>(end: AsyncIterable<T>, count = Number.POSITIVE_INFINITY): Promise<T[]> {
  const got: T[] = [];
  for await (const value of end) if (got.push(value) >= count) break;
  return got;
}
