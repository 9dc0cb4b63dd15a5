// A build that is made again while its actors are away: real edge process, script engine.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { spawn } from '#core';
import { moduleDirectory, startDevice } from '#device-node';
import { build } from '#toolchain';
import { Counter } from './fixtures/counter.js';
import { edgeProcess, key } from './migration.test-support.js';

const core = fileURLToPath(new URL('../core/godwit.js', import.meta.url));
/** The counter as its author changes it. */
const source = (change: { readonly version?: number; readonly state?: string; readonly add?: string; readonly upgrade?: string }) => `
import { actor } from '${core}';
export const Counter = actor('upgraded-counter', {
  version: ${change.version ?? 1},
  state: () => (${change.state ?? '{ count: 0 }'}),
  ${change.upgrade ?? ''}
  on: { add(state, amount) { ${change.add ?? 'state.count += amount; return state.count;'} } },
});
`;

async function scene(t: ExecutionContext) {
  const folder = await mkdtemp(join(tmpdir(), 'godwit-renewal-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const [file, out] = [join(folder, 'counter.js'), join(folder, 'modules')];
  const change = async (to: Parameters<typeof source>[0]) => {
    await writeFile(file, source(to));
    await build({ sources: [file], out });
  };
  await change({});
  const edge = await edgeProcess(t);
  const device = await startDevice({ name: 'robot-1', key, edges: [edge.url], modules: moduleDirectory(out) });
  t.teardown(() => device.close());
  const counter = spawn(device, Counter, 'counter');
  await counter.add(1);
  const [offer] = await device.offload.request(counter);
  await device.offload.accept(offer);
  return { change, device, counter, host: edge.name };
}

test('renewal: the edge runs the changed code, with the state as it was', async (t) => {
  const { change, device, counter, host } = await scene(t);
  t.is(await counter.add(1), 2);
  t.deepEqual(await device.renew(), [], 'nothing has changed');

  await change({ add: 'state.count += 100 * amount; return state.count;' });
  const [lease] = await device.renew();

  t.is(lease?.node, host);
  t.is(await counter.add(1), 102);
  t.is(counter.$where?.node, host);
});

test('renewal: a later version upgrades the state; the one before it has no way back', async (t) => {
  const { change, device, counter } = await scene(t);

  await change({
    version: 2,
    state: '{ amounts: [] }',
    upgrade: 'upgrade: (state) => ({ amounts: [state.count] }),',
    add: 'state.amounts.push(amount); return state.amounts.length;',
  });
  await device.renew();

  t.is(await counter.add(5), 2);
  await change({ version: 3, state: '{ amounts: [] }', upgrade: 'upgrade: (state) => state,', add: 'return state.amounts.length;' });
  await t.throwsAsync(device.renew(), { code: 'FAILED_PRECONDITION', message: /version 2 of upgraded-counter, and here is version 1/ } as never);
  t.is(await counter.add(5), 3, 'it runs on with the version it has');
});

test('renewal: another state under the same version is refused, and the actor runs on as it was', async (t) => {
  const { change, device, counter, host } = await scene(t);

  await change({ state: '{ total: 0 }', add: 'state.total += amount; return state.total;' });

  await t.throwsAsync(device.renew(), { code: 'FAILED_PRECONDITION', message: /was built for another state/ } as never);
  t.is(await counter.add(1), 2);
  t.is(counter.$where?.node, host);
});
