import test from 'ava';
import type { Hash } from '#core';
import { SourceMaps } from './source-maps.js';

const frameOf = (letter: string) => `Error: broken\n    at f (m@${letter.repeat(12)}.js:1:1)`;

test('source maps: a frame whose map cannot be read, or names no source for it, stays as it is', (t) => {
  const maps = new SourceMaps();
  maps.add('a'.repeat(64) as Hash, 'not json');
  maps.add('b'.repeat(64) as Hash, JSON.stringify({ version: 3, sources: ['x.ts'], names: [], mappings: 'A,CAAA' }));
  maps.add('c'.repeat(64) as Hash, JSON.stringify({ version: 3, sources: ['x.ts'], names: [], mappings: 'AAAA' }));

  for (const letter of ['a', 'a', 'b', 'd']) t.is(maps.mapStack(frameOf(letter)), frameOf(letter));
  t.is(maps.mapStack(frameOf('c')), 'Error: broken\n    at x.ts:1:1');
});
