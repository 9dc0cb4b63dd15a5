// An edge in a process of its own, forked by the driver.
import type { HostFunction } from '#core';
import { type Edge, startEdge } from '#edge-node';
import { createNativeRuntime } from '#runtimes/native';
import { createLineLogger } from '#runtimes/platform';
import { createScriptRuntime } from '#runtimes/script';
import { createConnectTransport } from '#transports/connect';
import { couriers } from '../courier.js';
import { type Answers, type EdgeOrder, type EdgeSetup, machineMs } from '../orders.js';
import { obey, tell } from './obey.js';

/** Failed moves leave assignments that expire later; a run makes more of them than any device. */
const manyOffloads = 10_000;

/** Needing it chooses this edge. */
const marker = (name: string): HostFunction => ({ name: `only-${name}`, call: async () => name });

async function serve({ name, key, port, tier, peers }: EdgeSetup): Promise<Edge> {
  const logger = createLineLogger({ format: 'json', level: 'warn', fields: { process: name } });
  const edge = await startEdge({
    name,
    key,
    port,
    logger,
    runtimes: tier === 'script' ? [createScriptRuntime({ logger })] : [createNativeRuntime()],
    definitions: tier === 'script' ? [] : Object.values(couriers),
    hostFunctions: [marker(name)],
    limits: { instances: manyOffloads, offloadsPerDevice: manyOffloads, memoryBytes: Number.MAX_SAFE_INTEGER },
  });
  edge.node.observe((event) => tell({ type: 'event', atMs: machineMs(), event }));
  const transport = createConnectTransport({ key });
  for (const peer of peers) edge.node.keepLink(transport, peer);
  return edge;
}

let running: Edge | undefined;

obey(async (order: EdgeOrder): Promise<Answers[EdgeOrder['type']]> => {
  if (order.type === 'start') {
    running = await serve(order.setup);
    return { port: running.port };
  }
  if (order.type === 'list') return running?.node.actors() ?? [];
  const { actor, device, token, durability } = order;
  const { name: definition, version } = couriers[durability];
  await running?.remote.assign({ token, actor, device, definition, version, memoryBytes: 0, sharedName: undefined, tier: undefined });
  return true;
});
