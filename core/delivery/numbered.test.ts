import test from 'ava';
import { Numbered } from './numbered.js';

test('numbered: agrees with a map under any churn, stragglers included', (t) => {
  const table = new Numbered<{ readonly number: number }>();
  const map = new Map<number, { readonly number: number }>();
  let random = 1;
  for (let number = 1; number <= 20_000; number++) {
    table.set(number, { number });
    map.set(number, { number });
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
    // Most go at once, some stay for a while, every thousandth stays for good.
    const leaving = random % 3 === 0 ? number : number - (random % 64);
    if (leaving % 1000 !== 0) t.is(table.delete(leaving), map.delete(leaving));
  }
  for (let number = -1; number <= 20_001; number++) t.deepEqual(table.get(number), map.get(number));
  t.deepEqual(
    [...table.values()].map(({ number }) => number).sort((a, b) => a - b),
    [...map.keys()],
  );
});

test('numbered: numbers that were never given are not found, whatever a peer asks for', (t) => {
  const table = new Numbered<object>();
  for (const number of [0, 1, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    t.false(table.has(number));
    t.false(table.delete(number));
  }
  table.set(2 ** 40, {});
  t.true(table.has(2 ** 40));
  t.false(table.has(0));
  table.clear();
  t.false(table.has(2 ** 40));
  t.deepEqual([...table.values()], []);
});
