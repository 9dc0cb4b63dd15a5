import { type AnyDefinition, type AnyRef, dispatch, GodwitError, type Ref as GodwitRef, holderOf } from '#core';
import { selfOf } from './box.js';
import { bareDefinition, type FunctionDefinition, reducerOf } from './definition.js';
import { type Accepts, type Control, controlRef, isAtHome, type Ref } from './reference.js';
import type { ActorFunction, ActorProps, StatelessFunction, StatelessOptions } from './script.js';
import { isSystem, type System } from './system.js';

/**
 * Spawns an actor: of a function as it was written for nact, or of a definition made by `stateful` or `stateless`, which can be offloaded.
 * @param parent a system, or `ctx.self` of the actor that spawns
 * @param name as for Godwit's own `spawn`; default: one of its own
 * @throws {GodwitError} INVALID_ARGUMENT bad name or option · ALREADY_EXISTS the name is taken · NOT_FOUND the parent has stopped · FAILED_PRECONDITION
 * the parent is another actor, or may move while the child could not
 * @public
 */
export function spawn<S, M>(parent: System | Ref<never>, fn: ActorFunction<S, M>, name?: string, props?: ActorProps<S, M>): GodwitRef<Accepts<M>>;
export function spawn<S, M>(parent: System | Ref<never>, definition: FunctionDefinition<S, M>, name?: string): GodwitRef<Accepts<M>>;
export function spawn<S, M>(
  parent: System | Ref<never>,
  what: ActorFunction<S, M> | FunctionDefinition<S, M>,
  name?: string,
  props: ActorProps<S, M> = {},
): GodwitRef<Accepts<M>> {
  const definition: AnyDefinition = typeof what === 'function' ? bareDefinition(what, props) : what;
  const child = isSystem(parent) ? parent.spawn(definition, name) : spawnChild(parent, definition, name);
  return child as unknown as GodwitRef<Accepts<M>>;
}

/** {@link spawn} for a function without state: a throw loses its message and nothing else. @public */
export function spawnStateless<M>(parent: System | Ref<never>, fn: StatelessFunction<M>, name?: string, options: StatelessOptions = {}): GodwitRef<Accepts<M>> {
  return spawn<unknown, M>(parent, reducerOf(fn), name, { ...options, onCrash: () => 'resume' });
}

function spawnChild(parent: AnyRef, definition: AnyDefinition, given: string | undefined): GodwitRef<Control> {
  const holder = holderOf(parent);
  const self = selfOf(parent, holder);
  if (self === undefined)
    throw new GodwitError('FAILED_PRECONDITION', `actor ${parent.$address} spawns its children itself: call spawn with ctx.self, or with the system`);
  const { box } = self;
  const life = box.lastLife + 1;
  const name = given ?? `anonymous-${life}`;
  const address = `${parent.$address}/${name}`;
  if (box.stopped) throw new GodwitError('NOT_FOUND', `actor ${parent.$address} was stopped: it spawns no more`);
  if (self.movable && definition.source === undefined) {
    throw new GodwitError(
      'FAILED_PRECONDITION',
      `actor ${parent.$address} may move, so its child '${name}' must be startable elsewhere: make it of an exported stateful() or stateless() with a source`,
    );
  }
  // At home the node knows whether the name is still in use; elsewhere the actor itself does.
  if (isAtHome(holder) ? holder.where(address) !== undefined : box.children.has(name))
    throw new GodwitError('ALREADY_EXISTS', `actor ${address} exists: choose another name, or wait until it has stopped`);
  const child = holder.child(definition, name);
  box.lastLife = life;
  box.children.delete(name);
  box.children.set(name, life);
  const ref = controlRef(address, holder);
  dispatch(ref, 'begin', { parent, life });
  return child as unknown as GodwitRef<Control>;
}
