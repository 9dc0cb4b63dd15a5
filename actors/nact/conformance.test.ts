import test from 'ava';
import * as nact from 'nact';
import { createNode, silentLogger } from '#core';
import { startDevice } from '#device-node';
import { createNativeRuntime } from '#runtimes/native';
import { nodeDigest, systemClock, systemRandom } from '#runtimes/platform';
import { createMemoryBlobs } from '#transports/memory';
import type { Row, Subject } from './conformance.test-support.js';
import { lifeRows } from './conformance-lives.test-support.js';
import { messageRows } from './conformance-messages.test-support.js';
import * as ours from './index.js';

const rows: readonly Row[] = [...messageRows, ...lifeRows];

/** A node that encodes even what stays on it: what a message would be that came from afar. */
function encodingNode() {
  return createNode({
    name: 'device',
    clock: systemClock,
    random: systemRandom,
    digest: nodeDigest,
    logger: silentLogger,
    blobs: createMemoryBlobs({ digest: nodeDigest }),
    transfer: { offer: async () => {}, obtain: () => Promise.reject(new Error('nothing moves')) },
    runtimes: [createNativeRuntime()],
    hostFunctions: new Map(),
    encodeAlways: true,
  });
}

for (const { title, run } of rows) {
  test(`nact itself: ${title}`, async (t) => {
    const system = nact.start() as unknown as ours.System;
    t.teardown(() => nact.stop(system));
    await run(t, nact as unknown as Subject, system);
  });

  test(`godwit/nact: ${title}`, async (t) => {
    const device = await startDevice({ name: 'device' });
    t.teardown(() => device.close());
    await run(t, ours, ours.start(device));
  });

  test(`godwit/nact, all encoded: ${title}`, async (t) => {
    const node = encodingNode();
    t.teardown(() => node.close());
    await run(t, ours, ours.start(node));
  });
}

test('the list titles each of its rows once', (t) => {
  t.is(new Set(rows.map(({ title }) => title)).size, rows.length);
  t.true(rows.length > 30);
});
