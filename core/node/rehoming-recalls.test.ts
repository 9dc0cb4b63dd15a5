// Moves that meet a hand-over of the register: a recall waits for it, what is late is told so, and nobody is taken for a liar.
import test from 'ava';
import { spawn } from '../actors/spawn.js';
import type { Logger } from '../ports/logger.js';
import type { SimulatedNode } from '../testing/index.js';
import { outcome, placesOf, registerOf, type ScribeRef, Stage } from './schedules.test-support.js';

const address = 'robot-1/a0';

/** robot-1, whose actors are all on edge, and a second edge: all linked, both edges keep every name. */
async function fleet(actors = 1) {
  const s = new Stage({ seed: 7 });
  const { definitions, durable, w } = s;
  const offences: string[] = [];
  const logger: Logger = { log: (_level, event, fields) => void (event === 'link.offence' && offences.push(JSON.stringify(fields))) };
  const sharing = { definitions, disk: true, nodeOptions: { keepsNameOf: () => true, logger } };
  const one = w.device('robot-1', { definitions, disk: true, nodeOptions: { logger } });
  const edge = w.edge('edge', sharing);
  const second = w.edge('edge-2', sharing);
  await s.link(4, one, edge, second);
  const names = Array.from({ length: actors }, (_, index) => `a${index}`);
  for (const name of names) {
    const ref = spawn(one, durable, name) as ScribeRef;
    await w.settle(ref.put('before'));
    await w.settle(one.move(ref.$address, { to: 'edge' }));
  }
  await w.advance(50);
  const all: readonly SimulatedNode[] = [one, edge, second];
  return { s, w, one, edge, second, all, offences, addresses: names.map((name) => `robot-1/${name}`) };
}

test('rehoming: an actor that is recalled at any moment around the hand-over of its register comes home, with its register', async (t) => {
  for (let ms = -4; ms <= 12; ms += 2) {
    const { s, w, one, all, offences } = await fleet();
    const hand = () => outcome(one.node.rehome(address, 'edge'));
    const early = ms < 0 ? undefined : hand();
    if (ms > 0) await w.advance(ms);
    const recalled = outcome(one.recall(address));
    if (ms < 0) await w.advance(-ms);
    const handed = early ?? hand();

    t.like(await w.settle(recalled), { to: { node: 'robot-1' } }, `${ms} ms`);
    await w.settle(handed);
    await w.advance(3000);
    t.deepEqual(placesOf(address, all), ['robot-1'], `${ms} ms`);
    t.deepEqual(
      all.filter((node) => registerOf(node, address) !== undefined).map(({ name }) => name),
      ['robot-1'],
      `${ms} ms`,
    );
    t.deepEqual((await s.scroll(one.refTo(s.durable, address) as ScribeRef)).entries, ['before'], `${ms} ms`);
    t.deepEqual(offences, [], `${ms} ms`);
  }
});

test('rehoming: many actors that are recalled while their registers are handed over come home over a link that stays', async (t) => {
  const { w, s, one, addresses, offences } = await fleet(20);
  const handed = addresses.map((actor) => outcome(one.node.rehome(actor, 'edge')));
  await w.advance(1);

  const recalled = addresses.map((actor) => outcome(one.recall(actor)));

  for (const report of recalled) t.like(await w.settle(report), { to: { node: 'robot-1' } });
  for (const end of handed) t.is(await w.settle(end), undefined);
  t.deepEqual(s.events('link-down'), []);
  t.deepEqual(offences, []);
});

test('rehoming: a register that is handed on while its actor stays arrives at an edge that never heard of its home', async (t) => {
  const { w, one, all, offences } = await fleet();
  await w.settle(one.node.rehome(address, 'edge'));

  await w.settle(one.node.rehome(address, 'edge-2'));

  await w.advance(100);
  t.deepEqual(
    all.filter((node) => registerOf(node, address) !== undefined).map(({ name }) => name),
    ['edge-2'],
  );
  t.deepEqual(placesOf(address, all), ['edge']);
  t.deepEqual(offences, []);
});

test('rehoming: a register that is wanted elsewhere while it changes hands goes there, or the caller hears why not', async (t) => {
  for (const [to, wanted] of [
    ['robot-1', 'edge-2'],
    ['edge-2', 'robot-1'],
  ]) {
    for (let ms = 0; ms <= 14; ms++) {
      const { w, one, all, offences } = await fleet();
      await w.settle(one.node.rehome(address, 'edge'));
      const first = outcome(one.node.rehome(address, to));
      await w.advance(ms);

      const then = await w.settle(outcome(one.node.rehome(address, wanted)));

      await w.settle(first);
      t.true(then === undefined || then === 'ABORTED', `${ms} ms: ${String(then)}`);
      await w.advance(100);
      t.deepEqual(
        all.filter((node) => registerOf(node, address) !== undefined).map(({ name }) => name),
        [then === undefined ? wanted : to],
        `${ms} ms`,
      );
      t.deepEqual(offences, [], `${ms} ms`);
    }
  }
});

test('rehoming: a next home whose word comes before anybody told of it is no liar', async (t) => {
  for (let ms = 0; ms <= 12; ms += 2) {
    const { s, w, one, edge, all, offences } = await fleet();
    const moved = outcome(edge.move(address, { to: 'edge-2' }));
    await w.advance(ms);

    await w.settle(outcome(one.node.rehome(address, 'edge')));

    t.like(await w.settle(moved), { to: { node: 'edge-2' } });
    await w.advance(3000);
    t.deepEqual(placesOf(address, all), ['edge-2'], `${ms} ms`);
    t.deepEqual(offences, [], `${ms} ms`);
    t.deepEqual(s.diary.overlaps(), [], `${ms} ms`);
  }
});
