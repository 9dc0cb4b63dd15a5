/** Carries out what the machines of a world want done, as `core/node` does on a real node. */
import type { Hash } from '../../ports/digest.js';
import type { HomeEffect, HomeEvent } from '../home-state.js';
import type { OwnerEffect } from '../owner.js';
import type { SourceEffect, SourceEvent, SourceState } from '../source-state.js';
import type { TargetEffect, TargetEvent } from '../target.js';
import { type MoveId, reasonOf } from '../types.js';
import { type Bare, captureOf, type NodeName, type WorldNode } from './model.js';
import type { World } from './world.js';

export function carrySource(world: World, name: NodeName, move: MoveId, state: SourceState, effect: SourceEffect): void {
  const n = world.nodes[name];
  const answer = (event: Bare<SourceEvent>) => world.later(name, { role: 'source', move, event });
  switch (effect.type) {
    case 'send':
      world.send(name, effect.to, effect.message);
      return;
    case 'startTimer':
    case 'stopTimer':
      world.timer(name, `source ${move} ${effect.timer}`, effect);
      return;
    case 'offerBlobs':
      answer({ type: 'blobsOffered' });
      return;
    case 'freeze': {
      if (n.live === undefined) return;
      n.live = { ...n.live, frozen: true };
      answer({ type: 'frozen', capture: captureOf(n.live.turns) });
      return;
    }
    case 'thaw':
      if (n.live !== undefined) n.live = { ...n.live, frozen: false };
      return;
    case 'sendCapture':
      world.send(name, effect.to, effect.message);
      answer({ type: 'captureSent' });
      return;
    case 'handOver':
      world.feed(name, { role: 'owner', event: { type: 'handedOver' } });
      return;
    case 'activate':
      world.wonBack++;
      world.run(name, move, effect.epoch, n.live?.turns, effect.leaseUntilMs);
      return;
    case 'moved':
      if (world.options.ablation !== 'retained copy dropped at commit' && n.live !== undefined) n.retained[move] = n.live.turns;
      n.live = undefined;
      return;
    case 'dropCopy':
      if (state.phase !== 'idle' && n.live?.epoch === state.plan.epoch) n.live = undefined;
      delete n.retained[move];
      return;
    case 'report':
      return;
  }
}

export function carryTarget(world: World, name: NodeName, move: MoveId, effect: TargetEffect): void {
  const n = world.nodes[name];
  const answer = (event: Bare<TargetEvent>) => world.later(name, { role: 'target', move, event });
  switch (effect.type) {
    case 'send':
      world.send(name, effect.to, effect.message);
      return;
    case 'startTimer':
    case 'stopTimer':
      world.timer(name, `target ${move} ${effect.timer}`, effect);
      return;
    case 'reserve':
      answer({ type: 'reserved', missing: world.options.timeless ? [] : ['program' as Hash] });
      return;
    case 'obtainBlobs':
      answer({ type: 'blobsObtained' });
      return;
    case 'warm':
      answer({ type: 'instanceWarmed' });
      return;
    case 'restore':
      n.restored[move] = effect.message.capture.turns;
      answer({ type: 'restored', hash: effect.message.capture.hash });
      return;
    case 'run': {
      const leaseUntilMs = world.options.ablation === 'lease counted from the receipt of the grant' ? world.clock(name) + effect.leaseMs : effect.leaseUntilMs;
      world.run(name, move, effect.epoch, n.restored[move], leaseUntilMs);
      return;
    }
    case 'discard':
      delete n.restored[move];
      return;
    case 'refuse':
      return;
  }
}

export function carryOwner(world: World, name: NodeName, effect: OwnerEffect): void {
  switch (effect.type) {
    case 'send':
      world.send(name, effect.to, effect.message);
      return;
    case 'startTimer':
    case 'stopTimer':
      world.timer(name, `owner ${effect.timer}`, effect);
      return;
    case 'pause':
    case 'resume':
      return;
    case 'destroy':
      world.nodes[name].live = undefined;
      return;
  }
}

export function carryHome(world: World, name: NodeName, effect: HomeEffect): void {
  const n = world.nodes[name];
  switch (effect.type) {
    case 'send':
      world.send(name, effect.to, effect.message);
      return;
    case 'startTimer':
    case 'stopTimer':
      world.timer(name, `home ${effect.timer}`, effect);
      return;
    case 'obtain': {
      const has = (node: WorldNode) => node.checkpoints.includes(effect.base.hash) || Object.values(node.retained).includes(effect.base.turns);
      const found = has(n) || (world.linked(name, effect.from as NodeName) && has(world.nodes[effect.from as NodeName]));
      if (found) n.checkpoints = [...n.checkpoints, effect.base.hash];
      world.later(name, {
        role: 'home',
        event: found ? { type: 'obtained', hash: effect.base.hash } : { type: 'failed', reason: reasonOf('UNAVAILABLE', 'no base', n.id) },
      });
      return;
    }
    case 'restore':
      world.later(name, { role: 'home', event: { type: 'restored' } });
      return;
    case 'runHere':
      world.run(name, effect.move, effect.epoch, world.home.register.base?.turns, Number.POSITIVE_INFINITY);
      return;
    case 'persist':
    case 'report':
      return;
  }
}

/** What the home is told when it does not compare. */
export function ablateHome(world: World, event: HomeEvent): HomeEvent {
  if (event.type !== 'message' || event.message.type !== 'propose' || world.options.ablation !== 'register changed without compare') return event;
  const { owner, epoch } = world.home.register;
  return { ...event, message: { ...event.message, from: owner, proposal: { ...event.message.proposal, expect: { owner, epoch } } } };
}
