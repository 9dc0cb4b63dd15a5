// An actor with a state worth moving: what the tests of offloading move between a device and an edge.
import { actor } from '#core';

export const Sightings = actor('sightings', {
  version: 1,
  source: import.meta.url,
  state: () => ({ seen: new Map<string, number>(), merged: 0 }),
  on: {
    see(state, name: string): number {
      const times = (state.seen.get(name) ?? 0) + 1;
      state.seen.set(name, times);
      return times;
    },
    async list(state, _payload: undefined, ctx): Promise<{ seen: [string, number][]; merged: number; where: unknown }> {
      return { seen: [...state.seen].sort(([a], [b]) => a.localeCompare(b)), merged: state.merged, where: await ctx.call('place', 'name') };
    },
    merge(state, other: { seen: Map<string, number> }): void {
      for (const [name, times] of other.seen) state.seen.set(name, (state.seen.get(name) ?? 0) + times);
      state.merged += 1;
    },
  },
  needs: { memory: '32MiB', hostFunctions: ['place'] },
});
