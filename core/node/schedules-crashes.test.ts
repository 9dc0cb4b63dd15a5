// Schedules 2, 4, 7 and 10 of the ten that must hold: crashes at every frame of what is under way (DESIGN §8, I1–I6).
import test from 'ava';
import { dispatch } from '../actors/ref.js';
import { spawn } from '../actors/spawn.js';
import {
  assertOneCopy,
  type Entry,
  isInOrder,
  kinds,
  numbered,
  outcome,
  placesOf,
  positions,
  registerOf,
  type ScribeHandlers,
  type ScribeRef,
  Stage,
} from './schedules.test-support.js';

const patient = { timeoutMs: 20_000 } as const;

for (const kind of kinds) {
  test(`schedule: 2 a ${kind} owner dies after sending N and, restored, sends a different N`, async (t) => {
    let named = 0;
    for (let run = 0; run < 40; run++) {
      const frame = 1 + (run >> 1);
      const what = `${kind}, crash at frame ${frame}, ${run % 2 === 0 ? 'lost' : 'delivered'}`;
      const s = new Stage({ seed: run + 1 });
      const { definitions, w } = s;
      const robot = w.device('robot', { definitions });
      const phone = w.device('phone', { definitions });
      const edge = w.edge('edge', { definitions });
      await s.link(10, robot, phone, edge);
      const sender = spawn(robot, s[kind], 'sender');
      const reader = spawn(phone, s.volatile, 'reader');
      const to = robot.refTo(s.volatile, 'phone/reader');
      for (const entry of numbered('same', 3)) await w.settle(sender.pass({ to, entry }));
      await w.settle(robot.move('robot/sender', { to: 'edge' }));
      await w.advance(20);

      if (kind === 'durable') {
        // Of two senders: a restored owner hears them in another order, so that the number goes to another record.
        const far = phone.refTo(s.durable, 'robot/sender');
        await w.settle(far.all());
        await w.advance(20);
        dispatch<ScribeHandlers, 'pass'>(far, 'pass', { to: phone.refTo(s.volatile, 'phone/reader'), entry: 'C' });
        await w.advance(1);
      }
      dispatch(sender, 'pass', { to, entry: 'A' });
      await s.killAt(frame, edge, [robot, phone], run % 2 === 0);
      await s.until(() => s.events('restored').length === 1, 'the takeover', 20);
      await w.settle(sender.pass({ to, entry: 'B' }, patient));
      // The phone asks the home where it is, in its own time.
      await w.advance(3000);
      const remembered = (await s.scroll(sender)).entries;
      const read = (await s.scroll(reader)).entries;

      assertOneCopy(t, s, 'robot/sender', [robot, phone, edge], what);
      const sent = [...numbered('same', 3, ' passed'), 'A passed', 'B passed'];
      const [restored] = s.events('restored');
      t.is(restored?.epoch, 3, what);
      t.is(restored?.incarnation, kind === 'durable' ? 1 : 4, what);
      const forgotten = !remembered.includes('A');
      if (kind === 'durable') {
        t.deepEqual(
          read,
          remembered.map((entry) => `${entry} passed`),
          what,
        );
        t.deepEqual([...read].sort(byName), [...sent, 'C passed'].sort(byName), what);
        t.is(s.events('gap').length + s.events('diverged').length + s.events('reexecuted').length, 0, what);
        const ran = s.diary.of('robot/sender').map(({ entry }) => entry);
        if (ran.indexOf('C') < ran.indexOf('A') && remembered.indexOf('A') < remembered.indexOf('C')) named += 1;
        continue;
      }
      // What it has forgotten is told as a gap; what it sends instead is not taken for what it had sent.
      t.is(
        s.events('gap').reduce((lost, gap) => lost + gap.lost, 0),
        forgotten ? 1 : 0,
        what,
      );
      t.is(read.filter((entry) => entry === 'B passed').length, 1, `${what}: ${read.join(', ')}`);
      t.true(read.filter((entry) => entry === 'A passed').length <= (forgotten ? 1 : 2), `${what}: ${read.join(', ')}`);
      t.deepEqual([...new Set(read)], read.includes('A passed') ? sent : sent.filter((entry) => entry !== 'A passed'), what);
      if (forgotten && read.includes('A passed')) named += 1;
    }
    t.true(named >= (kind === 'durable' ? 1 : 2), `the number was given twice in ${named} of the runs`);
  });
}

function byName(a: Entry, b: Entry): number {
  return a < b ? -1 : 1;
}

/** The application of a device: the same in each of its lives. */
interface Rebooted {
  readonly told: Entry[];
  readonly answered: Entry[];
}

