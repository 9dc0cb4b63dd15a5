// A world that most tests of this folder begin with, and what its events are asked for.
import { actor } from '../actors/definition.js';
import type { NodeEvent } from '../node/types.js';
import type { LinkOptions } from './simulated-link.js';
import type { SimulatedNode, SimulatedNodeOptions } from './simulated-node.js';
import { type World, type WorldEvent, type WorldOptions, world } from './world.js';

/** Remembers what it was told, in order; its state is copied home after every turn. */
export const Ledger = actor('ledger', {
  version: 1,
  checkpointTurns: 1,
  state: () => ({ entries: [] as number[] }),
  on: {
    put(state, entry: number) {
      state.entries.push(entry);
      return state.entries.length;
    },
    all: (state) => [...state.entries],
  },
});

/** A device and an edge, linked. */
export function twoNodes(
  options: WorldOptions & { readonly link?: LinkOptions; readonly device?: SimulatedNodeOptions; readonly edge?: SimulatedNodeOptions } = {},
): { w: World; robot: SimulatedNode; edge: SimulatedNode } {
  const w = world(options);
  const robot = w.device('robot', { definitions: [Ledger], ...options.device });
  const edge = w.edge('edge', { definitions: [Ledger], ...options.edge });
  w.link(robot, edge, options.link);
  return { w, robot, edge };
}

/** The events of one type so far. */
export function eventsOf<T extends NodeEvent['type']>(w: World, type: T): Array<WorldEvent & { readonly event: Extract<NodeEvent, { type: T }> }> {
  return w.events.filter(({ event }) => event.type === type) as Array<WorldEvent & { readonly event: Extract<NodeEvent, { type: T }> }>;
}
