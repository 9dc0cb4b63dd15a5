// Schedules 3, 6 and 9 of the ten that must hold: moves that overlap, follow each other, or are given up (DESIGN §8, I1–I7).
import test from 'ava';
import { dispatch } from '../actors/ref.js';
import { spawn } from '../actors/spawn.js';
import type { SimulatedNode } from '../testing/index.js';
import {
  assertOneCopy,
  isInOrder,
  items,
  kinds,
  type MessageSeen,
  numbered,
  outcome,
  placesOf,
  positions,
  registerOf,
  repeat,
  type ScribeHandlers,
  Stage,
} from './schedules.test-support.js';

const patient = { timeoutMs: 20_000 } as const;
/** Records that a sender may have unhandled at a receiver. */
const windowRecords = 1024;
const floodRecords = 1100;

function mailboxOf(address: string, node: SimulatedNode): number {
  return node.actors().find((info) => info.address === address)?.mailboxRecords ?? 0;
}

for (const kind of kinds) {
  test(`schedule: 3 A and B swap nodes, windows full, asking each other, one move given up (${kind})`, async (t) => {
    const ends: Record<string, number> = {};
    let overlapped = 0;
    for (let frame = 1; frame <= 7; frame++) {
      const what = `${kind}, given up at frame ${frame}`;
      const s = new Stage({ seed: frame });
      const { definitions, w } = s;
      const robot = w.device('robot', { definitions });
      const [one, two] = [w.edge('one', { definitions }), w.edge('two', { definitions })];
      const nodes = [robot, one, two];
      await s.link(10, ...nodes);
      const [a, b] = [spawn(robot, s[kind], 'a'), spawn(robot, s[kind], 'b')];
      await w.settle(Promise.all([a.all(), b.all()]));
      await w.settle(Promise.all([robot.move('robot/a', { to: 'one' }), robot.move('robot/b', { to: 'two' })]));
      await w.advance(50);

      // Each waits for the other, which waits: until its deadline no turn ends, and windows fill.
      dispatch(a, 'flood', { to: b, entry: 'of a', count: floodRecords });
      dispatch(b, 'flood', { to: a, entry: 'of b', count: floodRecords });
      const asks = Promise.all([
        outcome(a.ask({ to: b, entry: 'a', timeoutMs: 300 }, patient)),
        outcome(b.ask({ to: a, entry: 'b', timeoutMs: 300 }, patient)),
      ]);
      await w.advance(60);
      t.true(mailboxOf('robot/a', one) >= windowRecords && mailboxOf('robot/b', two) >= windowRecords, `${what}: windows are full`);
      const controller = new AbortController();
      const moves = Promise.all([outcome(one.move('robot/a', { to: 'two' })), outcome(two.move('robot/b', { to: 'one', signal: controller.signal }))]);
      await w.advance(200);
      let capturesBefore = 0;
      let grantsBefore = 0;
      s.frames.atFrame(frame, one, two, () => {
        capturesBefore = s.frames.count('capture') - 2;
        grantsBefore = s.frames.count('grant', two) + s.frames.count('grant', one) - 2;
        controller.abort();
      });
      const [moved, given] = await w.settle(moves);
      const codes = await w.settle(asks);
      await w.settle(outcome(a.put('last', patient)));
      await w.settle(outcome(b.put('last', patient)));
      await w.advance(3000);

      if (capturesBefore > 0 && grantsBefore <= 0) overlapped += 1;
      t.is(typeof moved, 'object', what);
      const end = typeof given === 'string' ? given : 'OK';
      ends[end] = (ends[end] ?? 0) + 1;
      t.deepEqual(placesOf('robot/a', nodes), ['two'], what);
      t.deepEqual(placesOf('robot/b', nodes), [end === 'OK' ? 'one' : 'two'], what);
      for (const [address, ref, from] of [['robot/a', a, 'of b'] as const, ['robot/b', b, 'of a'] as const]) {
        assertOneCopy(t, s, address, nodes, what);
        const { entries } = await s.scroll(ref);
        t.deepEqual(
          entries.filter((entry) => entry.startsWith(`${from} `)),
          numbered(from, floodRecords),
          what,
        );
        t.is(entries.filter((entry) => entry === 'last').length, 1, what);
        t.true(entries.filter((entry) => entry.endsWith('asked')).length <= 1, what);
      }
      // They waited for each other: both were told so, and neither waits any more.
      t.deepEqual(codes, ['DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED'], what);
      const events = [...s.events('gap'), ...s.events('diverged'), ...s.events('restored'), ...s.events('dead-letter'), ...s.events('link-down')];
      t.deepEqual(events, [], what);
    }
    t.true((ends.CANCELLED ?? 0) >= 3 && (ends.OK ?? 0) >= 3, JSON.stringify(ends));
    t.true(overlapped >= 2, `${overlapped} were given up while both were captured`);
  });
}

const commitTypes = ['propose', 'decided', 'grant', 'running', 'ready', 'capture', 'prepare'];

