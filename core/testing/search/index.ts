// Proof by search: random schedules of a world, checked against a reference model of what actors are promised (DESIGN §8).
export { type AblationName, ablations } from './ablations.js';
export type { Violation } from './history.js';
export { formatSchedule, type Menu, type Schedule } from './schedule.js';
export { type Failure, type Found, type SearchOptions, search } from './search.js';
