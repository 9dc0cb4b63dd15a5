// A device in this process whose build has gone ahead of it, an edge with the script engine in another: the move upgrades.
import test from 'ava';
import { spawn } from '#core';
import { startDevice } from '#device-node';
import { bundler } from '#toolchain';
import { Counter } from './fixtures/counter.js';
import { CounterLater } from './fixtures/counter-later.js';
import { edgeProcess, key } from './migration.test-support.js';

test('upgrade: the edge runs the later code of a build, with the state it makes of the earlier one; back here the earlier code refuses it', async (t) => {
  const edge = await edgeProcess(t);
  const device = await startDevice({ name: 'robot-1', key, edges: [edge.url], modules: bundler([CounterLater]) });
  t.teardown(() => device.close());
  const counter = spawn(device, Counter, 'counter');
  await counter.add(3);

  const [offer] = await device.offload.request(counter);
  const lease = await device.offload.accept(offer);
  t.is(await counter.add(4), 7);
  const later = device.node.refTo(CounterLater, 'robot-1/counter');
  t.deepEqual(await later.amounts(), { amounts: [3, 4], engine: 'script' });

  await t.throwsAsync(lease.recall(), { code: 'FAILED_PRECONDITION', message: /version 2 of upgraded-counter, and here is version 1/ } as never);
  t.is(await counter.add(1), 8);
  t.true(lease.active);
});
