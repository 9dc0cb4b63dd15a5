import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import fc from 'fast-check';
import { evaluate, fidelityTable, type GuestCodec, refs, startGuestCodec } from './codec.test-support.js';
import { decode, encode } from './index.js';

let guest: GuestCodec;
test.before(async () => {
  guest = await startGuestCodec();
});
test.after.always(() => guest?.dispose());

for (const [title, expression] of fidelityTable) {
  test(`codec in QuickJS: same bytes as V8, and nothing lost there and back, for ${title}`, (t) => {
    const bytes = encode(evaluate(expression), refs);

    const made = guest.encode(expression);
    const returned = guest.recode(bytes);

    t.true(isDeepStrictEqual(made, bytes), 'made in the guest');
    t.true(isDeepStrictEqual(returned, bytes), 'there and back');
    t.true(isDeepStrictEqual(decode(returned, refs), evaluate(expression)));
  });
}

test('codec in QuickJS: any value comes back with the same bytes', (t) => {
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
    withUnicodeString: true,
  });
  t.notThrows(() =>
    fc.assert(
      fc.property(anything, (value) => {
        const bytes = encode(value, refs);
        return isDeepStrictEqual(guest.recode(bytes), bytes);
      }),
      { numRuns: 300 },
    ),
  );
});

test('codec in QuickJS: every number is written with the same digits', (t) => {
  const numbers = fc.array(
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => n !== 0),
    { minLength: 500, maxLength: 500 },
  );
  for (const sample of fc.sample(numbers, { numRuns: 20, seed: 7 })) {
    const bytes = encode(sample, refs);
    t.true(isDeepStrictEqual(guest.recode(bytes), bytes));
  }
});

test('codec in QuickJS: refs come back with the same bytes', (t) => {
  const ref = refs.revive({ $address: 'robot-1/map', $protocol: { definition: 'map-server', version: 1, messages: { view: 'reply' } } });
  const bytes = encode({ ref, list: [ref, undefined] }, refs);

  t.deepEqual(guest.recode(bytes), bytes);
});

test('codec in QuickJS: damaged and bottomless bytes are DATA_LOSS there too', (t) => {
  const nested = encode(evaluate('[undefined]'), refs);
  const inputs = [
    nested.subarray(0, nested.length - 1),
    new Uint8Array([0x10, ...Buffer.from('['.repeat(100_000))]),
    new Uint8Array([0x11, 0x22, 0xff, 0x22]),
    new Uint8Array(),
  ];

  for (const input of inputs) {
    const code = guest.run(`(() => { try { codec.decode(input, refs); return 'decoded'; } catch (e) { return e.code; } })()`, input);

    t.is(code, 'DATA_LOSS');
  }
});
