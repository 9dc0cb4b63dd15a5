import { GodwitError } from '#core';
import type { Message, News, Numbered } from '../orders.js';

/** Tells the driver; it may be gone: then nobody listens. */
export function tell(message: News): void {
  say(message);
}

function say(message: Message): void {
  if (process.connected) process.send?.(message);
}

/** Answers each order of the driver by `carry`, and ends with the driver. */
export function obey<Order>(carry: (order: Order) => Promise<unknown>): void {
  process.once('disconnect', () => process.exit());
  process.on('message', ({ id, order }: Numbered<Order>) => {
    carry(order).then(
      (value) => say({ type: 'answer', id, value }),
      (thrown: unknown) => {
        const { code, message } = GodwitError.from(thrown);
        say({ type: 'answer', id, error: `${code}: ${message}` });
      },
    );
  });
}
