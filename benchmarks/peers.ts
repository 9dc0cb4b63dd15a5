// Everybody the messaging suite talks to, behind one small interface.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { MessageChannel, Worker } from 'node:worker_threads';
import { dispatch as nactDispatch, spawn as nactSpawn, query, start, stop } from 'nact';
import { actor, dispatch, type Node, spawn } from '#core';
import { createConnectTransport } from '#transports/connect';
import { createPortPipe } from '#transports/worker';
import { openOpaqueStream } from './baselines/connect-stream.js';
import { RecordStream } from './baselines/record-stream.js';
import { RingMailbox } from './baselines/ring-mailbox.js';
import { benchKey, createBenchNode, linked } from './bench-node.js';
import type { FarAddresses } from './far/process.js';
import type { FarPorts, PlainMessage } from './far/thread.js';
import { type Increment, Meter } from './meter.js';

/** Somebody to talk to. */
export interface Peer {
  readonly name: string;
  /** Sends `count` messages. Resolves when the last one was handled. */
  burst(count: number, payload: () => unknown): Promise<void>;
  /** One message that is answered with its payload. */
  ask(payload: unknown): Promise<unknown>;
}

/** Some peers, and how to end them. */
export interface Place {
  readonly peers: readonly Peer[];
  close(): Promise<void>;
}

/** Milliseconds after which an ask counts as lost; longer than any measurement takes. */
const askTimeoutMs = 30_000;

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

/** Our node in a worker thread, one packed transferred buffer per microtask, and one `postMessage` per message. */
export async function openThread(): Promise<Place> {
  const godwit = new MessageChannel();
  const packed = new MessageChannel();
  const plain = new MessageChannel();
  const ports: FarPorts = { godwit: godwit.port2, packed: packed.port2, plain: plain.port2 };
  const worker = new Worker(new URL('./far/thread.js', import.meta.url), {
    workerData: ports,
    transferList: [godwit.port2, packed.port2, plain.port2],
    execArgv: [],
  });
  const node = createBenchNode('near');
  node.accept(createPortPipe(godwit.port1));
  await linked(node);
  const records = new RecordStream((bytes) => packed.port1.postMessage(bytes.buffer, [bytes.buffer as ArrayBuffer]));
  packed.port1.on('message', (buffer: ArrayBuffer) => records.receive(new Uint8Array(buffer)));
  return {
    peers: [nodePeer(node), recordPeer('packed', records), plainPeer(plain.port1)],
    async close() {
      await node.close();
      packed.port1.close();
      plain.port1.close();
      await worker.terminate();
    },
  };
}

/** Our node in another process, a bare Connect stream and raw TCP. */
export async function openLoopback(): Promise<Place> {
  const child = fork(fileURLToPath(new URL('./far/process.js', import.meta.url)), { execArgv: [] });
  const [addresses] = (await once(child, 'message')) as [FarAddresses];
  const node = createBenchNode('near');
  await node.keepLink(createConnectTransport({ key: benchKey }), addresses.godwit).linked;
  const stream = openOpaqueStream(addresses.connect);
  const socket = connect({ port: addresses.tcpPort, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  const records = new RecordStream((bytes) => void socket.write(bytes));
  socket.on('data', (chunk) => records.receive(chunk));
  return {
    peers: [nodePeer(node), recordPeer('connect', stream.records), recordPeer('tcp', records)],
    async close() {
      await node.close();
      stream.close();
      socket.destroy();
      child.disconnect();
      await once(child, 'exit');
    },
  };
}

/** A burst to another node ends with an ask behind its tells: they are handled in order. */
function nodePeer(node: Node): Peer {
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
function recordPeer(name: string, records: RecordStream): Peer {
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

function plainPeer(port: MessageChannel['port1']): Peer {
  const replied: Array<() => void> = [];
  port.on('message', () => replied.shift()?.());
  const ask = (payload: unknown) =>
    new Promise<void>((resolve) => {
      replied.push(resolve);
      const message: PlainMessage = { ask: true, payload };
      port.postMessage(message);
    });
  return {
    name: 'postMessage',
    burst(count, payload) {
      for (let index = 0; index < count; index++) {
        const message: PlainMessage = { ask: false, payload: payload() };
        port.postMessage(message);
      }
      return ask(payload());
    },
    ask,
  };
}
