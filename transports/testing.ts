// What users import as `godwit/testing`: worlds in which nodes, links and disks are simulated, to test actors in; and a relay that does to real
// connections what networks do.
export type { DiskOptions, LinkOptions, SeedOptions, SimulatedDisk, SimulatedNode, SimulatedNodeOptions, World, WorldEvent, WorldOptions } from '#core/testing';
export { forEachSeed, world } from '#core/testing';
export { type Direction, type Relay, type RelayOptions, relay } from './relay/index.js';
