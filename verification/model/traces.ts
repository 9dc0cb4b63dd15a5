/** The traces of the model that `core/migration/replay.test.ts` replays against the machines. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Run } from './runs.js';
import { check, modelFolder, simulate } from './spin.js';

const folder = join(modelFolder, 'traces');
const places = ['source', 'target', 'third'] as const;
const oneMove = ['MOVES=1', 'TURNS=1', 'TICKS=1', 'CRASHES=1', 'NOCALM'];
const noMishap = ['TURNS=1', 'TICKS=0', 'CRASHES=0', 'NOCALM'];
/** `goals.pml`: the checker's way there is kept; the last is a place of the home from which no way leads there. */
const goals: ReadonlyArray<readonly [string, readonly string[], (typeof places)[number]?]> = [
  ['two-moves', ['MOVES=2', ...noMishap]],
  ['taken-over-after-a-move', oneMove],
  ['superseded', oneMove, 'source'],
  ['given-up-by-the-competing-proposal', ['MOVES=1', ...noMishap], 'source'],
  ['stable-at-the-target', ['MOVES=1', ...noMishap]],
  ['home-restarted', [...oneMove, 'HOMECRASHES=1']],
  ['fenced', oneMove, 'target'],
  ['running-after-a-lease', oneMove],
];
/** Mishaps of the random ways, in turn. */
const mishaps = [
  ['CRASHES=0', 'TICKS=0', 'PATIENT'],
  ['CRASHES=1', 'TICKS=1', 'PATIENT'],
  ['CRASHES=1', 'HOMECRASHES=1', 'TICKS=2'],
] as const;
const seedsPerPlace = 6;
/** Statements of the model, of which a step takes several. */
const statements = 2400;

/** Ways of the checker to the goals, and random ways through two moves; with the same spin the files change only when the model does. */
export function writeTraces(say: (line: string) => void): void {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) if (name.endsWith('.txt')) rmSync(join(folder, name));
  const write = (name: string, lines: readonly string[]) => {
    if (lines.length > 1) writeFileSync(join(folder, `${name}.txt`), `${lines.join('\n')}\n`);
    say(`model: trace ${name}, ${lines.length} steps`);
  };
  places.forEach((place, home) => {
    goals.forEach(([goal, defines, notAt], k) => {
      if (notAt === place) return;
      const run: Run = { name: `${goal}, home at ${place}`, defines: [`HOME=${home}`, ...defines, `GOAL=${k + 1}`] };
      write(`${goal}-home-at-${place}`, check(run).error?.trail ?? []);
    });
    for (let seed = 1; seed <= seedsPerPlace; seed++) {
      const defines = [`HOME=${home}`, 'MOVES=2', 'TURNS=2', 'NOCALM', ...(mishaps[seed % mishaps.length] ?? [])];
      write(`random-${seed}-home-at-${place}`, simulate({ name: `random ${seed}, home at ${place}`, defines }, seed, statements));
    }
  });
}
