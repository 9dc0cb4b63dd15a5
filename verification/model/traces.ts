/** The traces of the model that `core/migration/replay.test.ts` replays against the machines. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Run } from './runs.js';
import { type Checker, check, compileChecker, modelFolder, simulate, withFolder } from './spin.js';

const folder = join(modelFolder, 'traces');
const places = ['source', 'target', 'third'] as const;
const oneMove = 'TURNS=1 TICKS=1 CRASHES=1 NOCALM=1';
/** Just what leads there: a search that could do more takes minutes to come upon it. */
const crash = 'TURNS=0 TICKS=0 CRASHES=1 NOCALM=1';
const lease = 'TURNS=0 TICKS=1 CRASHES=0 NOCALM=1 PATIENT=1';
const noMishap = 'TURNS=1 TICKS=0 CRASHES=0 NOCALM=1';

/** `goals.pml`: the checker's way there is kept. */
interface Goal {
  readonly name: string;
  readonly settings: string;
  readonly moves?: 2;
  /** The place of the home from which no way leads there. */
  readonly notAt?: (typeof places)[number];
}

/** In the order of `goals.pml`. */
const goals: readonly Goal[] = [
  { name: 'two-moves', settings: noMishap, moves: 2 },
  { name: 'taken-over-after-a-move', settings: crash },
  { name: 'superseded', settings: lease, notAt: 'source' },
  { name: 'given-up-by-the-competing-proposal', settings: noMishap, notAt: 'source' },
  { name: 'stable-at-the-target', settings: noMishap },
  { name: 'home-restarted', settings: `${oneMove} HOMECRASHES=1` },
  { name: 'fenced', settings: lease, notAt: 'target' },
  { name: 'running-after-a-lease', settings: oneMove },
  { name: 'instance-lost', settings: `${noMishap} PERISHES=1` },
];
/** Mishaps of the random ways, in turn. */
const mishaps = ['CRASHES=0 TICKS=0 PATIENT=1', 'CRASHES=1 TICKS=1 PATIENT=1', 'CRASHES=1 HOMECRASHES=1 TICKS=2', 'CRASHES=1 TICKS=1 PERISHES=1'];
const seedsPerPlace = 6;
/** Statements of the model, of which a step takes several. */
const statements = 2400;

/** Ways of the checker to the goals, and random ways through two moves; with the same spin the files change only when the model does. */
export function writeTraces(say: (line: string) => void): Promise<void> {
  return withFolder(async (work) => {
    const [one, two] = await Promise.all([compileChecker(work, 1), compileChecker(work, 2)]);
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(folder)) if (name.endsWith('.txt')) rmSync(join(folder, name));
    // Two at once: CI has two cores.
    const ways = places.flatMap((_, home) => waysFrom(home, one, two));
    const lane = async () => {
      for (let way = ways.shift(); way !== undefined; way = ways.shift()) {
        const lines = await way.lines();
        if (lines.length > 1) writeFileSync(join(folder, `${way.name}.txt`), `${lines.join('\n')}\n`);
        say(`model: trace ${way.name}, ${lines.length} steps`);
      }
    };
    await Promise.all([lane(), lane()]);
  });
}

interface Way {
  readonly name: string;
  readonly lines: () => Promise<readonly string[]>;
}

function waysFrom(home: number, one: Checker, two: Checker): Way[] {
  const place = places[home];
  const ways: Way[] = [];
  goals.forEach((goal, k) => {
    if (goal.notAt === place) return;
    const run: Run = { name: `${goal.name}-home-at-${place}`, moves: goal.moves ?? 1, settings: `HOME=${home} ${goal.settings} GOAL=${k + 1}` };
    ways.push({ name: run.name, lines: async () => (await check(run.moves === 1 ? one : two, run)).error?.trail ?? [] });
  });
  for (let seed = 1; seed <= seedsPerPlace; seed++) {
    const settings = `HOME=${home} TURNS=2 NOCALM=1 ${mishaps[seed % mishaps.length]}`;
    const run: Run = { name: `random-${seed}-home-at-${place}`, moves: 2, settings };
    ways.push({ name: run.name, lines: () => simulate(two, run, seed, statements) });
  }
  return ways;
}
