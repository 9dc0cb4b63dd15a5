import test from 'ava';
import type { Ablation, Budget, NodeName } from './model.js';
import { exploreAll, exploreRandomly } from './search.js';

const calm: Budget = { moves: 1, drops: 0, duplicates: 0, crashes: 0, cuts: 0, timers: 0, cancels: 0, failures: 0, checkpoints: 0, waits: 0 };

// Every interleaving of one move with these mishaps, for each place of the home, ends; the settled ones are every 200th world.
const mishaps: ReadonlyArray<readonly [string, Partial<Budget>]> = [
  ['a lost message and an early timer', { drops: 1, timers: 1 }],
  ['a repeated message and a cancel', { duplicates: 1, cancels: 1 }],
  ['a repeated message and a crash', { duplicates: 1, crashes: 1 }],
  ['a lost message, a crash and an early timer', { drops: 1, crashes: 1, timers: 1 }],
];
const homes: ReadonlyArray<readonly [NodeName, string]> = [
  ['a', 'the source is the home'],
  ['b', 'the target is the home'],
  ['c', 'a third node is the home'],
];
for (const [mishap, budget] of mishaps) {
  for (const [home, where] of homes) {
    test(`migration: every interleaving with ${mishap} keeps I1, I4 and I5 when ${where}`, (t) => {
      const found = exploreAll({ home, budget: { ...calm, ...budget } }, 60, 30_000, 200);

      t.is(found.violation, undefined, JSON.stringify(found.trace));
      t.true(found.complete);
      t.true(found.worlds > 200 && found.settled > 0, `${found.worlds} worlds`);
    });
  }
}

test('migration: random schedules of several moves, crashes, cuts, early timers and leases keep I1, I4, I5 and leave nothing behind', (t) => {
  const found = exploreRandomly(1, 500, 120);

  t.is(found.violation, undefined, `seed ${found.seed}: ${JSON.stringify(found.trace)}`);
  t.true(found.outcomes.moved > 200 && found.outcomes.tookOver > 30 && found.outcomes.gaveUpAfterProposing > 0, JSON.stringify(found.outcomes));
});

const random: readonly Ablation[] = [
  'source resumes without the competing proposal',
  'target runs without a grant',
  'retained copy dropped at commit',
  'register changed without compare',
  'lease counted from the receipt of the grant',
  'owner runs on after its lease',
  'home takes over without waiting for the lease',
  'checkpoint believed stable before the home knows it',
];
for (const ablation of random) {
  test(`migration checks: notice within 3000 schedules when ${ablation}`, (t) => {
    const found = exploreRandomly(1, 3000, 120, ablation);

    t.regex(found.violation ?? 'nothing noticed', /^I[1-8]/);
  });
}

test('migration checks: notice when a cancel is believed from another life of the source', (t) => {
  const budget = { ...calm, drops: 1, crashes: 1, timers: 1 };
  const found = exploreAll({ home: 'c', budget, ablation: 'cancel believed from another life of the source' }, 60, 30_000, 1000);

  t.regex(found.violation ?? 'nothing noticed', /^I5/);
});
