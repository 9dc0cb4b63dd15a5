// Nodes of one process for the tests of this folder: real nodes over pipes of twenty lines. What crosses processes is cli/migration.test.ts.
import type { ExecutionContext } from 'ava';
import { NativeInstance } from '../actors/native-instance.js';
import { GodwitError } from '../errors.js';
import type { Blobs, BlobTransfer } from '../ports/blobs.js';
import type { Clock } from '../ports/clock.js';
import type { Hash } from '../ports/digest.js';
import { silentLogger } from '../ports/logger.js';
import type { ModuleSource } from '../ports/module-source.js';
import type { Runtime } from '../ports/runtime.js';
import type { Pipe } from '../ports/transport.js';
import { createNode, type Node } from './node.js';
import type { MoveReport, NodeEvent, NodeOptions } from './types.js';

const realClock: Clock = {
  now: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
  soon: (task) => void setTimeout(task, 0),
};

export const sha256 = {
  async sha256(bytes: Uint8Array): Promise<Hash> {
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('') as Hash;
  },
};

/** A native runtime whose place of execution carries the node's name, so that a test sees that the actor really moved. */
function nativeRuntime(node: string): Runtime {
  return {
    tier: 'native',
    description: 'native',
    async warm() {},
    async create(spec, host) {
      if (spec.definition === undefined) throw new GodwitError('NOT_FOUND', `no native code for ${spec.address}`);
      const instance = new NativeInstance(spec.address, spec.definition, host, `native on ${node}`);
      instance.begin(spec.capture);
      return instance;
    },
    async close() {},
  };
}

/** Modules that need no blobs but a placeholder program: both ends run natively. */
const nativeModules: ModuleSource = {
  async module(definition, version) {
    const program = new TextEncoder().encode(`// ${definition}@${version}`);
    const hash = await sha256.sha256(program);
    return {
      manifest: {
        definition,
        version,
        tier: 'native',
        program: hash,
        programBytes: program.length,
        hostFunctions: [],
        models: {},
        needs: { memoryBytes: 0, models: [] },
        limits: {},
      },
      blobs: new Map([[hash, program]]),
    };
  },
};

/** One store for all nodes of a test stands in for the transfer between them. */
export function sharedBlobs(): { blobs: Blobs; transfer: BlobTransfer } {
  const bytesOf = new Map<Hash, Uint8Array>();
  const get = async (hash: Hash) => {
    const bytes = bytesOf.get(hash);
    if (bytes === undefined) throw new GodwitError('NOT_FOUND', `no blob ${hash}`);
    return bytes;
  };
  return {
    blobs: {
      has: async (hash) => bytesOf.has(hash),
      get,
      async put(bytes) {
        const hash = await sha256.sha256(bytes);
        bytesOf.set(hash, bytes);
        return hash;
      },
      async delete(hash) {
        bytesOf.delete(hash);
      },
    },
    transfer: { offer: async () => {}, obtain: (_peer, hash) => get(hash) },
  };
}

/** One end of a pipe inside this process. */
export class MemoryPipe implements Pipe {
  bufferedBytes = 0;
  onFrame = (_frame: Uint8Array): void => {};
  onClose = (_error?: GodwitError): void => {};
  onDrain = (): void => {};
  other!: MemoryPipe;
  open = true;
  frames = 0;

  send(frame: Uint8Array): void {
    if (!this.open) return;
    this.frames += 1;
    setTimeout(() => {
      if (this.other.open) this.other.onFrame(frame);
    }, 0);
  }

  close(): void {
    this.end(undefined);
  }

  end(error: GodwitError | undefined): void {
    if (!this.open) return;
    this.open = false;
    this.other.open = false;
    setTimeout(() => {
      this.onClose(error);
      this.other.onClose(error ?? new GodwitError('UNAVAILABLE', 'the peer closed the pipe'));
    }, 0);
  }
}

/** Two ends of a pipe. */
export function createPipes(): [MemoryPipe, MemoryPipe] {
  const one = new MemoryPipe();
  const two = new MemoryPipe();
  one.other = two;
  two.other = one;
  return [one, two];
}

/** Links two nodes. @returns a way to drop the link as a broken network would, and one to link again */
export function linkNodes(a: Node, b: Node): { cut(): void; join(): void } {
  let pipes: [MemoryPipe, MemoryPipe];
  const join = () => {
    pipes = createPipes();
    a.accept(pipes[0]);
    b.accept(pipes[1]);
  };
  join();
  return { cut: () => pipes[0].end(new GodwitError('UNAVAILABLE', 'cut')), join };
}

/** A node with real time and native code, that admits everything. */
export function testNode(name: string, shared: ReturnType<typeof sharedBlobs>, more: Partial<NodeOptions> = {}): Node {
  return createNode({
    name,
    clock: realClock,
    random: { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) },
    digest: sha256,
    logger: silentLogger,
    ...shared,
    modules: nativeModules,
    runtimes: [nativeRuntime(name)],
    hostFunctions: new Map(),
    admit: () => ({ tier: 'native' }),
    ...more,
  });
}

/** The next event of a type. */
export function nextEvent<T extends NodeEvent['type']>(node: Node, type: T): Promise<Extract<NodeEvent, { type: T }>> {
  return new Promise((resolve) => {
    const cancel = node.observe((event) => {
      if (event.type !== type) return;
      cancel();
      resolve(event as Extract<NodeEvent, { type: T }>);
    });
  });
}

/** A move handed the actor over from one node, and its place of execution, to another. Both are in this process: only places tell them apart. */
export function assertHandedOver(t: ExecutionContext, report: MoveReport, from: string, to: string): void {
  t.deepEqual([report.from.node, report.to.node], [from, to]);
  t.not(report.from.place, report.to.place);
}

/** No move took the actor from its node: it is there, at the place of that node. */
export function assertKept(t: ExecutionContext, node: Node, address: string): void {
  const found = node.actors().find((info) => info.address === address);
  t.like(found, { status: 'here', node: node.name, place: `native on ${node.name}` });
}
