// What the tests of former bugs share: gates, outcomes that never hang, nodes that close with their test.
import type { ExecutionContext } from 'ava';
import { actor } from '../actors/definition.js';
import { spawn } from '../actors/spawn.js';
import { GodwitError } from '../errors.js';
import type { Node } from './node.js';
import type { NodeOptions } from './types.js';
import { linkNodes, nextEvent, sharedBlobs, testNode } from './wiring.test-support.js';

/** A promise and what resolves it. */
export function createGate() {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

/** OK, or the code it failed with; PENDING if it has not settled after `ms`. */
export async function outcome(work: Promise<unknown>, ms = 4000): Promise<string> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const pending = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, ms, 'PENDING');
  });
  const settled = work.then(
    () => 'OK',
    (thrown: unknown) => GodwitError.from(thrown).code,
  );
  const result = await Promise.race([settled, pending]);
  clearTimeout(timer);
  return result;
}

/** A node that closes with its test. */
export function makeNode(t: ExecutionContext, name: string, shared: ReturnType<typeof sharedBlobs>, more: Partial<NodeOptions> = {}): Node {
  const node = testNode(name, shared, more);
  t.teardown(() => node.close());
  return node;
}

/** Links two nodes, and waits until both know it. */
export async function linked(one: Node, two: Node) {
  const up = Promise.all([nextEvent(one, 'link-up'), nextEvent(two, 'link-up')]);
  const link = linkNodes(one, two);
  await up;
  return link;
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** An actor that keeps a list, holds its turns at gates, wakes itself, and streams its list. */
export const ledger = (checkpointTurns = 0, gates: readonly ReturnType<typeof createGate>[] = []) => {
  let cancelWake = () => {};
  return actor('ledger', {
    state: () => ({ entries: [] as unknown[], wakes: 0 }),
    checkpointTurns,
    on: {
      put(state, entry: unknown) {
        state.entries.push(entry);
        return state.entries.length;
      },
      all: (state) => state.entries,
      async hold(_state, gate: number) {
        await gates[gate]?.opened;
      },
      wakeLater(_state, delayMs: number, ctx) {
        cancelWake = ctx.after(delayMs, 'wake');
      },
      wakeNever: () => cancelWake(),
      wake(state) {
        state.wakes += 1;
      },
      wakes: (state) => state.wakes,
      async *tail(state, from: number, ctx) {
        for (let index = from; ; index++) {
          ctx.resume(index);
          while (state.entries.length <= index && !ctx.signal.aborted) await pause(1);
          if (ctx.signal.aborted) return;
          // What follows the item: it is sent already when the stream rests here.
          ctx.resume(index + 1);
          yield state.entries[index];
        }
      },
    },
  });
};

/** A device with its actor, linked to an edge. */
export async function pair(t: ExecutionContext, Ledger: ReturnType<typeof ledger>, atEdge: Partial<NodeOptions> = {}, atDevice: Partial<NodeOptions> = {}) {
  const shared = sharedBlobs();
  const device = makeNode(t, 'device', shared, { definitions: [Ledger], ...atDevice });
  const edge = makeNode(t, 'edge', shared, { definitions: [Ledger], ...atEdge });
  const link = await linked(device, edge);
  return { device, edge, link, ref: spawn(device, Ledger, 'l') };
}
