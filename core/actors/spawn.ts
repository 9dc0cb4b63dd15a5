import type { Definition, Handlers } from './definition.js';
import type { Ref } from './ref.js';

/** What an actor can be spawned under: a node, a device, or another actor's context. @public */
export interface Parent {
  child<S, H extends Handlers<S>>(definition: Definition<S, H>, name: string): Ref<H>;
}

/**
 * Spawns an actor, or attaches to the one of that name. It runs at once; its mailbox takes messages before its first state is made.
 * @throws {GodwitError} INVALID_ARGUMENT bad name · ALREADY_EXISTS an actor of another definition has this name
 * @public
 */
export function spawn<S, H extends Handlers<S>>(parent: Parent, definition: Definition<S, H>, name: string): Ref<H> {
  return parent.child(definition, name);
}