for (const kind of kinds) {
  test(`schedule: 6 S→T→U, T dies before stable, the old commit repeats (${kind})`, async (t) => {
    const owners: Record<string, number> = {};
    let repeated = 0;
    for (let run = 0; run < 60; run++) {
      const frame = 1 + (run >> 1);
      const what = `${kind}, T dies at frame ${frame}, ${run % 2 === 0 ? 'lost' : 'delivered'}`;
      const s = new Stage({ seed: run + 1 });
      const { definitions, w } = s;
      const robot = w.device('robot', { definitions });
      const [S, T, U] = [w.edge('S', { definitions }), w.edge('T', { definitions }), w.edge('U', { definitions })];
      const nodes = [robot, S, T, U];
      await s.link(10, ...nodes);
      const ledger = spawn(robot, s[kind], 'l');
      const far = spawn(robot, s.volatile, 'other');
      for (const entry of numbered('before', 2)) await w.settle(ledger.put(entry));
      await w.settle(robot.move('robot/l', { to: 'S' }));
      await w.settle(ledger.put('before 3'));
      await w.advance(50);

      const from = s.frames.messages.length;
      const first = outcome(S.move('robot/l', { to: 'T' }));
      const answers = Promise.all(numbered('e', 8).map((entry) => outcome(ledger.put(entry, patient))));
      const tells = numbered('f', 4);
      for (const entry of tells) dispatch(far, 'pass', { to: ledger, entry });
      await s.until(() => s.events('arrived').length === 2, 'T');
      const old = s.frames.messages.slice(from).filter(({ type }) => commitTypes.includes(type));
      const second = outcome(T.move('robot/l', { to: 'U' }));
      await s.killAt(frame, T, [robot, S, U], run % 2 === 0);
      old.push(...s.frames.messages.slice(from + old.length).filter((seen) => isOf(seen, old) && !old.includes(seen)));
      const stable = registerOf(robot, 'robot/l')?.epoch === 3 && registerOf(robot, 'robot/l')?.standby?.name === 'robot';
      for (const [index, ms] of [1, 100, 600, 1700, 800].entries()) {
        await w.advance(ms);
        if (index === 2) w.restart(T);
        const before = registerOf(robot, 'robot/l');
        for (const seen of old) if (repeat(seen, node(seen.from), node(seen.to))) repeated += 1;
        t.is(registerOf(robot, 'robot/l')?.epoch, before?.epoch, what);
        t.is(registerOf(robot, 'robot/l')?.owner.boot, before?.owner.boot, what);
      }
      await w.settle(Promise.all([first, second].map((move, index) => (index === 0 ? move : outcome(move)))));
      const got = await w.settle(answers);
      await w.settle(ledger.put('last', patient));
      await w.settle(far.pass({ to: ledger, entry: 'f 5' }, patient));
      await w.advance(3000);

      const { entries } = await s.scroll(ledger);
      const register = registerOf(robot, 'robot/l');
      assertOneCopy(t, s, 'robot/l', nodes, what);
      t.deepEqual(placesOf('robot/l', nodes), [register?.owner.name], what);
      t.is(register?.epoch, 4, what);
      const end = `${register?.owner.name}${stable ? ' after stable' : ''}`;
      owners[end] = (owners[end] ?? 0) + 1;
      const own = entries.filter((entry) => !entry.endsWith('passed'));
      t.true(isInOrder(own, [...numbered('before', 3), ...numbered('e', 8), 'last']), `${what}: ${entries.join(', ')}`);
      t.true(
        isInOrder(
          entries.filter((entry) => entry.endsWith('passed')),
          numbered('f', 5, ' passed'),
        ),
        `${what}: ${entries.join(', ')}`,
      );
      const lost = s.events('gap').reduce((sum, gap) => sum + gap.lost, 0);
      t.is(entries.length, 17 - lost, `${what}: ${entries.join(', ')}`);
      t.deepEqual(
        got.filter((position) => typeof position === 'string'),
        [],
        what,
      );
      t.is(s.events('restored').length, register?.owner.name === 'robot' ? 1 : 0, what);
      if (kind === 'volatile') continue;
      t.is(lost + s.events('diverged').length + s.events('dead-letter').length, 0, what);
      t.deepEqual(
        got.map((position) => entries[(position as number) - 1]),
        numbered('e', 8),
        what,
      );

      function node(name: string): SimulatedNode {
        return nodes.find((other) => other.name === name) as SimulatedNode;
      }
    }
    t.true(repeated > 100, `${repeated} messages repeated`);
    t.true((owners.robot ?? 0) > 3 && (owners.U ?? 0) > 3, JSON.stringify(owners));
  });
}

function isOf({ type, message }: MessageSeen, old: readonly MessageSeen[]): boolean {
  return commitTypes.includes(type) && old.some((seen) => (seen.message as { move?: string }).move === (message as { move?: string }).move);
}

