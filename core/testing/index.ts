// The seeded world: virtual time, simulated nodes, links and disks, running the very code of core. Users import it as `godwit/testing`.
export type { SeedOptions } from './seeds.js';
export { forEachSeed } from './seeds.js';
export type { DiskOptions, SimulatedDisk } from './simulated-disk.js';
export type { LinkOptions } from './simulated-link.js';
export type { SimulatedNode, SimulatedNodeOptions } from './simulated-node.js';
export type { World, WorldEvent, WorldOptions } from './world.js';
export { world } from './world.js';
