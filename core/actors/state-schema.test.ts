import { createHash } from 'node:crypto';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { GodwitError } from '../errors.js';
import type { Hash } from '../ports/digest.js';
import { stateSchemaOf } from './state-schema.js';

/** Hands the text out, so that a test sees what is hashed. */
const schemaOf = async (state: () => unknown) => {
  let text = '';
  const sha256 = async (bytes: Uint8Array) => {
    text = new TextDecoder().decode(bytes);
    return createHash('sha256').update(bytes).digest('hex') as Hash;
  };
  const hash = await stateSchemaOf({ name: 'map', version: 1, state }, { sha256 });
  return { text, hash };
};

test('state schema: is made of fields and kinds, not of values or their order', async (t) => {
  const one = await schemaOf(() => ({
    at: { x: 1, y: 2 },
    names: ['a', 'b'],
    seen: new Map([['a', new Date(0)]]),
    raw: new Uint8Array(2),
    ids: new Set([1]),
    big: 1n,
  }));
  const two = await schemaOf(() => ({
    big: 7n,
    ids: new Set([8, 9]),
    names: ['c'],
    raw: new Uint8Array(9),
    seen: new Map([['b', new Date()]]),
    at: { y: 0, x: 0 },
  }));

  t.is(one.text, 'godwit-state-1\n{"at":{"x":number,"y":number},"big":bigint,"ids":Set<number>,"names":[string],"raw":Uint8Array,"seen":Map<string,Date>}');
  t.is(two.hash, one.hash);
});

test('state schema: another field, another kind, another alternative is another schema', async (t) => {
  const states = [
    {},
    { a: 1 },
    { b: 1 },
    { a: '1' },
    { a: null },
    { a: undefined },
    { a: [1] },
    { a: [1, 'x'] },
    { a: new Map() },
    { a: new Map([[1, 1]]) },
    { a: { b: 1 } },
  ];

  const hashes = await Promise.all(states.map(async (state) => (await schemaOf(() => state)).hash));

  t.is(new Set(hashes).size, states.length);
});

test('state schema: is the same for a state of another realm, and ends for one that contains itself', async (t) => {
  const foreign = await schemaOf(() => runInNewContext('({ seen: new Map([["a", { at: new Date(0), tags: [] }]]) })'));
  const own = await schemaOf(() => ({ seen: new Map([['a', { at: new Date(0), tags: [] }]]) }));
  const ring: { next?: unknown; n: number } = { n: 1 };
  ring.next = { back: ring };

  t.is(foreign.hash, own.hash);
  t.regex((await schemaOf(() => ring)).text, /\n\{"n":number,"next":\{"back":\^2\}\}$/);
});

test('state schema: a state that cannot move is refused with the definition and the place', async (t) => {
  const wrongs: ReadonlyArray<readonly [() => unknown, RegExp]> = [
    [() => ({ on: { change: () => 1 } }), /first state of map v1 cannot move: .*function at \$\.on\.change/],
    [() => ({ socket: new (class Socket {})() }), /instance of class Socket at \$\.socket/],
    [() => JSON.parse('no') as unknown, /first state of map v1 cannot move/],
  ];

  for (const [state, message] of wrongs) {
    const error = await t.throwsAsync(schemaOf(state), { instanceOf: GodwitError });
    t.is(error?.code, 'INVALID_ARGUMENT');
    t.regex(error?.message ?? '', message);
  }
});
