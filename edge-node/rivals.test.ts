import test, { type ExecutionContext } from 'ava';
import { type Clock, createNode, type Logger, type Node, silentLogger } from '#core';
import { createNativeRuntime } from '#runtimes/native';
import { nodeDigest, systemClock, systemRandom } from '#runtimes/platform';
import { createConnectTransport } from '#transports/connect';
import { createMemoryBlobs } from '#transports/memory';
import { type Edge, startEdge } from './start-edge.js';

const key = 'secret';

interface Told {
  readonly edge: Edge;
  readonly entries: Array<Readonly<Record<string, unknown>>>;
  /** Lets the edge's clock jump ahead. */
  jump(ms: number): void;
}

/** An edge, and what it tells of nodes of one name. */
async function edgeOf(t: ExecutionContext): Promise<Told> {
  const entries: Told['entries'] = [];
  let ahead = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + ahead };
  const logger: Logger = { log: (level, event, fields) => void (event === 'edge.same-name' && entries.push({ level, ...fields })) };
  const edge = await startEdge({ name: 'edge', port: 0, key, runtimes: [createNativeRuntime()], clock, logger });
  t.teardown(() => edge.close());
  const jump = (ms: number) => {
    ahead += ms;
  };
  return { edge, entries, jump };
}

/** A device that dials the edge until it is closed. */
function deviceOf(t: ExecutionContext, edge: Edge, boot: string): Node {
  const blobs = createMemoryBlobs({ digest: nodeDigest });
  const own = { clock: systemClock, random: systemRandom, digest: nodeDigest, logger: silentLogger, blobs, runtimes: [createNativeRuntime()] };
  const transfer = { offer: async () => {}, obtain: async () => new Uint8Array() };
  const node = createNode({ name: 'robot-1', boot, ...own, transfer, hostFunctions: new Map(), definitions: [] });
  t.teardown(() => node.close());
  node.keepLink(createConnectTransport({ key }), edge.url);
  return node;
}

/** Resolves when the edge has been linked so often, from now on. */
function linked(edge: Edge, times: number): Promise<void> {
  let left = times;
  return new Promise((resolve) => {
    const cancel = edge.node.observe((event) => {
      if (event.type !== 'link-up') return;
      left -= 1;
      if (left > 0) return;
      cancel();
      resolve();
    });
  });
}

test('edge: two devices of one name, which take the link from each other, are told of once, with both boots', async (t) => {
  const { edge, entries, jump } = await edgeOf(t);
  const exchanged = linked(edge, 6);
  deviceOf(t, edge, 'one');
  deviceOf(t, edge, 'two');
  await exchanged;

  t.is(entries.length, 1);
  t.like(entries[0], { level: 'warn', node: 'edge', peer: 'robot-1' });
  t.deepEqual(new Set([entries[0]?.boot, entries[0]?.other]), new Set(['one', 'two']));
  t.regex(String(entries[0]?.reason), /give one of them another name/);

  const again = linked(edge, 1);
  jump(3_600_000);
  await again;

  t.is(entries.length, 2, 'an hour later it is told again');
});

test('edge: a device that starts anew, and anew, is nobody else', async (t) => {
  const { edge, entries } = await edgeOf(t);
  for (const boot of ['first', 'second', 'third']) {
    const up = linked(edge, 1);
    const device = deviceOf(t, edge, boot);
    await up;
    await device.close();
  }

  t.deepEqual(entries, []);
});
