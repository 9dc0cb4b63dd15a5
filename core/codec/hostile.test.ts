import test from 'ava';
import fc from 'fast-check';
import { GodwitError } from '../errors.js';
import { evaluate, fidelityTable, refs } from './codec.test-support.js';
import { tag, taggedForm, textForm } from './format.js';
import { decode, encode } from './index.js';

/** Encodings of every row that is not too large to be damaged a thousand times. */
const samples = fidelityTable.map(([, expression]) => encode(evaluate(expression), refs)).filter((bytes) => bytes.length < 8192);

/** Decodes bytes that may be anything. @returns false unless what was thrown, if anything, is what a caller may expect */
function endsWell(bytes: Uint8Array): boolean {
  try {
    decode(bytes, refs);
    return true;
  } catch (thrown) {
    return GodwitError.is(thrown) && thrown.code === 'DATA_LOSS';
  }
}

/** A tagged form with this structure and neither pool nor attachments. */
const structure = (...bytes: number[]) => new Uint8Array([taggedForm, 0, ...unsigned(bytes.length), ...bytes]);
const unsigned = (value: number) => (value < 0x80 ? [value] : [(value & 0x7f) | 0x80, value >> 7]);
const huge = [0xff, 0xff, 0xff, 0xff, 0x0f];

test('codec: truncated bytes are DATA_LOSS at every length', (t) => {
  for (const bytes of samples.filter((sample) => (sample[0] ?? 0) >= taggedForm)) {
    for (let length = 0; length < bytes.length; length++) {
      const error = t.throws(() => decode(bytes.subarray(0, length), refs), { instanceOf: GodwitError });
      if (error.code !== 'DATA_LOSS') t.fail(`${error.code} at ${length}`);
    }
  }
});

test('codec: damaged bytes give a value or DATA_LOSS, nothing else', (t) => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.constantFrom(...samples), damage, fc.nat(), (sample, flips, cut) => {
        const bytes = sample.slice(0, cut % 4 === 0 ? cut % (sample.length + 1) : sample.length);
        for (const [at, byte] of flips) if (bytes.length > 0) bytes[at % bytes.length] = byte;
        return endsWell(bytes);
      }),
      { numRuns: 5000 },
    ),
  );
});

test('codec: random bytes give a value or DATA_LOSS, nothing else', (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.constantFrom(textForm, taggedForm), fc.nat(2), fc.uint8Array({ maxLength: 200 }), (form, encoding, rest) =>
        endsWell(new Uint8Array([form | encoding, ...rest])),
      ),
      { numRuns: 5000 },
    ),
  );
});

/** A tagged form holding one regular expression without flags. */
const regexp = (source: string) => {
  const inside = [tag.regexp, tag.text, ...unsigned(source.length), tag.text, 0];
  return new Uint8Array([taggedForm, ...unsigned(source.length), ...unsigned(inside.length), ...Buffer.from(source), ...inside]);
};

const hostile: ReadonlyArray<readonly [title: string, bytes: Uint8Array]> = [
  ['no bytes', new Uint8Array()],
  ['a form of the future', new Uint8Array([0x40, 1])],
  ['an unknown text encoding', new Uint8Array([textForm | 3, 0x31])],
  ['an array that claims four billion elements', structure(tag.array, ...huge)],
  ['a map that claims four billion entries', structure(tag.map, ...huge)],
  ['an object that claims four billion keys', structure(tag.object, 0, ...huge)],
  ['a buffer that claims four gigabytes', structure(tag.buffer, 0, ...huge)],
  ['a pool that claims four gigabytes', new Uint8Array([taggedForm, ...huge, 1, tag.null])],
  ['a text longer than its pool', structure(tag.text, 9)],
  ['an object not yet met', structure(tag.seen, 0)],
  ['an element beyond its array', structure(tag.sparseArray, 1, 1, 5, tag.null)],
  ['a number of too many bytes', structure(tag.array, ...Array.from({ length: 200 }, () => 0xff), 1)],
  ['bytes left over', structure(tag.null, tag.null)],
  ['tagged nesting without end', structure(...Array.from({ length: 8000 }, () => [tag.array, 1]).flat(), tag.null)],
  ['JSON nesting without end', new Uint8Array([textForm, ...Buffer.from(`${'['.repeat(500_000)}${']'.repeat(500_000)}`)])],
  ['a regular expression nested without end', regexp('(?:'.repeat(5000))],
  ['JSON that is none', new Uint8Array([textForm, ...Buffer.from('{"a":')])],
  ['invalid UTF-8', new Uint8Array([textForm | 1, 0x22, 0xff, 0x22])],
];
for (const [title, bytes] of hostile) {
  test(`codec: ${title}: DATA_LOSS`, (t) => {
    const error = t.throws(() => decode(bytes, refs), { instanceOf: GodwitError });

    t.is(error.code, 'DATA_LOSS');
  });
}

test('codec: a claim of much takes little memory', (t) => {
  const before = process.memoryUsage();

  for (let i = 0; i < 200; i++) for (const [, bytes] of hostile.slice(3, 8)) endsWell(bytes);

  const after = process.memoryUsage();
  t.true(after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers < 64 * 1024 * 1024);
});
