// Moves given up at moments that only a platform's own pace shows: hashing takes its time there.
import test from 'ava';
import { actor } from '../actors/definition.js';
import { spawn } from '../actors/spawn.js';
import { sha256Digest } from '../testing/sha256.js';
import { world } from '../testing/world.js';

const Echo = actor('echo', { state: () => ({}), on: { say: (_state: object, what: string) => what } });

test('move: one that is given up while the capture is hashed leaves an actor that answers', async (t) => {
  const w = world({ seed: 1 });
  let hashed = () => {};
  const digest = {
    sha256: async (bytes: Uint8Array) => {
      await new Promise<void>((resolve) => {
        hashed = resolve;
      });
      return sha256Digest.sha256(bytes);
    },
  };
  const robot = w.device('robot', { nodeOptions: { digest } });
  const edge = w.edge('edge', { definitions: [Echo] });
  w.link(robot, edge, { rttMs: 10 });
  await w.advance(100);
  const echo = spawn(robot, Echo, 'e');
  t.is(await w.settle(echo.say('before')), 'before');
  const moved = robot.move('robot/e', { to: 'edge' });
  await w.advance(100);
  w.cut(robot, edge);
  await t.throwsAsync(w.settle(moved), { code: 'UNAVAILABLE' });
  hashed();

  t.is(await w.settle(echo.say('after', { timeoutMs: 1000 })), 'after');
});
