import { conform, isThenable } from '../actors/conform.js';
import type { AnyDefinition, Handler } from '../actors/definition.js';
import type { TurnContext } from '../actors/turn-context.js';
import type { End } from './endpoint.js';

/** A value on its way to a receiver: value, end, queue, number, and whether its handling is to be told. */
export type ItemPayload = readonly [value: unknown, end: End, queue: number, number: number, tells: boolean];

const prefix = '$item:';

/** The message by which a value of a channel comes to an actor that handles it as `message`. */
export function itemMessage(message: string): string {
  return prefix + message;
}

/** Handles a value of a channel as the message that was subscribed with; the channel learns that it was, however that ended. Undefined for other messages. */
export function itemHandler(definition: AnyDefinition | undefined, received: string, address: string): Handler<unknown> | undefined {
  if (definition === undefined || !received.startsWith(prefix)) return undefined;
  const message = received.slice(prefix.length);
  const handler = definition.on[message] as ((state: unknown, value: unknown, ctx: unknown) => unknown) | undefined;
  if (handler === undefined) return undefined;
  return (state: unknown, [value, end, queue, number, tells]: ItemPayload, ctx) => {
    if (tells) (ctx as TurnContext).handled = [end, queue, number];
    const valid = conform(definition, message, value, address);
    return isThenable(valid) ? valid.then((settled) => handler(state, settled, ctx)) : handler(state, valid, ctx);
  };
}
