import { runnersOf } from './checks.js';
import { type Choice, type NodeName, names } from './model.js';
import type { World } from './world.js';

/** Everything that can happen next. */
export function choicesOf(world: World): Choice[] {
  const { budget } = world;
  const all: Choice[] = [];
  world.net.forEach((_, packet) => {
    all.push({ type: 'deliver', packet });
    if (budget.drops > 0) all.push({ type: 'drop', packet });
    if (budget.duplicates > 0) all.push({ type: 'duplicate', packet });
  });
  world.work.forEach((work, k) => {
    all.push({ type: 'work', work: k });
    if (budget.failures > 0 && work.role !== 'owner' && work.role !== 'home') all.push({ type: 'fail', work: k });
  });
  for (const node of names) choicesAt(world, node, all);
  if (budget.cuts > 0) all.push({ type: 'cut', a: 'a', b: 'b' }, { type: 'cut', a: 'a', b: 'c' }, { type: 'cut', a: 'b', b: 'c' });
  if (world.cuts.size > 0) all.push({ type: 'heal' });
  if (budget.waits > 0) for (const ms of [1, 30, 300, 1500]) all.push({ type: 'wait', ms });
  return all;
}

function choicesAt(world: World, node: NodeName, all: Choice[]): void {
  const { budget } = world;
  const n = world.nodes[node];
  if (budget.timers > 0) for (const timer of Object.keys(n.timers)) if (mayFire(world, node, timer)) all.push({ type: 'timer', node, timer });
  if (budget.crashes > 0 && node !== world.options.home) all.push({ type: 'crash', node });
  const moving = Object.values(n.sources).some((s) => s.phase !== 'givenUp' && s.phase !== 'superseded' && s.phase !== 'done' && s.phase !== 'committed');
  if (budget.cancels > 0 && moving) all.push({ type: 'cancel', node });
  if (!runnersOf(world).includes(node)) return;
  if (budget.checkpoints > 0) all.push({ type: 'checkpoint', node });
  if (budget.moves > 0 && !moving) for (const to of names) if (to !== node && !(world.options.timeless && to !== 'b')) all.push({ type: 'begin', node, to });
}

/** Only the home's wait for a lease may not end early; without time it does not end at all. */
function mayFire(world: World, node: NodeName, timer: string): boolean {
  const lease = timer.startsWith('home lease') || timer.startsWith('owner');
  if (world.options.timeless) return !lease;
  return (
    !timer.startsWith('home lease') ||
    world.nowMs >= (world.nodes[node].timers[timer] ?? 0) ||
    world.options.ablation === 'home takes over without waiting for the lease'
  );
}
