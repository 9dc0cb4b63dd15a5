import test from 'ava';
import fc from 'fast-check';
import { GodwitError } from '../errors.js';
import { canonicalJson } from './index.js';

test('canonical JSON: is that of RFC 8785', (t) => {
  // §3.2.2 and §3.2.3 of the RFC.
  const literals = {
    numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
    string: '€$\u000f\u000aA\'\u0042\u0022\u005c\\"/',
    literals: [null, true, false],
  };
  const keys = {
    '\u20ac': 'Euro Sign',
    '\r': 'Carriage Return',
    '\ufb33': 'Hebrew Letter Dalet With Dagesh',
    '1': 'One',
    '\ud83d\ude00': 'Emoji: Grinning Face',
    '\u0080': 'Control',
    '\u00f6': 'Latin Small Letter O With Diaeresis',
  };

  t.is(
    canonicalJson(literals),
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
  t.regex(canonicalJson(keys), /Carriage Return.*One.*Control.*Latin Small.*Euro Sign.*Emoji.*Hebrew/);
});

test('canonical JSON: does not depend on the order in which keys were set, and reads back as the same value', (t) => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const reversed = (of: unknown): unknown => {
        if (Array.isArray(of)) return of.map(reversed);
        if (typeof of !== 'object' || of === null) return of;
        return Object.fromEntries(
          Object.entries(of)
            .reverse()
            .map(([key, item]) => [key, reversed(item)]),
        );
      };
      t.is(canonicalJson(reversed(value)), canonicalJson(value));
      t.is(canonicalJson(JSON.parse(canonicalJson(value))), canonicalJson(value));
    }),
  );
});

test('canonical JSON: refuses what has no JSON of its own', (t) => {
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  // 2^100 leaves: what is in a value twice would be written out twice.
  const bomb = Array.from({ length: 100 }).reduce((inner: unknown) => [inner, inner], 1);
  const deep = Array.from({ length: 300 }).reduce((inner: unknown) => [inner], 1);
  const wrongs = [
    undefined,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1n,
    () => 1,
    { a: undefined },
    new Array(2),
    new Date(0),
    new Map(),
    '\ud800',
    { '\udc00': 1 },
    cyclic,
    bomb,
    deep,
  ];

  for (const wrong of wrongs) t.is(t.throws(() => canonicalJson(wrong), { instanceOf: GodwitError })?.code, 'INVALID_ARGUMENT');
});
