import { isRaised } from '../home-state.js';
import { type Live, type NodeName, names } from './model.js';
import type { World } from './world.js';

/** The safety half of the invariants, true of every reachable world. */
export function check(world: World): void {
  const running = runnersOf(world);
  if (running.length > 1) world.violate(`I1/I3: ${running.map((r) => `${r} at epoch ${world.nodes[r].live?.epoch}`).join(' and ')} run at once`);
  for (const name of running) {
    const { id, live } = world.nodes[name];
    const key = `${id.name}#${id.boot}`;
    const epoch = (live as Live).epoch;
    world.ranAt[epoch] ??= key;
    if (world.ranAt[epoch] !== key) world.violate(`I1: ${world.ranAt[epoch]} and ${key} both ran at epoch ${epoch}`);
    if (epoch > world.home.register.epoch) world.violate(`I1: ${name} runs at epoch ${epoch}, the register is at ${world.home.register.epoch}`);
  }
  checkCopies(world);
}

/** Never both sides discarded: the living owner has the state, and the living standby has the base. */
function checkCopies(world: World): void {
  const { owner, standby, base, move, epoch } = world.home.register;
  const o = world.nodes[owner.name as NodeName];
  if (
    o.id.boot === owner.boot &&
    o.live === undefined &&
    o.restored[move] === undefined &&
    world.home.phase !== 'restoring' &&
    !isRaised(world.home) &&
    !world.instanceDied
  )
    world.violate(`I5: ${owner.name} owns the actor at epoch ${epoch} and has no copy`);
  if (standby === undefined || base === undefined) return;
  const s = world.nodes[standby.name as NodeName];
  if (s.id.boot !== standby.boot || s.checkpoints.includes(base.hash) || Object.values(s.retained).includes(base.turns) || s.live !== undefined) return;
  world.violate(`I5: ${standby.name} is to hold base ${base.hash} of epoch ${epoch} and does not`);
}

/** Nodes on which the actor's turns may run now. */
export function runnersOf(world: World): NodeName[] {
  return names.filter((name) => {
    const { live, owner } = world.nodes[name];
    if (live === undefined || live.frozen || owner === undefined || owner.of.epoch !== live.epoch || owner.phase === 'fenced' || owner.phase === 'handedOver')
      return false;
    return world.options.ablation === 'owner runs on after its lease' || (owner.phase === 'running' && world.clock(name) < owner.leaseUntilMs);
  });
}
