import { conform, isThenable } from '../actors/conform.js';
import type { AnyDefinition, Handler } from '../actors/definition.js';
import type { Holder } from '../actors/ref.js';

/** A value on its way to a stream's reader: encoded, its queue, its number, and whether its handling is to be told. */
export type ItemPayload = readonly [bytes: Uint8Array, queue: number, number: number, tells: boolean];

const prefix = '$item:';

/** Asked of a subscriber behind values that were pushed to it: its answer says that they were handled, however that ended; NOT_FOUND that they never will be. */
export const receiptMessage = '$receipt';

/** The message by which a value of a channel comes to an actor that handles it as `message`. */
export function itemMessage(message: string): string {
  return prefix + message;
}

/** Handles a value of a channel as the message that was subscribed with, or a receipt for the values before it. Undefined for other messages. */
export function itemHandler(definition: AnyDefinition | undefined, received: string, holder: Holder): Handler<unknown> | undefined {
  if (received === receiptMessage) return () => undefined;
  if (definition === undefined || !received.startsWith(prefix)) return undefined;
  const message = received.slice(prefix.length);
  const handler = definition.on[message] as ((state: unknown, value: unknown, ctx: unknown) => unknown) | undefined;
  if (handler === undefined) return undefined;
  return (state: unknown, bytes: Uint8Array, ctx) => {
    const valid = conform(definition, message, holder.decode(bytes), holder.address);
    return isThenable(valid) ? valid.then((settled) => handler(state, settled, ctx)) : handler(state, valid, ctx);
  };
}
