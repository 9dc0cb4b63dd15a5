import { type AnyRef, dispatch as dispatchMessage, GodwitError, holderOf, type RefCore, stop as stopActor } from '#core';
import { selfOf } from './box.js';
import { isNactKind, isNobody, type Nobody, type Ref } from './reference.js';
import { isSystem, type System } from './system.js';

/**
 * Tells an actor. To an actor that is gone it is a dead letter, which the node reports; to {@link Nobody} it is dropped.
 * @param sender becomes `ctx.sender` of the receiver; default: Nobody
 * @throws {GodwitError} INVALID_ARGUMENT the actor has no message named 'message', or this one cannot travel · RESOURCE_EXHAUSTED the outbox is full
 * @public
 */
export function dispatch<M>(actor: Ref<M> | Nobody, message: M, sender?: Ref<never> | Nobody): void {
  if (isNobody(actor)) return;
  const to: AnyRef = actor;
  if (sender === undefined || isNobody(sender)) holderOf(to).tell(to as RefCore, 'message', message);
  else if (isNactKind(to)) dispatchMessage(to, 'from', { message, sender });
  else throw new GodwitError('INVALID_ARGUMENT', `actor ${to.$address} is not of nact's kind: it takes no sender`);
}

/**
 * Stops an actor or a whole system. What was dispatched to the actor before is still handled; `stop(ctx.self)` is carried out as the running turn ends.
 * Children stop first, then `afterStop` runs. Stopping what is gone does nothing.
 * @public
 */
export function stop(actor: AnyRef | System | Nobody): void {
  if (isNobody(actor)) return;
  if (isSystem(actor)) {
    actor.stop();
    return;
  }
  const self = selfOf(actor, holderOf(actor));
  if (self !== undefined) self.box.doom = 'stop';
  if (isNactKind(actor)) dispatchMessage(actor, 'stop');
  else stopActor(actor);
}
