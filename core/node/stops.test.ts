// An actor that is stopped at any moment of a move is over everywhere, wherever its home is.
import test from 'ava';
import { spawn } from '../actors/spawn.js';
import { outcome, placesOf, registerOf, type ScribeRef, Stage } from './schedules.test-support.js';

const address = 'robot/a';

for (const kind of ['volatile', 'durable'] as const) {
  for (const [what, from, to] of [
    ['away from its home', 'robot', 'edge'],
    ['between edges', 'edge', 'edge-2'],
    ['home', 'edge', 'robot'],
  ] as const) {
    test(`stop: an actor that is stopped on its way ${what} is over, its name is free, and who waits for it hears so (${kind})`, async (t) => {
      let stopped = 0;
      for (let halves = 0; halves < 40; halves++) {
        const s = new Stage({ seed: 1 });
        const { definitions, w } = s;
        const robot = w.device('robot', { definitions, disk: true });
        const edge = w.edge('edge', { definitions, disk: true });
        const nodes = [robot, edge, w.edge('edge-2', { definitions, disk: true })];
        await s.link(4, ...nodes);
        const ref = spawn(robot, s[kind], 'a') as ScribeRef;
        await w.settle(ref.put('before'));
        if (from === 'edge') await w.settle(robot.move(address, { to: 'edge' }));
        await w.advance(50);
        const source = from === 'edge' ? edge : robot;
        const move = outcome(robot.move(address, { to }));
        await w.advance(halves / 2);
        if (!placesOf(address, [source]).includes(from)) break;
        stopped += 1;

        source.stop(address);

        const waiting = await w.settle(outcome(ref.put('late', { timeoutMs: 30_000 })));
        t.true(waiting === 'NOT_FOUND' || waiting === 2, `${halves / 2} ms: ${waiting}`);
        await w.settle(move);
        await w.advance(10_000);
        t.is(await w.settle(outcome(ref.put('later', { timeoutMs: 30_000 }))), 'NOT_FOUND', `${halves / 2} ms`);
        t.deepEqual(
          [placesOf(address, nodes), nodes.filter((node) => registerOf(node, address) !== undefined).map(({ name }) => name)],
          [[], []],
          `${halves / 2} ms`,
        );
        t.is(await w.settle((robot.child(s[kind], 'a') as ScribeRef).put('new')), 1, `${halves / 2} ms`);
      }
      t.true(stopped > 5);
    });
  }
}