for (const kind of kinds) {
  test(`schedule: 9 a freeze with a full mailbox, local records, a generator, a timer and an expiring ask, then given up (${kind})`, async (t) => {
    // The last is given up by nobody: READY does not come in time.
    for (const afterMs of [1, 40, 190, 260, 500, 1500, undefined]) {
      const what = `${kind}, given up after ${afterMs} ms`;
      const s = new Stage({ seed: 9 });
      const { definitions, w } = s;
      const robot = w.device('robot', { definitions });
      const phone = w.device('phone', { definitions });
      const edge = w.edge('edge', { definitions });
      const nodes = [robot, phone, edge];
      w.link(robot, edge, { rttMs: 10, detectMs: 30_000 });
      w.link(robot, phone, { rttMs: 40, detectMs: 30_000 });
      w.link(phone, edge, { rttMs: 40, detectMs: 30_000 });
      await w.advance(300);
      const worker = spawn(robot, s[kind], 'w');
      const near = spawn(robot, s[kind], 'near');
      const away = spawn(phone, s.volatile, 'away');
      const far = phone.refTo(s[kind], 'robot/w');
      const pace = robot.refTo(s.volatile, 'phone/away');
      await w.settle(Promise.all([worker.all(), near.all(), away.all(), far.all()]));
      await w.advance(100);

      const read: number[] = [];
      const readFar: number[] = [];
      const readers = Promise.all([
        (async () => {
          for await (const item of worker.each(0, patient)) {
            read.push(item);
            // At the pace of a link.
            if (item % 16 === 0) await pace.all(undefined, patient);
          }
        })(),
        (async () => {
          for await (const item of far.each(0, patient)) readFar.push(item);
        })(),
      ]);
      dispatch(worker, 'remind', { ms: 300, entry: 'timer' });
      await w.advance(60);
      const controller = new AbortController();
      // Its running turn lasts as long as the phone's answer takes; behind it the mailbox fills.
      const asked = outcome(worker.ask({ to: pace, entry: 'long' }, patient));
      for (const entry of numbered('app', 1000)) dispatch(worker, 'put', entry);
      for (const entry of numbered('near', 50)) dispatch(near, 'pass', { to: worker, entry });
      for (const entry of numbered('far', 50)) dispatch<ScribeHandlers, 'put'>(far, 'put', entry);
      s.frames.atMessage('capture', edge, () => w.cut(robot, edge, { silent: true }));
      const move = outcome(robot.move('robot/w', { to: 'edge', signal: controller.signal }));
      await s.until(() => s.frames.count('capture') === 1, 'the freeze');
      t.true(mailboxOf('robot/w', robot) >= 1000, `${what}: ${mailboxOf('robot/w', robot)} records wait`);
      const turns = s.diary.of('robot/w').length;
      const { yielded } = s.diary;
      t.true(
        yielded > items / 2 && yielded < 2 * items && readFar.length < items && read.length < items,
        `${what}: its generators had yielded ${yielded} items`,
      );
      const frozenMs = w.nowMs;
      const expires = outcome(worker.put('expires', { timeoutMs: 200 }));
      for (const entry of numbered('late', 20)) dispatch(near, 'pass', { to: worker, entry });
      if (afterMs === undefined) await s.until(() => s.events('move-failed').length === 1, 'the end of the move');
      else await w.advance(afterMs);
      // What it takes between two looks of the test is part of the freeze, or after its end.
      const heard = s.diary.of('robot/w').filter(({ atMs }) => atMs < frozenMs + (afterMs ?? 1900));
      t.is(heard.length, turns, `${what}: it ran while it was frozen`);
      if (afterMs !== undefined) t.is(s.diary.yielded, yielded, `${what}: its generators went on while it was frozen`);
      controller.abort();
      const end = await w.settle(move);
      t.is(end, afterMs === undefined ? 'DEADLINE_EXCEEDED' : 'CANCELLED', what);
      w.heal();
      const expired = await w.settle(expires);
      t.is(typeof (await w.settle(asked)), 'number', what);
      await w.settle(readers);
      await w.advance(1000);

      const { entries } = await s.scroll(worker);
      const everyItem = positions(items).map((item) => item - 1);
      t.deepEqual([read, readFar], [everyItem, everyItem], what);
      const wanted = {
        app: numbered('app', 1000),
        near: [...numbered('near', 50, ' passed'), ...numbered('late', 20, ' passed')],
        far: numbered('far', 50),
        timer: ['timer', 'timer reminded'],
        long: ['long'],
      };
      for (const [sender, each] of Object.entries(wanted))
        t.deepEqual(
          entries.filter((entry) => each.includes(entry)),
          each,
          `${what}, ${sender}`,
        );
      t.is(expired, (afterMs ?? 1e9) < 200 ? entries.indexOf('expires') + 1 : 'DEADLINE_EXCEEDED', what);
      const count = Object.values(wanted).flat().length;
      t.is(entries.length, count + (entries.includes('expires') ? 1 : 0), what);
      t.is(robot.actors().find(({ address }) => address === 'robot/w')?.epoch, 1, what);
      t.is(s.events('move-failed').length, 1, what);
      t.is(s.events('gap').length + s.events('restored').length + s.events('dead-letter').length + s.events('turn-failed').length, 0, what);
      // And it moves, when it may.
      await w.settle(robot.move('robot/w', { to: 'edge' }));
      t.is((await s.scroll(worker)).entries.length, entries.length, what);
      assertOneCopy(t, s, 'robot/w', nodes, what);
    }
  });
}
