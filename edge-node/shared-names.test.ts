import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { GodwitError, type Store } from '#core';
import { createManualClock, openFileStore } from '#runtimes/platform';
import type { Redirect } from './offers.js';
import { SharedNames } from './shared-names.js';

const redirect = (actor: string): Redirect => ({ actor, definition: 'map', version: 1, host: 'edge-1', url: 'http://edge-1', epoch: 2 });

/** An edge's names in a directory; `restart` is its next life. */
async function living(t: ExecutionContext) {
  const directory = await mkdtemp(join(tmpdir(), 'godwit-names-'));
  let end = async () => {};
  const restart = async () => {
    await end();
    const clock = createManualClock();
    const store = await openFileStore(directory);
    const names = new SharedNames({ clock, store, keepMs: 1000 });
    end = async () => {
      names.close();
      await store.close();
    };
    return { clock, names, store };
  };
  t.teardown(async () => {
    await end();
    await rm(directory, { recursive: true });
  });
  return restart;
}

test('shared names: after a restart a name is kept for the actor that had it, which claims it anew', async (t) => {
  const restart = await living(t);
  const first = await restart();
  await first.names.claim('map', 't1', 'robot-1/map');
  first.names.take('map', 't1', redirect('robot-1/map'));
  const { names } = await restart();

  t.is(names.at('map'), undefined, 'nobody is sent to an actor that is gone from here');
  t.is(names.refusal('map', 'robot-1/map'), undefined);
  t.like(names.refusal('map', 'robot-2/map'), {
    code: 'UNAVAILABLE',
    message: "the name 'map' is kept for robot-1/map for 1000 ms more: this edge started again while that had it",
  });
  await t.throwsAsync(names.claim('map', 't2', 'robot-2/map'), { instanceOf: GodwitError, message: /kept for robot-1\/map/ });
  t.is(await names.claim('map', 't3', 'robot-1/map'), undefined);
  names.take('map', 't3', redirect('robot-1/map'));
  t.deepEqual(await names.claim('map', 't4', 'robot-2/map'), redirect('robot-1/map'));
});

test('shared names: a kept name is free when the time is over, and in the next life too', async (t) => {
  const restart = await living(t);
  await (await restart()).names.claim('map', 't1', 'robot-1/map');
  const { names, clock } = await restart();
  await clock.advance(999);
  const early = names.refusal('map', 'robot-2/map');
  await clock.advance(1);

  t.is(early?.code, 'UNAVAILABLE');
  t.is(names.refusal('map', 'robot-2/map'), undefined);
  t.is((await restart()).store.found.size, 0);
});

test('shared names: a name that was given up, or whose actor left, is forgotten', async (t) => {
  const restart = await living(t);
  const { names } = await restart();
  await names.claim('gave up', 't1', 'robot-1/a');
  names.free('gave up', 't1');
  await names.claim('left', 't2', 'robot-1/b');
  names.take('left', 't2', redirect('robot-1/b'));
  names.free('left', 't2');
  await names.claim('left', 't3', 'robot-2/b');
  const { store } = await restart();

  t.deepEqual(
    [...store.found].map(([key, value]) => [key, Buffer.from(value).toString()]),
    [['names/left', 'robot-2/b']],
  );
});

test('shared names: an actor that comes back by itself after a restart has its name again, until it leaves', async (t) => {
  const restart = await living(t);
  const first = await restart();
  await first.names.claim('map', 't1', 'robot-1/map');
  t.true(first.names.keepsNameOf('robot-1/map'), 'claimed');
  first.names.take('map', 't1', redirect('robot-1/map'));
  t.true(first.names.keepsNameOf('robot-1/map'), 'taken');
  t.false(first.names.keepsNameOf('robot-2/map'));
  const { names, clock } = await restart();
  t.true(names.keepsNameOf('robot-1/map'), 'kept');

  names.cameBack(redirect('robot-2/map'));
  names.cameBack(redirect('robot-1/map'));
  await clock.advance(5000);

  t.deepEqual(names.at('map'), redirect('robot-1/map'));
  t.deepEqual(await names.claim('map', 't2', 'robot-2/map'), redirect('robot-1/map'));
  names.left('robot-1/map');
  t.is(names.at('map'), undefined);
  t.false(names.keepsNameOf('robot-1/map'));
  t.is((await restart()).store.found.size, 0);
});

test('shared names: a claim that cannot be put on disk is not granted', async (t) => {
  const full = new GodwitError('RESOURCE_EXHAUSTED', 'the disk is full');
  const failures = [full];
  const store: Store = {
    found: new Map(),
    write: async () => {
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
    },
  };
  const names = new SharedNames({ clock: createManualClock(), store });

  t.is(await t.throwsAsync(names.claim('map', 't1', 'robot-1/map')), full);
  t.is(await names.claim('map', 't2', 'robot-2/map'), undefined);
});

test('shared names: a claim waits for an open one, and is told who has the name', async (t) => {
  const names = new SharedNames({ clock: createManualClock() });
  await names.claim('map', 't1', 'robot-1/map');
  const second = names.claim('map', 't2', 'robot-2/map');
  names.take('map', 'another token', redirect('robot-3/map'));
  names.take('map', 't1', redirect('robot-1/map'));

  t.deepEqual(await second, redirect('robot-1/map'));
  t.deepEqual(names.list(), [{ name: 'map', at: redirect('robot-1/map') }]);
});
