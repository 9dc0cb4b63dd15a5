// The edge of the durability suite: runs what the homes send it, natively or in a guest, and an adviser. Ends when the homes' process disconnects.
import { spawn, type Tier } from '#core';
import { createNativeRuntime } from '#runtimes/native';
import { createScriptRuntime } from '#runtimes/script';
import { createBlobTransfer, createConnectServer, sharedKey } from '#transports/connect';
import { benchKey, createBenchNode, createStore } from '../bench-node.js';
import { CheckpointingKeeper, DurableKeeper, Keeper } from '../keeper.js';
import { Meter } from '../meter.js';

/** What the homes are told. */
export interface StandbyEdgeAddress {
  readonly godwit: string;
}

const blobs = createStore();
const node = createBenchNode('edge', {
  blobs,
  transfer: createBlobTransfer({ key: benchKey, blobs, peers: () => undefined }),
  runtimes: [createNativeRuntime(), createScriptRuntime({ workers: 1 })],
  definitions: [Keeper, CheckpointingKeeper, DurableKeeper],
  // The token says which tier is wanted: nobody but the benchmark reaches this node.
  admit: ({ token }) => ({ tier: token as Tier }),
});
spawn(node, Meter, 'adviser');
const server = await createConnectServer({ port: 0, auth: sharedKey(benchKey), accept: (pipe) => node.accept(pipe), blobs });

process.once('disconnect', () => process.exit(0));
const address: StandbyEdgeAddress = { godwit: `http://127.0.0.1:${server.port}` };
process.send?.(address);
