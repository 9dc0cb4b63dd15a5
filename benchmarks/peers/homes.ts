// Homes of the durability suite: nodes of this process, one that keeps what must survive on the disk and one that keeps it in memory,
// both linked to an edge in another process.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ModuleSource, type Node, type Store, spawn } from '#core';
import { nodeDigest, openFileStore } from '#runtimes/platform';
import { bundler } from '#toolchain';
import { createBlobTransfer, createConnectTransport } from '#transports/connect';
import { benchKey, createBenchNode, createStore } from '../bench-node.js';
import type { StandbyEdgeAddress } from '../far/standby-edge.js';
import { CheckpointingKeeper, DurableKeeper, Keeper } from '../keeper.js';
import { createMemoryStore } from '../memory-store.js';
import { Meter } from '../meter.js';
import { StandbyTraffic } from '../standby-traffic.js';

/** A home with the watch over it. */
export interface Home {
  readonly node: Node;
  readonly traffic: StandbyTraffic;
  close(): Promise<void>;
}

/** Where the suite's actors are at home. */
export interface Homes {
  readonly disk: Home;
  readonly memory: Home;
  close(): Promise<void>;
}

/** Starts the edge, and the homes with an adviser each. */
export async function openHomes(): Promise<Homes> {
  const child = fork(fileURLToPath(new URL('../far/standby-edge.js', import.meta.url)), { execArgv: [] });
  const [{ godwit }] = (await once(child, 'message')) as [StandbyEdgeAddress];
  const directory = await mkdtemp(join(tmpdir(), 'godwit-durability-'));
  const files = await openFileStore(directory);
  const modules = bundler([Keeper, CheckpointingKeeper, DurableKeeper]);
  const disk = await openHome('home', files, modules, godwit);
  const memory = await openHome('memory-home', createMemoryStore(), modules, godwit);
  return {
    disk,
    memory,
    async close() {
      await disk.close();
      await memory.close();
      await files.close();
      await rm(directory, { recursive: true });
      child.disconnect();
      await once(child, 'exit');
    },
  };
}

async function openHome(name: string, store: Store, modules: ModuleSource, edge: string): Promise<Home> {
  const traffic = new StandbyTraffic();
  const blobs = createStore();
  const transfer = createBlobTransfer({ key: benchKey, blobs, peers: (peer) => (peer === 'edge' ? edge : undefined) });
  const node = createBenchNode(name, {
    blobs,
    modules,
    digest: traffic.watchDigest(nodeDigest),
    store: traffic.watchStore(store),
    transfer: traffic.watchTransfer(transfer),
  });
  spawn(node, Meter, 'adviser');
  await node.keepLink(traffic.watchTransport(createConnectTransport({ key: benchKey })), edge).linked;
  return {
    node,
    traffic,
    async close() {
      transfer.close();
      await node.close();
    },
  };
}
