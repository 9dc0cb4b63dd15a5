import assert from 'node:assert/strict';
import test from 'node:test';
import { spawn } from 'godwit';
import { forEachSeed } from 'godwit/testing';
import { countPrimes, WordCount } from './actors.js';

test('word count: keeps its words across a move, whatever the network does', async () => {
  await forEachSeed({ count: 20 }, async (world) => {
    const robot = world.device('robot', { definitions: [WordCount] });
    const edge = world.edge('edge', { definitions: [WordCount] });
    world.link(robot, edge, { rttMs: 20, jitterMs: 10 });
    await world.advance(1000);

    const words = spawn(robot, WordCount, 'words');
    await world.settle(words.add('one two two'));
    await world.settle(robot.move('robot/words', { to: 'edge' }));
    await world.settle(words.add('two'));

    assert.deepEqual(await world.settle(words.most(2)), [
      ['two', 3],
      ['one', 1],
    ]);
  });
});

test('count primes: is a function like any other', async () => {
  assert.equal(await countPrimes(100), 25);
});
