/** What spin is asked: the places of the home and the mishaps for the protocol as it is, and the rules that are switched off one by one. */

/** One search, by the settings of `migration.pml`. */
export interface Run {
  readonly name: string;
  /** Moves that may begin; each number has a checker of its own, the rest is set when it begins. */
  readonly moves: 1 | 2;
  readonly settings: string;
  /** For the protocol with a rule switched off: the invariant of DESIGN §8 that must break. Without it nothing may. */
  readonly breaks?: string;
}

const source = 'HOME=0';
const targetIsHome = 'HOME=1';
const third = 'HOME=2';
const noMishap = 'CRASHES=0 TICKS=0';
const crash = 'CRASHES=1 TICKS=0';
const lease = 'CRASHES=0 TICKS=1';
const homeCrash = 'CRASHES=1 HOMECRASHES=1';
/** Leaves out the worlds at rest: only what must hold in every state is checked. */
const safetyOnly = 'NOCALM=1';
/** Of the worlds at rest only those where all that was in flight is lost. */
const allLost = 'LOSEALL=1';
/** Moves are given up by refusals and deaths only. */
const patient = 'PATIENT=1';

/** The protocol as it is: spin must find nothing. The longest first: two run at once. */
export const base: readonly Run[] = [
  { name: 'third: one move, cut off for a lease, not given up', moves: 1, settings: `${third} ${lease} ${patient} ${allLost}` },
  { name: 'source: one move, a crash, cut off for a lease', moves: 1, settings: `${source} CRASHES=1 TICKS=1` },
  { name: 'source: one move, the home restarts, a lease', moves: 1, settings: `${source} ${homeCrash} TICKS=1` },
  { name: 'source: one move, checkpoints, the home restarts', moves: 1, settings: `${source} ${homeCrash} TICKS=1 TURNS=1 ${allLost}` },
  { name: 'source: one move, an instance dies, a lease', moves: 1, settings: `${source} ${lease} PERISHES=1` },
  { name: 'target: one move, a crash', moves: 1, settings: `${targetIsHome} ${crash}` },
  { name: 'target: one move, cut off for a lease', moves: 1, settings: `${targetIsHome} ${lease}` },
  { name: 'third: one move, not given up, the home restarts', moves: 1, settings: `${third} ${homeCrash} TICKS=0 ${patient} ${allLost}` },
  { name: 'third: one move, a checkpoint', moves: 1, settings: `${third} ${noMishap} TURNS=1 ${allLost}` },
  { name: 'third: one move', moves: 1, settings: `${third} ${noMishap}` },
  { name: 'third: one move, a crash', moves: 1, settings: `${third} ${crash} ${allLost}` },
  { name: 'third: one move, an instance dies', moves: 1, settings: `${third} ${noMishap} PERISHES=1 ${allLost}` },
  { name: 'source: two moves', moves: 2, settings: `${source} ${noMishap} ${allLost}` },
  { name: 'target: two moves', moves: 2, settings: `${targetIsHome} ${noMishap} ${allLost}` },
  { name: 'third: two moves, not given up', moves: 2, settings: `${third} ${noMishap} ${patient} ${allLost}` },
];

/** The protocol with one rule switched off: spin must find an error, among what must hold in every state. */
export const ablations: readonly Run[] = [
  { name: 'the retained copy', moves: 1, settings: `${third} ${noMishap} ${safetyOnly} NO_RETAIN=1`, breaks: 'I5' },
  { name: 'the competing proposal (the source just goes on)', moves: 1, settings: `${third} ${noMishap} ${safetyOnly} NO_COMPETE=1`, breaks: 'I5' },
  { name: 'the grant (the target runs at READY)', moves: 1, settings: `${third} ${noMishap} ${safetyOnly} NO_GRANT=1`, breaks: 'I1' },
  { name: 'self-fencing (the owner runs on after its lease)', moves: 1, settings: `${source} ${lease} ${safetyOnly} RUN_ON=1`, breaks: 'I1' },
  { name: 'the wait before a takeover', moves: 1, settings: `${source} ${noMishap} ${safetyOnly} NO_WAIT=1`, breaks: 'I1' },
  { name: "the margin for clocks (the home's wait is a tick short)", moves: 1, settings: `${source} ${lease} LEASE=2 ${safetyOnly} NO_MARGIN=1`, breaks: 'I1' },
  { name: 'the lease counted from the question', moves: 1, settings: `${source} ${lease} ${safetyOnly} LEASE_FROM_GRANT=1`, breaks: 'I1' },
  { name: 'the register on disk', moves: 1, settings: `${source} ${homeCrash} TICKS=1 ${safetyOnly} NO_DISK=1`, breaks: 'I1' },
  { name: 'fencing (an older epoch is accepted)', moves: 1, settings: `${source} ${lease} TURNS=1 ${safetyOnly} NO_FENCE=1`, breaks: 'I3' },
  { name: 'compare-and-set', moves: 1, settings: `${third} ${noMishap} ${safetyOnly} NO_CAS=1`, breaks: 'I5' },
  { name: 'the lives of a node', moves: 1, settings: `${third} ${crash} ${safetyOnly} ANY_LIFE=1`, breaks: 'I1' },
  { name: 'a checkpoint stable only at the home', moves: 1, settings: `${third} ${noMishap} TURNS=1 ${safetyOnly} EARLY_STABLE=1`, breaks: 'I5' },
  { name: 'only an attach proves another life', moves: 2, settings: `${source} ${crash} ${patient} ${safetyOnly} QUERY_PROVES=1`, breaks: 'I1' },
  {
    name: 'the base fetched before the register changes',
    moves: 1,
    settings: `${third} CRASHES=1 TICKS=1 ${patient} ${allLost} RAISE_FIRST=1`,
    breaks: 'I4',
  },
];
