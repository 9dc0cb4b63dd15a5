// Schedules 1, 5 and 8 of the ten that must hold: an owner that is thought lost comes back, or comes back empty (DESIGN §8, I1–I6).
import test from 'ava';
import { dispatch } from '../actors/ref.js';
import { spawn } from '../actors/spawn.js';
import { assertOneCopy, type Entry, isInOrder, kinds, numbered, outcome, positions, registerOf, type ScribeHandlers, Stage } from './schedules.test-support.js';

const patient = { timeoutMs: 20_000 } as const;
/** A lease and the margin for clocks: nobody takes over before. */
const leaseMs = 2000;

for (const kind of kinds) {
  test(`schedule: 1 a lost commit answer, then the target's lease ends, the source restores, the target wakes and flushes its sockets (${kind})`, async (t) => {
    let flushed = 0;
    // Seeds decide whether a node that wakes finds its timers or its sockets first.
    for (let seed = 1; seed <= 12; seed++) {
      const what = `${kind}, seed ${seed}`;
      const s = new Stage({ seed });
      const { definitions, w } = s;
      const robot = w.device('robot', { definitions });
      const phone = w.device('phone', { definitions });
      const [source, target] = [w.edge('source', { definitions }), w.edge('target', { definitions })];
      const nodes = [robot, phone, source, target];
      await s.link(10, ...nodes);
      const courier = spawn(robot, s[kind], 'c');
      const reader = spawn(phone, s.volatile, 'r');
      const to = robot.refTo(s.volatile, 'phone/r');
      for (const entry of numbered('before', 3)) await w.settle(courier.pass({ to, entry }));
      await w.settle(robot.move('robot/c', { to: 'source' }));
      await w.advance(50);

      // The home's answer to the source goes down with their link.
      let lost = false;
      s.frames.atMessage('decided', source, () => {
        lost = true;
        w.cut(robot, source);
      });
      const move = outcome(source.move('robot/c', { to: 'target' }));
      await s.until(() => s.events('arrived').length === 2, 'the target');
      t.true(lost, what);
      w.heal(robot, source);
      // What the target says to the phone from now on arrives when it has woken.
      w.cut(target, phone, { silent: true });
      for (const entry of numbered('late', 4)) dispatch(courier, 'pass', { to, entry });
      await s.until(() => s.diary.of('robot/c').length === 3 + 4, 'the turns of the target');
      await w.advance(seed % 2 === 0 ? 1 : 60);
      w.pause(target);
      const asleepMs = w.nowMs;
      dispatch(courier, 'pass', { to, entry: 'in its socket' });
      await s.until(() => s.events('restored').length === 1, 'the takeover', 10);
      t.true(w.nowMs - asleepMs > leaseMs - 600, what);
      const again = await w.settle(courier.pass({ to, entry: 'after' }, patient));
      // The heir has spoken to the reader; of a durable courier the flush may as well come first.
      if (kind === 'volatile' || seed % 3 !== 0) await w.advance(30);
      const turnsBefore = s.diary.of('robot/c').length;
      const late = s.frames.between('target', 'phone');
      w.resume(target);
      w.heal(target, phone);
      await w.advance(3000);

      t.is(s.diary.of('robot/c').length, turnsBefore, `${what}: the target ran a turn after its lease`);
      if (s.frames.between('target', 'phone') > late) flushed += 1;
      const [restored] = s.events('restored');
      t.is(restored?.epoch, 4, what);
      t.is(registerOf(robot, 'robot/c')?.owner.name, 'robot', what);
      const passed = (await s.scroll(courier)).entries;
      const read = (await s.scroll(reader)).entries;
      assertOneCopy(t, s, 'robot/c', nodes, what);
      const sent = [...numbered('before', 3), ...numbered('late', 4), 'in its socket', 'after'];
      t.is(passed[again - 1], 'after', what);
      t.true(isInOrder(passed, sent), `${what}: ${passed.join(', ')}`);
      // What the target sent and its heir does not remember is fenced: the reader has what the courier believes to have passed on, and no more.
      t.deepEqual(
        read,
        passed.map((entry) => `${entry} passed`),
        what,
      );
      const lostTurns = s.events('gap').reduce((sum, gap) => sum + gap.lost, 0);
      t.is(lostTurns, sent.length - passed.length, what);
      if (kind === 'durable') t.is(lostTurns + s.events('diverged').length, 0, what);
      t.is(restored?.incarnation, kind === 'durable' ? 1 : 5, what);
      // The source heard of its commit although the answer was lost.
      t.not(await w.settle(move), 'DEADLINE_EXCEEDED', what);
    }
    t.true(flushed >= 6, `sockets were flushed in ${flushed} runs`);
  });
}

