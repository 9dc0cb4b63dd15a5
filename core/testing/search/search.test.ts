import test from 'ava';
import type { AblationName } from './ablations.js';
import { ablations } from './ablations.js';
import { createSchedule, formatSchedule, menus, type Schedule } from './schedule.js';
import { search } from './search.js';
import { shrink } from './shrink.js';
import { play } from './stage.js';

/** Per menu; `npm run verify` plays more. */
const schedules = 40;
/** How often what happened, over all menus. */
const happened: Record<string, number> = {};

for (const [index, menu] of menus.entries()) {
  const where = `${menu.kinds.join(', ')} actors${menu.homesCrash ? ' whose homes crash, too' : ''}`;
  test.serial(`search: random schedules break no invariant for ${where}`, async (t) => {
    const { failure, counts } = await search({ seed: menus.length + index, step: menus.length, schedules });

    t.is(failure, undefined, failure && `${formatSchedule(failure.shrunk.schedule)}\n${JSON.stringify(failure.violations, undefined, 2)}`);
    for (const [what, count] of Object.entries(counts)) happened[what] = (happened[what] ?? 0) + count;
  });
}

test.serial('search: these schedules went somewhere', (t) => {
  for (const what of ['move OK', 'move-failed', 'restored', 'gap', 'crash', 'pause', 'cut', 'isolate', 'ask OK', 'stream OK', 'recall OK', 'repeat'])
    t.true((happened[what] ?? 0) > 0, `${what}: ${JSON.stringify(happened)}`);
});

for (const [name, { what }] of Object.entries(ablations)) {
  test.serial(`search: notices within 10,000 schedules when ${what}`, async (t) => {
    const found = await search({ schedules: 10_000, ablation: name as AblationName, shrinks: false });

    t.regex(found.failure?.violations[0]?.invariant ?? 'nothing', /^I[1-8]$/);
    t.log(`${name}: ${found.schedules} schedules; ${found.failure?.violations[0]?.invariant}: ${found.failure?.violations[0]?.seen}`);
  });
}

test.serial('search: an ablation is over when its search is', async (t) => {
  const { menu } = ablations.deduplication;
  const seed = (await search({ schedules: 100, ablation: 'deduplication', shrinks: false })).failure?.seed ?? 0;

  t.deepEqual((await play(createSchedule(seed, menu))).violations, []);
});

test.serial('schedule: one seed is one schedule, and one way', async (t) => {
  const [one, two] = [await play(createSchedule(7)), await play(createSchedule(7))];

  t.deepEqual(createSchedule(7), createSchedule(7));
  t.notDeepEqual(createSchedule(7).operations, createSchedule(10).operations);
  t.is(one.digest, two.digest);
});

test('shrink: leaves what is needed to fail, and no more', async (t) => {
  const whole = createSchedule(4);
  const [first, last] = [whole.operations.at(1), whole.operations.at(-1)];
  let plays = 0;
  const fails = async ({ operations }: Schedule) => {
    plays += 1;
    return operations.some((one) => one.atMs === first?.atMs) && operations.some((one) => one.atMs === last?.atMs) ? [{ invariant: 'I2', seen: 'both' }] : [];
  };
  const shrunk = await shrink(whole, [{ invariant: 'I2', seen: 'both' }], fails, 400);

  t.deepEqual(
    shrunk.schedule.operations.map(({ atMs, type }) => [atMs, type]),
    [first, last].map((one) => [one?.atMs, one?.type]),
  );
  t.is(shrunk.tries, plays);
});
