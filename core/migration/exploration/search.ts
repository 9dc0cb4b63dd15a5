/** Two ways through the worlds of `world.ts`: every interleaving up to a bound, and many long random ones. */

import { runnersOf } from './checks.js';
import { choicesOf } from './choices.js';
import type { Budget, Choice, NodeName, WorldNode, WorldOptions } from './model.js';
import { World } from './world.js';

/** What a search saw. `violation` is the first found, with the choices that led to it. */
export interface Found {
  readonly worlds: number;
  readonly settled: number;
  readonly violation: string | undefined;
  readonly trace: readonly Choice[];
}

/** Every world reachable within `maxDepth` choices, each once, at most `maxWorlds`; every `settleEvery`-th is also brought to rest. */
export function exploreAll(options: WorldOptions, maxDepth: number, maxWorlds: number, settleEvery: number): Found & { readonly complete: boolean } {
  const first = new World({ ...options, timeless: true });
  const seen = new Set<string>([keyOf(first)]);
  let layer: Reached[] = [{ world: first, choice: undefined, from: undefined }];
  let settled = 0;
  for (let depth = 0; depth < maxDepth && layer.length > 0; depth++) {
    const next: Reached[] = [];
    for (const reached of layer) {
      for (const choice of choicesOf(reached.world)) {
        const world = reached.world.clone();
        world.choose(choice);
        const step: Reached = { world, choice, from: reached };
        if (world.violation !== undefined) return { worlds: seen.size, settled, complete: false, violation: world.violation, trace: traceOf(step) };
        const key = keyOf(world);
        if (seen.has(key)) continue;
        seen.add(key);
        next.push(step);
        if (seen.size % settleEvery === 0) {
          settled++;
          const violation = settle(world.clone());
          if (violation !== undefined) return { worlds: seen.size, settled, complete: false, violation, trace: traceOf(step) };
        }
        if (seen.size >= maxWorlds) return { worlds: seen.size, settled, complete: false, violation: undefined, trace: [] };
      }
    }
    layer = next;
  }
  return { worlds: seen.size, settled, complete: layer.length === 0, violation: undefined, trace: [] };
}

/** `schedules` random ways of up to `maxSteps` choices, each brought to rest afterwards. A schedule is fully given by its seed. */
export function exploreRandomly(
  seed: number,
  schedules: number,
  maxSteps: number,
  ablation?: WorldOptions['ablation'],
): Found & { readonly seed: number; readonly outcomes: Outcomes } {
  const outcomes = { moved: 0, tookOver: 0, gaveUpAfterProposing: 0, lost: 0 };
  let worlds = 0;
  for (let k = 0; k < schedules; k++) {
    const random = mulberry32(seed + k);
    const world = new World(optionsFrom(random, ablation));
    const trace: Choice[] = [];
    for (let step = 0; step < maxSteps && world.violation === undefined; step++) {
      const choice = pick(world, random);
      if (choice === undefined) break;
      trace.push(choice);
      world.choose(choice);
      worlds++;
    }
    const violation = world.violation ?? settle(world);
    if (violation !== undefined) return { worlds, settled: k, violation, trace, seed: seed + k, outcomes };
    note(world, outcomes);
  }
  return { worlds, settled: schedules, violation: undefined, trace: [], seed, outcomes };
}

/** What the schedules led to, so that a test can tell that they went somewhere. */
export interface Outcomes {
  moved: number;
  tookOver: number;
  gaveUpAfterProposing: number;
  lost: number;
}

function note(world: World, outcomes: Outcomes): void {
  if (world.home.register.move.startsWith('takeover')) outcomes.tookOver++;
  if (world.home.phase !== 'settled') outcomes.lost++;
  outcomes.gaveUpAfterProposing += world.wonBack;
  for (const n of Object.values(world.nodes)) {
    for (const t of Object.values(n.targets)) if (t.phase === 'running') outcomes.moved++;
  }
}

/** Longest rest that any path needs: a reservation (45 s), a lease, and some retries. */
const restMs = 60_000;
/** Far more events than the rest takes; reaching it means that the machines chatter for ever. */
const maxRestEvents = 4000;

/**
 * Heals the network and lets everything happen in order of time, without further mishap.
 * @returns the violation of the liveness half of the invariants, if any: I4 (somebody runs), I5 (the register's owner does), and
 * nothing is kept that nobody needs (I8)
 */
function settle(world: World): string | undefined {
  world.heal();
  world.budget = {
    moves: 0,
    drops: 0,
    duplicates: 0,
    crashes: 0,
    cuts: 0,
    timers: Number.POSITIVE_INFINITY,
    cancels: 0,
    failures: 0,
    checkpoints: 2,
    waits: 0,
  };
  Object.assign(world, { options: { ...world.options, timeless: false } });
  const untilMs = world.nowMs + restMs;
  let events = 0;
  for (let round = 0; round < 2; round++) {
    // First to where somebody runs, then, after one more stable checkpoint, to where nobody keeps what is superseded.
    const roundEndMs = world.nowMs + restMs / 2;
    while (events++ < maxRestEvents && world.violation === undefined && next(world, Math.min(roundEndMs, untilMs)));
    const runner = runnersOf(world)[0];
    if (runner !== undefined && world.violation === undefined) world.choose({ type: 'checkpoint', node: runner });
  }
  while (events++ < maxRestEvents && world.violation === undefined && next(world, untilMs + 3000));
  return world.violation ?? (events >= maxRestEvents ? 'the machines do not come to rest' : atRest(world));
}

