// How long the compiler takes over many actors, beside as many plain classes whose types are written out: what inference costs.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { median } from './statistics.js';
import type { Effort, Suite, Verdict } from './suite.js';
import { formatTable, formatVerdict } from './table.js';

/** What was found of one number of actors. Times in milliseconds, of a whole run of the compiler. */
export interface TypesRow {
  readonly actors: number;
  readonly godwitMs: number;
  readonly plainMs: number;
  /** Of the compiler with an empty program: its start, and the library's types. */
  readonly emptyMs: number;
  readonly verdicts: readonly Verdict[];
}

const actorCount = 200;
const boundMs = 3000;
const packageFolder = fileURLToPath(new URL('../../', import.meta.url));
const compiler = join(packageFolder, 'node_modules', '@typescript', 'native', 'bin', 'tsc');

const actorSource = (n: number) => `import { actor, dispatch, type Parent, spawn } from 'godwit';
interface Item { readonly id: string; readonly value: number; readonly tags: readonly string[] }
export const Actor${n} = actor('actor-${n}', {
  state: () => ({ items: new Map<string, Item>(), count: 0 }),
  on: {
    put(state, item: Item) { state.items.set(item.id, item); state.count += 1; return state.count; },
    get: (state, id: string): Item | undefined => state.items.get(id),
    async sum(state, weights: readonly number[]) { let total = 0, at = 0; for (const item of state.items.values()) total += item.value * (weights[at++] ?? 1); return { total, count: state.count }; },
    async *all(state, since: number) { for (const item of state.items.values()) if (item.value > since) yield item; },
    clear(state) { state.items.clear(); },
  },
});
export async function use(parent: Parent): Promise<number> {
  const ref = spawn(parent, Actor${n}, 'a');
  dispatch(ref, 'put', { id: 'x', value: ${n}, tags: [] });
  const { total } = await ref.sum([1, 2, 3], { timeoutMs: 100 });
  for await (const item of ref.all(0)) if (item.tags.length > 3) dispatch(ref, 'clear');
  return total + (await ref.put({ id: 'y', value: 1, tags: ['a'] }));
}
`;

const plainSource = (n: number) => `interface Item { readonly id: string; readonly value: number; readonly tags: readonly string[] }
export class Actor${n} {
  private readonly items = new Map<string, Item>();
  private count = 0;
  put(item: Item): number { this.items.set(item.id, item); this.count += 1; return this.count; }
  get(id: string): Item | undefined { return this.items.get(id); }
  async sum(weights: readonly number[]): Promise<{ total: number; count: number }> { let total = 0, at = 0; for (const item of this.items.values()) total += item.value * (weights[at++] ?? 1); return { total, count: this.count }; }
  async *all(since: number): AsyncGenerator<Item> { for (const item of this.items.values()) if (item.value > since) yield item; }
  clear(): void { this.items.clear(); }
}
export async function use(ref: Actor${n}): Promise<number> {
  ref.put({ id: 'x', value: ${n}, tags: [] });
  const { total } = await ref.sum([1, 2, 3]);
  for await (const item of ref.all(0)) if (item.tags.length > 3) ref.clear();
  return total + ref.put({ id: 'y', value: 1, tags: ['a'] });
}
`;

const sources = { godwit: actorSource, plain: plainSource, empty: undefined } as const;
type Contestant = keyof typeof sources;

export const types: Suite<TypesRow> = {
  name: 'types',
  summary: `the compiler over ${actorCount} actors, beside as many plain classes`,

  async run({ rounds }: Effort, progress) {
    const folder = await mkdtemp(join(tmpdir(), 'godwit-types-'));
    try {
      const contestants = Object.keys(sources) as Contestant[];
      for (const contestant of contestants) await writeProject(join(folder, contestant), sources[contestant]);
      const times: Record<Contestant, number[]> = { godwit: [], plain: [], empty: [] };
      for (let round = 1; round <= rounds; round++) {
        progress(`types: round ${round} of ${rounds}`);
        for (const contestant of contestants) times[contestant].push(await compile(join(folder, contestant)));
      }
      const godwitMs = median(times.godwit);
      const verdict: Verdict = { of: `${actorCount} actors, ms`, bound: boundMs, measured: godwitMs, met: godwitMs <= boundMs };
      return [{ actors: actorCount, godwitMs, plainMs: median(times.plain), emptyMs: median(times.empty), verdicts: [verdict] }];
    } finally {
      await rm(folder, { recursive: true });
    }
  },

  format(rows) {
    const cells = rows.map(({ actors, godwitMs, plainMs, emptyMs, verdicts }) => [
      String(actors),
      godwitMs.toFixed(0),
      plainMs.toFixed(0),
      emptyMs.toFixed(0),
      (godwitMs / plainMs).toFixed(2),
      verdicts.map(formatVerdict).join(', '),
    ]);
    return formatTable(['actors', 'godwit ms', 'plain ms', 'empty ms', 'godwit ÷ plain', 'verdict'], cells);
  },
};

async function writeProject(folder: string, source: ((n: number) => string) | undefined): Promise<void> {
  await mkdir(join(folder, 'src'), { recursive: true });
  await mkdir(join(folder, 'node_modules'));
  await symlink(packageFolder, join(folder, 'node_modules', 'godwit'), 'dir');
  const compilerOptions = {
    strict: true,
    noEmit: true,
    module: 'nodenext',
    target: 'es2022',
    types: [],
    lib: ['es2023', 'esnext.disposable'],
    skipLibCheck: true,
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
  await writeFile(join(folder, 'src', 'empty.ts'), 'export {};\n');
  if (source !== undefined) await Promise.all(Array.from({ length: actorCount }, (_, n) => writeFile(join(folder, 'src', `actor-${n}.ts`), source(n))));
}

/** @returns milliseconds @throws the compiler found a fault */
async function compile(folder: string): Promise<number> {
  const began = performance.now();
  await promisify(execFile)(process.execPath, [compiler, '-p', folder]);
  return performance.now() - began;
}
