import test from 'ava';
import { GodwitError } from '../errors.js';
import { refs } from './codec.test-support.js';
import { carriesRef } from './index.js';

const ref = refs.revive({ $address: 'robot-1/map', $protocol: { definition: 'map-server', version: 1, messages: {} } }) as object;

function nested(levels: number, innermost: unknown): unknown {
  let value = innermost;
  for (let i = 0; i < levels; i++) value = { value };
  return value;
}

const withRef: ReadonlyArray<readonly [title: string, value: unknown]> = [
  ['a ref itself', ref],
  ['a ref in an object', { a: 1, ref }],
  ['a ref in an array in an object', { list: [1, [ref]] }],
  ['a ref as key of a map', { m: new Map([[ref, 1]]) }],
  ['a ref as value of a map', [new Map([['k', ref]])]],
  ['a ref in a set', new Set([1, ref])],
  ['a ref as cause of an error', { e: new Error('x', { cause: ref }) }],
  ['a ref in the details of a GodwitError', new GodwitError('ABORTED', 'x', { details: [ref] })],
  ['a ref deeper than the quick walk goes', nested(5000, ref)],
  ['a ref behind more objects than the quick walk visits', [...Array.from({ length: 1000 }, () => ({})), ref]],
];
for (const [title, value] of withRef) {
  test(`carriesRef: finds ${title}`, (t) => {
    t.true(carriesRef(value));
  });
}

const cycle: { self?: unknown; list: unknown[] } = { list: [] };
cycle.self = cycle;
cycle.list.push(cycle, new Map([[cycle, cycle]]));
const without: ReadonlyArray<readonly [title: string, value: unknown]> = [
  ['primitives', 'text'],
  ['undefined', undefined],
  ['bytes', new Uint8Array(800_000)],
  ['small objects', { id: 'a', x: 1, bytes: new Uint8Array(4), at: new Date() }],
  ['a cycle', cycle],
  ['ten thousand objects', Array.from({ length: 10_000 }, (_, x) => ({ x }))],
  ['100 000 levels', nested(100_000, 1)],
];
for (const [title, value] of without) {
  test(`carriesRef: none in ${title}`, (t) => {
    t.false(carriesRef(value));
  });
}
