// The edge of the migration suite: both tiers, and a raw TCP sink. Ends when the device's process disconnects.
import { type AddressInfo, createServer } from 'node:net';
import type { Tier } from '#core';
import { createNativeRuntime } from '#runtimes/native';
import { createScriptRuntime } from '#runtimes/script';
import { createBlobTransfer, createConnectServer, sharedKey } from '#transports/connect';
import { Ballast } from '../ballast.js';
import { serveSink } from '../baselines/tcp-sink.js';
import { benchKey, createBenchNode, createStore } from '../bench-node.js';

/** What the device is told. */
export interface EdgeAddresses {
  readonly godwit: string;
  readonly sinkPort: number;
}

const mebibyte = 1024 * 1024;
const blobs = createStore();
const node = createBenchNode('edge', {
  blobs,
  transfer: createBlobTransfer({ key: benchKey, blobs, peers: () => undefined }),
  // Room for the largest state: several copies of it are alive while a guest is restored.
  runtimes: [createNativeRuntime(), createScriptRuntime({ workers: 1, limits: { memoryBytes: 256 * mebibyte, maxRecordBytes: 64 * mebibyte } })],
  definitions: [Ballast],
  // The token says which tier is wanted: nobody but the benchmark reaches this node.
  admit: ({ token }) => ({ tier: token as Tier }),
});
const server = await createConnectServer({ port: 0, auth: sharedKey(benchKey), accept: (pipe) => node.accept(pipe), blobs });
const sink = createServer({ noDelay: true }, serveSink);

process.once('disconnect', () => process.exit(0));
sink.listen(0, '127.0.0.1', () => {
  const addresses: EdgeAddresses = { godwit: `http://127.0.0.1:${server.port}`, sinkPort: (sink.address() as AddressInfo).port };
  process.send?.(addresses);
});
