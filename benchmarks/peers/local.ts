import { dispatch as nactDispatch, spawn as nactSpawn, query, start, stop } from 'nact';
import { actor, dispatch, spawn } from '#core';
import { RingMailbox } from '../baselines/ring-mailbox.js';
import { createBenchNode } from '../bench-node.js';
import type { Increment } from '../meter.js';
import { askTimeoutMs, type Peer, type Place } from './peer.js';

/** Milliseconds after which nact's ask is repeated. */
const nactTimeoutMs = 500;

/** Our node, a bare ring and nact, all in this thread. A burst ends in the handler of its last message: nothing but tells is timed. */
export function openLocal(): Place {
  const local = new LocalBurst();
  const Counter = actor('counter', {
    version: 1,
    state: () => ({ sum: 0 }),
    on: {
      inc(state, message: Increment) {
        state.sum += message.a;
        local.handled();
      },
      echo(state, message: Increment) {
        state.sum += message.a;
        return message;
      },
    },
  });
  const node = createBenchNode('near');
  const counter = spawn(node, Counter, 'counter');
  const godwit: Peer = {
    name: 'godwit',
    burst: (count, payload) => local.run(count, () => dispatch(counter, 'inc', payload() as Increment)),
    ask: (payload) => counter.echo(payload as Increment, { timeoutMs: askTimeoutMs }),
  };
  const system = start();
  return {
    peers: [godwit, ringPeer(local), nactPeer(local, system)],
    async close() {
      stop(system);
      await node.close();
    },
  };
}

/** Counts the messages of one burst at a time. */
class LocalBurst {
  private left = 0;
  private done: () => void = () => {};

  run(count: number, send: () => void): Promise<void> {
    return new Promise((resolve) => {
      this.left = count;
      this.done = resolve;
      for (let index = 0; index < count; index++) send();
    });
  }

  handled(): void {
    this.left -= 1;
    if (this.left === 0) this.done();
  }
}

function ringPeer(local: LocalBurst): Peer {
  const state = { sum: 0 };
  const counter = new RingMailbox<Increment>((message) => {
    state.sum += message.a;
    local.handled();
  });
  const echo = new RingMailbox<{ readonly payload: Increment; readonly reply: (payload: Increment) => void }>(({ payload, reply }) => {
    state.sum += payload.a;
    reply(payload);
  });
  return {
    name: 'ring',
    burst: (count, payload) => local.run(count, () => counter.tell(payload() as Increment)),
    ask: (payload) => new Promise((resolve) => echo.tell({ payload: payload as Increment, reply: resolve })),
  };
}

function nactPeer(local: LocalBurst, system: ReturnType<typeof start>): Peer {
  const counter = nactSpawn(system, (state: { sum: number } = { sum: 0 }, message: Increment) => {
    local.handled();
    return { sum: state.sum + message.a };
  });
  const echo = nactSpawn(system, (state: { sum: number } = { sum: 0 }, message: Increment, context) => {
    // Its types forget the sender.
    nactDispatch((context as unknown as { readonly sender: Parameters<typeof nactDispatch>[0] }).sender, message);
    return state;
  });
  return {
    name: 'nact',
    burst: (count, payload) => local.run(count, () => nactDispatch(counter, payload() as Increment)),
    ask: async function ask(payload): Promise<unknown> {
      // Its replies find the asker by a random 32-bit number: at a million asks some of 1024 in flight lose theirs to another.
      return query(echo, payload as never, nactTimeoutMs).catch(() => ask(payload));
    },
  };
}