for (const kind of ['durable', 'forgetful'] as const) {
  test(`schedule: 4 the device reboots mid-move, the app spawns again, the edge lives (${kind} device)`, async (t) => {
    const ends = { before: 0, edge: 0, home: 0 };
    for (let run = 0; run < 80; run++) {
      const frame = 1 + (run >> 1);
      const what = `${kind}, crash at frame ${frame}, ${run % 2 === 0 ? 'lost' : 'delivered'}`;
      const s = new Stage({ seed: run + 1 });
      const { definitions, w } = s;
      const scribe = kind === 'durable' ? s.durable : s.checkpointed;
      let ledger!: ScribeRef;
      const onStart = (node: Parameters<typeof spawn>[0]) => {
        ledger = spawn(node, scribe, 'l') as ScribeRef;
      };
      const robot = w.device('robot', { definitions, disk: kind === 'durable', onStart });
      const phone = w.device('phone', { definitions });
      const edge = w.edge('edge', { definitions });
      await s.link(10, robot, phone, edge);
      const far = phone.refTo(scribe, 'robot/l');
      const app: Rebooted = { told: numbered('robot', 8), answered: [] };
      for (const entry of app.told.slice(0, 4)) await w.settle(ledger.put(entry).then(() => app.answered.push(entry)));
      await w.advance(100);

      const move = outcome(robot.move('robot/l', { to: 'edge' }));
      const own = Promise.all(app.told.slice(4).map((entry) => outcome(ledger.put(entry, patient).then(() => app.answered.push(entry)))));
      const answers = Promise.all(numbered('phone', 8).map((entry) => outcome(far.put(entry, patient))));
      await s.killAt(frame, robot, [edge, phone], run % 2 === 0);
      const moved = (await w.settle(move)) !== 'CANCELLED';
      const ranOnEdge = placesOf('robot/l', [edge]).length === 1;
      // Shorter than a lease, or longer: the edge lives all the while.
      await w.advance(frame % 2 === 0 ? 300 : 3000);
      w.restart(robot);
      await w.settle(own);
      const answered = await w.settle(answers);
      const again = await w.settle(ledger.put('again', patient));
      await w.advance(5000);
      const { entries } = await s.scroll(ledger);

      assertOneCopy(t, s, 'robot/l', [robot, phone, edge], what);
      if (!moved) ends.before += 1;
      if (placesOf('robot/l', [edge]).length === 1) ends.edge += 1;
      else if (ranOnEdge) ends.home += 1;
      t.true(
        isInOrder(
          entries.filter((entry) => entry.startsWith('robot')),
          app.told,
        ),
        `${what}: ${entries.join(', ')}`,
      );
      t.true(
        isInOrder(
          entries.filter((entry) => entry.startsWith('phone')),
          numbered('phone', 8),
        ),
        `${what}: ${entries.join(', ')}`,
      );
      t.true(entries.includes('again'), what);
      if (kind === 'forgetful') continue;
      t.is(entries[again - 1], 'again', what);
      t.deepEqual(
        app.answered.filter((entry) => !entries.includes(entry)),
        [],
        what,
      );
      t.deepEqual(
        answered.map((position) => entries[(position as number) - 1]),
        numbered('phone', 8),
        what,
      );
      t.is(s.events('gap').length + s.events('diverged').length + s.events('dead-letter').length, 0, what);
    }
    t.true(ends.before > 3, `${ends.before} runs rebooted mid-move`);
    t.true(ends.edge > 3 || kind === 'forgetful', `the edge went on in ${ends.edge} runs`);
  });
}