for (const kind of ['volatile', 'checkpointed', 'durable'] as const) {
  test(`schedule: 5 an edge restarts empty within its lease (${kind})`, async (t) => {
    let underLoad = 0;
    for (let run = 0; run < 50; run++) {
      const frame = 1 + (run >> 1);
      const what = `${kind}, crash at frame ${frame}, ${run % 2 === 0 ? 'lost' : 'delivered'}`;
      const s = new Stage({ seed: run + 1 });
      const { definitions, w } = s;
      const robot = w.device('robot', { definitions });
      const phone = w.device('phone', { definitions });
      const edge = w.edge('edge', { definitions });
      await s.link(10, robot, phone, edge);
      const ledger = spawn(robot, s[kind], 'l');
      const far = phone.refTo(s[kind], 'robot/l');
      const courier = spawn(phone, s.durable, 'c');
      await w.settle(Promise.all([ledger.all(), courier.all()]));
      await w.advance(100);
      await w.settle(robot.move('robot/l', { to: 'edge' }));
      await w.settle(far.put('phone 0'));
      await w.advance(20);

      const answers = Promise.all(numbered('robot', 10).map((entry) => outcome(ledger.put(entry, patient))));
      for (const entry of numbered('phone', 10)) dispatch<ScribeHandlers, 'put'>(far, 'put', entry);
      const errands = Promise.all(numbered('courier', 3).map((entry) => courier.ask({ to: far, entry }, patient)));
      await s.killAt(frame, edge, [robot, phone], run % 2 === 0);
      const crashedMs = w.nowMs;
      await w.advance(run % 5);
      w.restart(edge);
      await s.until(() => s.events('restored').length === 1, 'the takeover', 5);
      t.true(w.nowMs - crashedMs < leaseMs, `${what}: restored after ${w.nowMs - crashedMs} ms`);
      const positionsGot = await w.settle(answers);
      t.deepEqual(await w.settle(errands), positions(3), what);
      await w.settle(far.put('last', patient));
      await w.settle(courier.ask({ to: far, entry: 'courier 4' }, patient));
      await w.advance(100);

      const { entries } = await s.scroll(ledger);
      assertOneCopy(t, s, 'robot/l', [robot, phone, edge], what);
      t.is(registerOf(robot, 'robot/l')?.epoch, 3, what);
      const wanted: Entry[][] = [numbered('robot', 10), ['phone 0', ...numbered('phone', 10), 'last'], numbered('courier', 4, ' asked')];
      for (const each of wanted) {
        const own = entries.filter((entry) => each.includes(entry));
        t.true(isInOrder(own, each), `${what}: ${own.join(', ')}`);
      }
      const lost = s.events('gap').reduce((sum, gap) => sum + gap.lost, 0);
      t.is(s.events('dead-letter').length, 0, what);
      t.is(entries.length, 26 - lost, `${what}: ${entries.join(', ')}`);
      t.deepEqual((await s.scroll(courier)).entries, numbered('courier', 4), what);
      if (kind === 'volatile') {
        if (lost > 0) underLoad += 1;
        continue;
      }
      t.is(lost, 0, what);
      t.deepEqual(
        positionsGot.filter((position) => typeof position === 'string'),
        [],
        what,
      );
      if (s.diary.of('robot/l').length > 26) underLoad += 1;
      if (kind === 'checkpointed') continue;
      t.deepEqual(
        positionsGot.map((position) => entries[(position as number) - 1]),
        wanted[0],
        what,
      );
      t.is(s.events('reexecuted').length + s.events('diverged').length, 0, what);
    }
    t.true(underLoad > 2, `turns were lost or run again in ${underLoad} runs`);
  });
}

