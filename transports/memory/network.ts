import { type AcceptPipe, type Cancel, type Clock, GodwitError, type Transport } from '#core';
import { abortError } from '../abort.js';
import { systemClock } from '../clock.js';
import { createMemoryPipes, type PipePair } from './pipe.js';

/** One node's access to a {@link MemoryNetwork}. @public */
export interface MemoryTransport extends Transport {
  /** Accepts pipes dialled to this node's name until cancelled. @throws {GodwitError} ALREADY_EXISTS the name is listening */
  listen(accept: AcceptPipe): Cancel;
}

/** Nodes of one process, linked by name. @public */
export interface MemoryNetwork {
  /** The transport of the node called `name`. Addresses are node names. */
  transport(name: string): MemoryTransport;
  /** Drops every pipe between two nodes, as a broken network would; later dials succeed. */
  cut(a: string, b: string): void;
}

/** A network inside one process. Frames are delivered in order and never before `send` returned. @public */
export function createMemoryNetwork(options: { readonly clock?: Clock } = {}): MemoryNetwork {
  const clock = options.clock ?? systemClock;
  const listeners = new Map<string, AcceptPipe>();
  const pairs = new Map<string, Set<PipePair>>();

  const open = (from: string, to: string, accept: AcceptPipe) => {
    const key = pairKey(from, to);
    const open = pairs.get(key) ?? new Set<PipePair>();
    pairs.set(key, open);
    const pair = createMemoryPipes(clock, () => {
      open.delete(pair);
      if (open.size === 0 && pairs.get(key) === open) pairs.delete(key);
    });
    open.add(pair);
    accept(pair.accepted);
    return pair.dialled;
  };

  return {
    transport: (name) => ({
      async dial(address, signal) {
        if (signal?.aborted) throw abortError(signal, `dialling ${address}`);
        const accept = listeners.get(address);
        if (accept === undefined) throw new GodwitError('UNAVAILABLE', `no node listens as ${address} on this memory network`);
        return open(name, address, accept);
      },
      listen(accept) {
        if (listeners.has(name)) throw new GodwitError('ALREADY_EXISTS', `a node listens as ${name} on this memory network already`);
        listeners.set(name, accept);
        return () => {
          if (listeners.get(name) === accept) listeners.delete(name);
        };
      },
    }),
    cut(a, b) {
      const reason = new GodwitError('UNAVAILABLE', `the memory network between ${a} and ${b} was cut`);
      for (const pair of [...(pairs.get(pairKey(a, b)) ?? [])]) pair.drop(reason);
    },
  };
}

function pairKey(a: string, b: string): string {
  return a < b ? `${a}\n${b}` : `${b}\n${a}`;
}
