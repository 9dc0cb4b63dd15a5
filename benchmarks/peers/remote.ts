// The near sides of peers in another thread or process. A burst ends with an ask behind its tells: they are handled in order.
import { dispatch, type Node } from '#core';
import type { PlainMessage, PlainPort } from '../baselines/plain-port.js';
import type { RecordStream } from '../baselines/record-stream.js';
import { type Increment, Meter } from '../meter.js';
import { askTimeoutMs, type Peer } from './peer.js';

/** The meter of our far node. */
export function nodePeer(node: Node): Peer {
  const meter = node.refTo(Meter, 'far/meter');
  return {
    name: 'godwit',
    async burst(count, payload) {
      for (let index = 0; index < count; index++) dispatch(meter, 'count', payload() as Increment);
      await meter.echo(payload() as Increment, { timeoutMs: askTimeoutMs });
    },
    ask: (payload) => meter.echo(payload as Increment, { timeoutMs: askTimeoutMs }),
  };
}

/** Opaque bytes of the length that our codec gives the payload. */
export function recordPeer(name: string, records: RecordStream): Peer {
  const ask = (payload: unknown) => new Promise<void>((resolve) => records.ask(payload as Uint8Array, resolve));
  return {
    name,
    burst(count, payload) {
      for (let index = 0; index < count; index++) records.tell(payload() as Uint8Array);
      return ask(payload());
    },
    ask,
  };
}

/** Every message by itself, as it is; replies come in the order of the asks. */
export function plainPeer(name: string, port: PlainPort): Peer {
  const replied: Array<() => void> = [];
  port.on('message', () => replied.shift()?.());
  const post = (message: PlainMessage) => port.postMessage(message);
  const ask = (payload: unknown) =>
    new Promise<void>((resolve) => {
      replied.push(resolve);
      post({ ask: true, payload });
    });
  return {
    name,
    burst(count, payload) {
      for (let index = 0; index < count; index++) post({ ask: false, payload: payload() });
      return ask(payload());
    },
    ask,
  };
}
