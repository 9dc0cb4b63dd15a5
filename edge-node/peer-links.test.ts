import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { GodwitError, type NodeEvent, type Reach, silentLogger } from '#core';
import { createNativeRuntime } from '#runtimes/native';
import { systemClock } from '#runtimes/platform';
import { createConnectTransport } from '#transports/connect';
import { PeerLinks } from './peer-links.js';
import { type Edge, startEdge } from './start-edge.js';

const key = 'secret';

interface Linked {
  readonly edge: Edge;
  readonly links: Reach;
  readonly events: NodeEvent[];
}

/** An edge, and the links it would make when a node is named to it. */
async function edgeOf(t: ExecutionContext, name: string): Promise<Linked> {
  const edge = await startEdge({ name, port: 0, key, runtimes: [createNativeRuntime()] });
  t.teardown(() => edge.close());
  const links = new PeerLinks({ transport: createConnectTransport({ key }), clock: systemClock, logger: silentLogger, node: () => edge.node });
  const events: NodeEvent[] = [];
  edge.node.observe(links.follow);
  edge.node.observe((event) => events.push(event));
  return { edge, links, events };
}

const peersOf = ({ edge }: Linked) => edge.node.peers().map(({ name }) => name);

function next(edge: Edge, type: 'link-up' | 'link-down'): Promise<void> {
  return new Promise((resolve) => {
    const cancel = edge.node.observe((event) => {
      if (event.type !== type) return;
      cancel();
      resolve();
    });
  });
}

test('edge links: an edge dials a peer once it is named, and knows its address from then on', async (t) => {
  const [one, two] = await Promise.all([edgeOf(t, 'edge-1'), edgeOf(t, 'edge-2')]);
  t.is(one.links.addressOf('edge-2'), undefined);
  await Promise.all([one.links.to('edge-2', two.edge.url), one.links.to('edge-2', two.edge.url)]);
  await one.links.to('edge-2', two.edge.url);
  if (peersOf(two).length === 0) await next(two.edge, 'link-up');

  t.is(one.links.addressOf('edge-2'), two.edge.url);
  t.deepEqual([peersOf(one), peersOf(two)], [['edge-2'], ['edge-1']]);
  t.deepEqual(
    one.events.map(({ type }) => type),
    ['link-up'],
  );
});

test('edge links: two edges that dial each other at once keep one link, and it lasts', async (t) => {
  for (let round = 0; round < 3; round++) {
    const [one, two] = await Promise.all([edgeOf(t, `edge-a${round}`), edgeOf(t, `edge-b${round}`)]);
    await Promise.all([one.links.to(two.edge.node.name, two.edge.url), two.links.to(one.edge.node.name, one.edge.url)]);
    // Several times the pause after which a kept link dials again: two that replace each other would show.
    await pause(300);
    const settled = one.events.length + two.events.length;
    await pause(300);

    t.deepEqual([peersOf(one), peersOf(two)], [[two.edge.node.name], [one.edge.node.name]]);
    t.is(one.events.length + two.events.length, settled);
  }
});

test('edge links: a link that drops is not dialled again before it is needed, and then it is', async (t) => {
  const [one, two] = await Promise.all([edgeOf(t, 'edge-1'), edgeOf(t, 'edge-2')]);
  await one.links.to('edge-2', two.edge.url);
  const down = next(one.edge, 'link-down');
  await two.edge.close();
  await down;
  t.deepEqual(peersOf(one), []);
  const again = await edgeOf(t, 'edge-2');
  await one.links.to('edge-2', again.edge.url);
  if (peersOf(again).length === 0) await next(again.edge, 'link-up');

  t.deepEqual([peersOf(one), peersOf(again)], [['edge-2'], ['edge-1']]);
  t.is(one.links.addressOf('edge-2'), again.edge.url);
});

test('edge links: what is no such edge is refused, and nothing is kept of it', async (t) => {
  const [one, two] = await Promise.all([edgeOf(t, 'edge-1'), edgeOf(t, 'edge-2')]);
  const failureOf = (address: string) => t.throwsAsync(one.links.to('edge-3', address), { instanceOf: GodwitError });
  const other = await failureOf(two.edge.url);
  const noAddress = await failureOf('edge-3');

  t.is(other?.code, 'FAILED_PRECONDITION');
  t.regex(other?.message ?? '', /node edge-2 answers at .*, not edge-3/);
  t.is(noAddress?.code, 'INVALID_ARGUMENT');
  if (peersOf(one).length > 0) await next(one.edge, 'link-down');
  t.deepEqual(peersOf(one), []);
});