for (const kind of ['volatile', 'checkpointed', 'durable'] as const) {
  test(`schedule: 8 a standby takes over while the owner is SIGSTOPped and the directory read is stale (${kind})`, async (t) => {
    let stale = 0;
    let without = 0;
    for (const asleepMs of [300, 1500, 1900, 2050, 2110, 2300, 2800, 4000]) {
      for (let seed = 1; seed <= 4; seed++) {
        const what = `${kind}, asleep for ${asleepMs} ms, seed ${seed}`;
        const s = new Stage({ seed });
        const { definitions, w } = s;
        const robot = w.device('robot', { definitions });
        const phone = w.device('phone', { definitions });
        const edge = w.edge('edge', { definitions });
        await s.link(10, robot, phone, edge);
        const scribe = s[kind];
        const ledger = spawn(robot, scribe, 'l');
        const far = phone.refTo(scribe, 'robot/l');
        await w.settle(robot.move('robot/l', { to: 'edge' }));
        const near = edge.refTo(scribe, 'robot/l');
        // It only tells, so nothing that the actor sends can let it know where that is.
        for (const entry of numbered('phone', 2)) dispatch<ScribeHandlers, 'put'>(far, 'put', entry);
        await s.until(() => s.diary.of('robot/l').length === 2, 'the turns of the edge');
        await w.settle(near.put('edge 1'));
        await w.advance(40 * seed);

        w.pause(edge);
        for (const entry of numbered('stale', 5)) dispatch<ScribeHandlers, 'put'>(far, 'put', entry);
        const home = Promise.all(numbered('robot', 5).map((entry) => outcome(ledger.put(entry, patient))));
        await w.advance(asleepMs);
        const tookOver = s.events('restored').length === 1;
        if (tookOver) {
          stale += 1;
          t.is(phone.where('robot/l')?.node, 'edge', `${what}: the phone reads where it was`);
        } else without += 1;
        const turns = s.diary.of('robot/l').length;
        // The owner's own application asks before it has woken: the world's pause does not hold a test.
        const here = outcome(near.put('edge 2', patient));
        w.resume(edge);
        await w.advance(0);
        if (tookOver) t.is(s.diary.of('robot/l').filter(({ node }, index) => node === 'edge' && index >= turns).length, 0, `${what}: it ran on`);
        const codes = await w.settle(Promise.all([home, here]));
        await w.settle(near.put('edge 3', patient));
        await w.settle(far.put('phone 3', patient));
        await w.advance(3000);
        const { entries } = await s.scroll(ledger);
        assertOneCopy(t, s, 'robot/l', [robot, phone, edge], what);
        const restored = s.events('restored').length;
        t.true(restored <= 1, what);
        t.is(registerOf(robot, 'robot/l')?.epoch, 2 + restored, what);
        const senders = [[...numbered('phone', 2), ...numbered('stale', 5), 'phone 3'], numbered('robot', 5), numbered('edge', 3)];
        for (const each of senders) {
          const own = entries.filter((entry) => each.includes(entry));
          t.true(isInOrder(own, each), `${what}: ${entries.join(', ')}`);
        }
        const lost = s.events('gap').reduce((sum, gap) => sum + gap.lost, 0);
        // What it had taken from its own node, and not told its home, a volatile actor loses like the turns since its last copy.
        const unanswered = codes.flat().filter((code) => typeof code === 'string').length;
        t.true(unanswered <= (kind === 'durable' || restored === 0 ? 0 : 1), what);
        t.is(entries.length, 16 - lost, `${what}: ${entries.join(', ')}`);
        t.is(s.events('dead-letter').length, 0, what);
        if (kind !== 'volatile') t.is(lost, unanswered, what);
        if (restored === 0) t.is(lost, 0, what);
      }
    }
    t.true(stale >= 12 && without >= 8, `${stale} takeovers, ${without} without`);
  });
}
