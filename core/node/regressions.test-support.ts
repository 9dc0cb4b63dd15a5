// What the tests of former bugs share: gates, outcomes that never hang, nodes that close with their test.
import type { ExecutionContext } from 'ava';
import { GodwitError } from '../errors.js';
import type { Node } from './node.js';
import type { NodeOptions } from './types.js';
import { linkNodes, nextEvent, type sharedBlobs, testNode } from './wiring.test-support.js';

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
