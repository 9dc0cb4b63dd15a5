// nact has no messages between nodes: whoever wants it elsewhere dispatches what arrives there, and lets the actor post its replies.
import { dispatch, spawn, start } from 'nact';
import type { Increment } from '../meter.js';
import type { PlainMessage, PlainPort } from './plain-port.js';

/** `Meter` as an actor of nact, in a system of its own that ends with its thread. */
export function serveNactMeter(port: PlainPort): void {
  const meter = spawn(start(), (state: { sum: number } = { sum: 0 }, { ask, payload }: PlainMessage) => {
    if (ask) port.postMessage({ ask, payload });
    return { sum: state.sum + (ask ? 1 : weightOf(payload as Increment | Uint8Array)) };
  });
  port.on('message', (message) => dispatch(meter, message));
}

function weightOf(payload: Increment | Uint8Array): number {
  return payload instanceof Uint8Array ? payload.length : payload.a;
}
