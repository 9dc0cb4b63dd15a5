// Nodes as the benchmarks wire them: nothing but what a node needs.
import { type Blobs, type BlobTransfer, createNode, type Node, type NodeOptions, silentLogger } from '#core';
import { createNativeRuntime } from '#runtimes/native';
import { nodeDigest, systemClock, systemRandom } from '#runtimes/platform';
import { createMemoryBlobs, createMemoryBlobTransfer } from '#transports/memory';

export function createStore(): Blobs {
  return createMemoryBlobs({ digest: nodeDigest });
}

/** @param more what differs from a native node without peers */
export function createBenchNode(name: string, more: Partial<NodeOptions> = {}): Node {
  const blobs = more.blobs ?? createStore();
  const transfer: BlobTransfer = more.transfer ?? createMemoryBlobTransfer({ blobs, peers: () => undefined });
  return createNode({
    name,
    clock: systemClock,
    random: systemRandom,
    digest: nodeDigest,
    logger: silentLogger,
    runtimes: [createNativeRuntime()],
    hostFunctions: new Map(),
    ...more,
    blobs,
    transfer,
  });
}

/** Resolves when `node` is linked to a peer. */
export function linked(node: Node): Promise<void> {
  if (node.peers().length > 0) return Promise.resolve();
  return new Promise((resolve) => {
    const cancel = node.observe((event) => {
      if (event.type !== 'link-up') return;
      cancel();
      resolve();
    });
  });
}

/** The shared key of both sides: the benchmark talks to itself on loopback. */
export const benchKey = 'benchmark';