test('schedule: 7 co-located durable sender and receiver, host killed before the acknowledgement', async (t) => {
  let again = 0;
  for (let run = 0; run < 90; run++) {
    const frame = 1 + (run >> 1);
    const what = `crash at frame ${frame}, ${run % 2 === 0 ? 'lost' : 'delivered'}`;
    const s = new Stage({ seed: run + 1 });
    const { definitions, w } = s;
    const robot = w.device('robot', { definitions });
    const edge = w.edge('edge', { definitions });
    await s.link(10, robot, edge);
    const courier = spawn(robot, s.durable, 'c');
    const ledger = spawn(robot, s.durable, 'l');
    await w.settle(Promise.all([courier.all(), ledger.all()]));
    await w.advance(100);
    await w.settle(Promise.all([robot.move('robot/c', { to: 'edge' }), robot.move('robot/l', { to: 'edge' })]));
    const lives = edge.actors().map(({ incarnation }) => incarnation);

    const answers: Array<Promise<number>> = [];
    for (const entry of numbered('e', 6)) {
      dispatch(courier, 'pass', { to: ledger, entry });
      answers.push(courier.ask({ to: ledger, entry }, patient));
    }
    await s.killAt(frame, edge, [robot], run % 2 === 0);
    t.deepEqual(await w.settle(Promise.all(answers)), positions(6), what);
    await w.advance(100);
    const wanted = numbered('e', 6).flatMap((entry) => [`${entry} passed`, `${entry} asked`]);
    t.deepEqual((await s.scroll(ledger)).entries, wanted, what);
    t.deepEqual(await s.scroll(courier), { entries: numbered('e', 6).flatMap((entry) => [entry, entry]), answers: [2, 4, 6, 8, 10, 12] }, what);
    for (const address of ['robot/c', 'robot/l']) assertOneCopy(t, s, address, [robot, edge], what);
    t.is(s.events('restored').length, 2, what);
    t.true(
      s.events('restored').every(({ epoch }) => epoch === 3),
      what,
    );
    t.deepEqual(new Set(s.events('restored').map(({ incarnation }) => incarnation)), new Set(lives), what);
    t.is(s.events('gap').length + s.events('diverged').length + s.events('dead-letter').length, 0, what);
    // The receiver had handled what its sender had not heard of, and both died.
    if (s.diary.of('robot/l').length > wanted.length) again += 1;
  }
  t.true(again > 5, `the receiver ran a turn again in ${again} runs`);
});

test('schedule: 10 a durable handler with random and time crashes mid-ask while its sender moves', async (t) => {
  let diverged = 0;
  let whileMoving = 0;
  for (let run = 0; run < 90; run++) {
    const frame = 1 + (run >> 1);
    const what = `crash at frame ${frame}, ${run % 2 === 0 ? 'lost' : 'delivered'}`;
    const s = new Stage({ seed: run + 1 });
    const { definitions, w } = s;
    const robot = w.device('robot', { definitions });
    const phone = w.device('phone', { definitions });
    const [first, second] = [w.edge('first', { definitions }), w.edge('second', { definitions })];
    await s.link(10, robot, phone, first, second);
    const boss = spawn(robot, s.durable, 'boss');
    const drawer = spawn(robot, s.durable, 'drawer');
    const ledger = spawn(phone, s.durable, 'ledger');
    await w.settle(Promise.all([boss.all(), drawer.all(), ledger.all()]));
    await w.advance(100);
    await w.settle(robot.move('robot/drawer', { to: 'first' }));

    const errand = (entry: Entry) => ({ by: drawer, errand: { to: robot.refTo(s.durable, 'phone/ledger'), entry } });
    const orders = Promise.all(numbered('e', 4).map((entry) => boss.order(errand(entry), patient)));
    const move = outcome(robot.move('robot/boss', { to: 'second' }));
    let moving = true;
    const ended = () => {
      moving = false;
    };
    move.then(ended, ended);
    await s.killAt(frame, first, [robot, phone, second], run % 2 === 0);
    if (moving) whileMoving += 1;
    t.deepEqual(await w.settle(orders), positions(4), what);
    t.is(typeof (await w.settle(move)), 'object', what);
    while ((await s.scroll(drawer)).answers.length < 4) await w.advance(50);
    t.is(await w.settle(drawer.draw({ to: robot.refTo(s.durable, 'phone/ledger'), entry: 'e 5' }, patient)), 5, what);
    await w.advance(100);

    const wanted = numbered('e', 5);
    const drawn = await s.scroll(drawer);
    const { entries } = await s.scroll(ledger);
    t.deepEqual(drawn.entries, wanted, what);
    t.deepEqual((await s.scroll(boss)).entries, wanted.slice(0, 4), what);
    // Nothing is lost; what is there twice had left before the crash, and is told of.
    const names = entries.map((entry) => entry.replace(/ draw .*/, ''));
    t.deepEqual([...new Set(names)], wanted, `${what}: ${entries.join(', ')}`);
    const told = s.events('diverged').reduce((records, event) => records + event.records, 0);
    t.true(entries.length - wanted.length <= told, `${what}: ${entries.join(', ')}`);
    t.is(new Set(entries).size, entries.length, what);
    t.deepEqual(
      drawn.answers.map((position) => names[position - 1]),
      wanted,
      what,
    );
    for (const address of ['robot/boss', 'robot/drawer', 'phone/ledger']) assertOneCopy(t, s, address, [robot, phone, first, second], what);
    t.is(s.events('gap').length + s.events('dead-letter').length, 0, what);
    t.is(registerOf(robot, 'robot/drawer')?.epoch, s.events('restored').length === 1 ? 3 : 2, what);
    if (told > 0) diverged += 1;
  }
  t.true(diverged > 2, `a turn did something else in ${diverged} runs`);
  t.true(whileMoving > 2, `the sender was moving in ${whileMoving} runs`);
});
