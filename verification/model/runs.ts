/** What spin is asked: the places of the home and the mishaps for the protocol as it is, and the rules that are switched off one by one. */

/** One model, by the switches of `migration.pml`. */
export interface Run {
  readonly name: string;
  readonly defines: readonly string[];
}

const source = 'HOME=0';
const targetIsHome = 'HOME=1';
const third = 'HOME=2';
/** Leaves out the worlds at rest: only what must hold in every state is checked. */
const safetyOnly = 'NOCALM';

/** The protocol as it is: spin must find nothing. */
export const base: readonly Run[] = [
  { name: 'home at the source: a move, a crash, a lease', defines: [source, 'CRASHES=1', 'TICKS=1'] },
  { name: 'home at the target: a move, a crash', defines: [targetIsHome, 'CRASHES=1', 'TICKS=0'] },
  { name: 'home at a third node: a move, a crash', defines: [third, 'CRASHES=1', 'TICKS=0'] },
  { name: 'home at the source: it crashes', defines: [source, 'CRASHES=1', 'HOMECRASHES=1', 'TICKS=1', 'TURNS=1', safetyOnly] },
  { name: 'home at the source: two moves', defines: [source, 'CRASHES=0', 'TICKS=0', 'MOVES=2'] },
];

/** The protocol with one rule switched off: spin must find an error. */
export const ablations: readonly Run[] = [
  { name: 'retained copy dropped at commit', defines: [third, 'CRASHES=0', 'TICKS=0', 'NO_RETAIN', safetyOnly] },
  { name: 'source goes on without the competing proposal', defines: [third, 'CRASHES=0', 'TICKS=0', 'NO_COMPETE', safetyOnly] },
  { name: 'target runs without a grant', defines: [third, 'CRASHES=0', 'TICKS=0', 'NO_GRANT', safetyOnly] },
  { name: 'owner runs on after its lease', defines: [source, 'CRASHES=0', 'TICKS=1', 'RUN_ON', safetyOnly] },
  { name: 'home takes over without waiting', defines: [source, 'CRASHES=0', 'TICKS=0', 'NO_WAIT', safetyOnly] },
  { name: 'no margin for clocks of different rates', defines: [source, 'CRASHES=0', 'TICKS=1', 'LEASE=2', 'NO_MARGIN', safetyOnly] },
  { name: 'lease counted from the receipt of the grant', defines: [source, 'CRASHES=0', 'TICKS=1', 'LEASE_FROM_GRANT', safetyOnly] },
  { name: 'register not on disk', defines: [source, 'CRASHES=1', 'HOMECRASHES=1', 'TICKS=1', 'NO_DISK', safetyOnly] },
  { name: 'fencing off: an older epoch is accepted', defines: [source, 'CRASHES=0', 'TICKS=1', 'TURNS=2', 'NO_FENCE', safetyOnly] },
  { name: 'compare-and-set without expectation', defines: [third, 'CRASHES=0', 'TICKS=0', 'NO_CAS', safetyOnly] },
  { name: 'lives of a node taken for one', defines: [third, 'CRASHES=1', 'TICKS=0', 'ANY_LIFE', safetyOnly] },
  { name: 'checkpoint believed stable before the home knows it', defines: [third, 'CRASHES=0', 'TICKS=0', 'TURNS=1', 'EARLY_STABLE', safetyOnly] },
  { name: 'an earlier life is heard after a later one', defines: [third, 'CRASHES=1', 'TICKS=1', 'LATE_LIVES'] },
];
