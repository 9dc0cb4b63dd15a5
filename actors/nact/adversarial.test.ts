// Orderings that a clock of one's own brings about: nobody waits for ever for somebody who waits for him.
import test from 'ava';
import { forEachSeed } from '#core/testing';
import { type ActorContext, dispatch, query, type Ref, spawn, start, stop } from './index.js';

/** Milliseconds that an ask lasts, twice, and what the world takes beside: a child is asked to stop, and asked whether it has. */
const patienceMs = 11_000;

test('stop: a child whose turn never ends goes down with its parent, once it was asked in vain', async (t) => {
  await forEachSeed({ count: 5 }, async (world) => {
    const device = world.device('device');
    const ends: string[] = [];
    const stuck = () => new Promise<never>(() => {});
    const parent = spawn(
      start(device),
      (state: unknown, _message: null, ctx: ActorContext<null>) => {
        dispatch(spawn(ctx.self, stuck, 'stuck', { afterStop: () => ends.push('stuck') }) as Ref<null>, null);
        return state;
      },
      'parent',
      { afterStop: () => ends.push('parent') },
    );
    await world.settle(parent.message(null));
    t.deepEqual(
      device
        .actors()
        .map(({ address }) => address)
        .sort(),
      ['device/nact', 'device/parent', 'device/parent/stuck'],
    );

    stop(parent);
    await world.advance(patienceMs);

    t.deepEqual(ends, ['parent']);
    t.deepEqual(
      device.actors().map(({ address }) => address),
      ['device/nact'],
    );
  });
});

test('escalate: children that fail while their parent stops or resets on the failure of another leave nobody behind', async (t) => {
  await forEachSeed({ count: 20 }, async (world) => {
    const device = world.device('device');
    const decision = world.seed % 2 === 0 ? 'stop' : 'reset';
    let lives = 0;
    const fail = async (_state: unknown, waitHops: number): Promise<void> => {
      for (let hop = 0; hop < waitHops; hop++) await Promise.resolve();
      throw new Error(`after ${waitHops}`);
    };
    const parent = spawn(
      start(device),
      (state: unknown, message: { readonly sender?: Ref<number> }, ctx: ActorContext<{ readonly sender?: Ref<number> }>) => {
        if (message.sender !== undefined) dispatch(message.sender, ctx.children.size);
        else for (const [index, child] of [...ctx.children.values()].entries()) dispatch(child, (index * 7) % 5);
        return state;
      },
      'parent',
      {
        initialStateFunc(ctx) {
          lives += 1;
          for (let child = 0; child < 4; child++) spawn(ctx.self, fail, `child-${child}`, { onCrash: (_message, _error, crash) => crash.escalate });
        },
        onCrash: (_message, _error, ctx) => ctx[decision],
      },
    );

    dispatch(parent, {});
    await world.advance(patienceMs * 4);

    if (decision === 'stop')
      t.deepEqual(
        device.actors().map(({ address }) => address),
        ['device/nact'],
      );
    else {
      t.true(lives > 1);
      t.is(await world.settle(query(parent, (sender: Ref<number>) => ({ sender }), 1000)), 4);
      t.is(device.actors().filter(({ address }) => address.startsWith('device/parent/')).length, 4);
    }
  });
});

test('reset: a first state that can never be made is given up, not tried for ever', async (t) => {
  await forEachSeed({ count: 2 }, async (world) => {
    const device = world.device('device');
    let tries = 0;
    spawn(start(device), (state: unknown, _message: null) => state, 'hopeless', {
      initialStateFunc: () => {
        tries += 1;
        throw new Error('no');
      },
      onCrash: (_message, _error, ctx) => ctx.reset,
    });

    await world.advance(1000);

    t.is(tries, 11);
    t.deepEqual(
      device.actors().map(({ address }) => address),
      ['device/nact'],
    );
  });
});
