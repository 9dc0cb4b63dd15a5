// Hand-overs, moves and faults in any order.
import test from 'ava';
import { Sfc32 } from '../testing/sfc32.js';
import { address, type Cast, homesOf, shared } from './rehoming.test-support.js';
import { assertOneCopy, outcome, positions, registerOf } from './schedules.test-support.js';

/** Found, in thousands of others, what was wrong once. */
const found = [34, 227, 232, 5518, 20_295, 20_481, 20_608, 100_482, 202_025, 300_650];
const seeds = [...positions(40), ...found];

/** What may happen, at random, to an actor whose register goes from home to home. */
const happenings: ReadonlyArray<(cast: Cast, chance: Sfc32) => unknown> = [
  ({ one }) => one.node.rehome(address, 'edge'),
  ({ one }) => one.node.rehome(address, 'edge-2'),
  ({ one }) => one.node.rehome(address, 'robot-1'),
  ({ one }) => one.recall(address),
  ({ one }) => one.move(address, { to: 'edge' }),
  ({ one }) => one.move(address, { to: 'edge-2' }),
  ({ s, all }, chance) =>
    s.w.crash(
      pick(
        all.filter(({ name }) => name !== 'robot-2'),
        chance,
      ),
    ),
  ({ s, all }, chance) => s.w.restart(pick(all, chance)),
  ({ s, all }, chance) => s.w.restart(pick(all, chance)),
  ({ s, all }, chance) => s.w.cut(pick(all, chance), pick(all, chance), { silent: chance.fraction() < 0.3 }),
  ({ s }) => s.w.heal(),
];

function pick<T>(things: readonly T[], chance: Sfc32): T {
  return things[Math.floor(chance.fraction() * things.length)];
}

/** The stated limit: the owner and the standby of its base were lost together, between a move and the first turn after it. */
function isLost({ all }: Cast): boolean {
  const standby = all.map((node) => registerOf(node, address)).find((register) => register !== undefined)?.standby;
  const owners = all.filter((node) => node.actors().some((info) => info.address === address));
  return owners.length === 0 && standby !== undefined && all.every(({ node }) => node.name !== standby.name || node.boot !== standby.boot);
}

test('rehoming: whatever happens in whatever order, an actor that answered is one, and has one home, when all is well again', async (t) => {
  for (const seed of seeds) {
    const cast = await shared('durable', seed);
    const { s, joined, all } = cast;
    const chance = new Sfc32(seed, 'happenings');
    const told: string[] = [];
    for (let step = 0; step < 24; step++) {
      if (chance.fraction() < 0.4) {
        const entry = `step ${step}`;
        outcome(joined.put(entry, { timeoutMs: 120_000 })).then(
          (answer) => typeof answer === 'number' && told.push(entry),
          () => undefined,
        );
      }
      // What cannot be is refused, at once or later.
      outcome((async () => pick(happenings, chance)(cast, chance))()).catch(() => undefined);
      await s.w.advance(chance.fraction() < 0.7 ? chance.fraction() * 20 : chance.fraction() * 4000);
    }
    s.w.heal();
    for (const node of all) if (node.status === 'down') s.w.restart(node);
    await s.w.advance(40_000);
    const what = `seed ${seed}`;
    if (isLost(cast)) continue;
    const after = await s.w.settle(outcome(joined.put(`${what} after`, { timeoutMs: 30_000 })));
    t.is(typeof after, 'number', `${what}: ${after}, homes are ${homesOf(cast).join(' and ')}, ${s.w.describe()}`);
    const { entries } = await s.scroll(joined);
    assertOneCopy(t, s, address, all, what);
    t.is(homesOf(cast).length, 1, `${what}: homes are ${homesOf(cast).join(' and ')}`);
    t.deepEqual(
      [...new Set(entries)].filter((entry) => told.includes(entry) || entry === 'before').sort(),
      ['before', ...told].sort(),
      `${what}: everything that was answered is there, once`,
    );
    t.is(new Set(entries).size, entries.length, what);
  }
});