/** One event in order of time. @returns false at the end of time */
function next(world: World, untilMs: number): boolean {
  if (world.work.length > 0) world.choose({ type: 'work', work: 0 });
  else if (world.net.length > 0) world.choose({ type: 'deliver', packet: 0 });
  else {
    const due = earliest(world.nodes);
    if (due === undefined || due.atMs > untilMs) {
      world.nowMs = Math.max(world.nowMs, untilMs);
      return false;
    }
    world.nowMs = Math.max(world.nowMs, due.atMs);
    world.choose({ type: 'timer', node: due.node, timer: due.timer });
  }
  return true;
}

function earliest(nodes: Record<NodeName, WorldNode>): { node: NodeName; timer: string; atMs: number } | undefined {
  let best: { node: NodeName; timer: string; atMs: number } | undefined;
  for (const node of Object.keys(nodes) as NodeName[]) {
    for (const [timer, atMs] of Object.entries(nodes[node].timers)) if (best === undefined || atMs < best.atMs) best = { node, timer, atMs };
  }
  return best;
}

function atRest(world: World): string | undefined {
  const { register, phase } = world.home;
  // Owner and standby both dead: the openly stated limit. Only a crash or the death of a ready instance can bring it about.
  const dead = (node: { name: string; boot: string } | undefined) => node === undefined || world.nodes[node.name as NodeName].id.boot !== node.boot;
  if (phase !== 'settled') return dead(register.standby) ? undefined : `I5: the home is still ${phase} while the standby of epoch ${register.epoch} lives`;
  const runners = runnersOf(world);
  if (runners.length !== 1) return `I4/I5: ${runners.length} nodes run at rest, the register names ${register.owner.name} at epoch ${register.epoch}`;
  if (runners[0] !== register.owner.name) return `I5: ${runners[0]} runs at rest, the register names ${register.owner.name}`;
  for (const [name, n] of Object.entries(world.nodes)) {
    if (Object.keys(n.restored).length > 0) return `I8: ${name} still keeps a restored copy at rest`;
    if (Object.keys(n.retained).length > 0) return `I8: ${name} still retains a copy at rest`;
    if (n.live !== undefined && name !== register.owner.name) return `I3: ${name} still has a copy of epoch ${n.live.epoch} at rest`;
  }
  return undefined;
}

function optionsFrom(random: () => number, ablation: WorldOptions['ablation']): WorldOptions {
  const up = (max: number) => Math.floor(random() * (max + 1));
  const budget: Budget = {
    moves: 1 + up(4),
    drops: up(3),
    duplicates: up(2),
    crashes: up(1) * up(2),
    cuts: up(1) * up(2),
    timers: 4 + up(12),
    cancels: up(1),
    failures: up(1) * up(1),
    checkpoints: up(4),
    waits: up(12),
  };
  const home = (['a', 'b', 'c'] as const)[up(2)];
  return { home, budget, skewMs: [up(9000), up(9000), up(9000)], ...(ablation === undefined ? {} : { ablation }) };
}

/** Progress is chosen more often than mishap, or no move would get far; a proposal under way is where a cancel is most telling. */
function pick(world: World, random: () => number): Choice | undefined {
  const isProposing = (node: NodeName) => Object.values(world.nodes[node].sources).some((source) => source.phase === 'proposing');
  const weightOf = (choice: Choice) => {
    if (choice.type === 'deliver' || choice.type === 'work' || choice.type === 'begin') return 20;
    return choice.type === 'cancel' && isProposing(choice.node) ? 20 : 1;
  };
  const choices = choicesOf(world);
  let left = random() * choices.reduce((sum, choice) => sum + weightOf(choice), 0);
  return choices.find((choice) => {
    left -= weightOf(choice);
    return left < 0;
  });
}

// States and messages are immutable and shared between worlds: each is written out once.
const written = new WeakMap<object, string>();
function write(value: object): string {
  const known = written.get(value);
  if (known !== undefined) return known;
  const text = JSON.stringify(value, (key, v: unknown) => (key === 'manifest' || key === 'timings' || key === 'reason' ? undefined : v));
  written.set(value, text);
  return text;
}

function keyOf(world: World): string {
  const nodes = Object.values(world.nodes).map((n) => {
    const machines = [...Object.values(n.sources), ...Object.values(n.targets), n.owner, n.home, n.live].map((state) =>
      state === undefined ? '' : write(state),
    );
    return `${n.id.boot}${machines.join()}${JSON.stringify([n.retained, n.restored, n.checkpoints, Object.keys(n.timers)])}`;
  });
  const net = world.net.map((packet) => packet.from + packet.to + write(packet.message)).sort();
  return `${nodes.join('|')}${net.join()}${JSON.stringify(world.budget)}${[...world.cuts].join()}`;
}

interface Reached {
  readonly world: World;
  readonly choice: Choice | undefined;
  readonly from: Reached | undefined;
}

function traceOf(reached: Reached): readonly Choice[] {
  return reached.from === undefined || reached.choice === undefined ? [] : [...traceOf(reached.from), reached.choice];
}

/** A small seeded generator, uniform in [0, 1). @see https://github.com/cprosche/mulberry32 */
function mulberry32(seed: number): () => number {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
