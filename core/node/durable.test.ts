// Durable actors: nothing is lost or repeated by the crash of a node, whatever was under way.
import test from 'ava';
import { actor } from '../actors/definition.js';
import { dispatch, type Ref } from '../actors/ref.js';
import { spawn } from '../actors/spawn.js';
import { GodwitError } from '../errors.js';
import { world } from '../testing/index.js';
import type { NodeEvent } from './types.js';

const Ledger = actor('ledger', {
  durability: 'durable',
  state: () => ({ entries: [] as unknown[] }),
  on: {
    put(state, entry: unknown): number {
      state.entries.push(entry);
      return state.entries.length;
    },
    all: (state) => state.entries,
    async *each(state) {
      for (const entry of state.entries) yield entry;
    },
  },
});

/** Passes each entry on to the ledger and waits for its answer. */
const Clerk = actor('clerk', {
  durability: 'durable',
  state: () => ({ done: 0, stamp: 0 }),
  on: {
    async pass(state, { to, entry }: { to: Ref<(typeof Ledger)['on']>; entry: unknown }): Promise<number> {
      state.stamp = await to.put(entry);
      state.done += 1;
      return state.stamp;
    },
    async passRandom(state, to: Ref<(typeof Ledger)['on']>): Promise<number> {
      state.stamp = await to.put(Math.random());
      state.done += 1;
      return state.stamp;
    },
    done: (state) => state.done,
  },
});

const definitions = [Ledger, Clerk];
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

function two() {
  const w = world({ seed: 3 });
  const robot = w.device('robot', { definitions });
  const edge = w.edge('edge', { definitions });
  w.link(robot, edge, { rttMs: 10 });
  const events: NodeEvent[] = [];
  w.observe(({ event }) => void events.push(event));
  const count = (type: NodeEvent['type']) => events.filter((event) => event.type === type).length;
  return { w, robot, edge, events, count };
}

test('durable: refused where nothing is kept beyond a crash', (t) => {
  const w = world();
  const robot = w.device('robot', { definitions, disk: false });
  const error = GodwitError.from(t.throws(() => spawn(robot, Ledger, 'l')));
  t.is(error.code, 'FAILED_PRECONDITION');
  t.regex(error.message, /robot\/l is durable.*data directory/);
});

test('durable: a stream is read in order, to its end, where reader and actor share a node', async (t) => {
  const { w, robot } = two();
  const ledger = spawn(robot, Ledger, 'l');
  for (const entry of numbers(40)) dispatch(ledger, 'put', entry);
  const read: unknown[] = [];
  await w.settle(
    (async () => {
      for await (const entry of ledger.each()) read.push(entry);
    })(),
  );
  t.deepEqual(read, numbers(40));
});

test('durable: an actor at home is there again after its device restarts, with every turn that was answered', async (t) => {
  const { w, robot, count } = two();
  const ledger = spawn(robot, Ledger, 'l');
  for (const entry of numbers(5)) t.is(await w.settle(ledger.put(entry)), entry);
  w.crash(robot);
  w.restart(robot);
  const again = spawn(robot, Ledger, 'l');
  t.deepEqual(await w.settle(again.all()), numbers(5));
  t.is(count('gap'), 0);
  t.is(robot.actors()[0]?.incarnation, 1);
});

test('durable: the edge is lost under load; at home every entry is there once, in order, and no ask is answered twice', async (t) => {
  const { w, robot, edge, count } = two();
  const ledger = spawn(robot, Ledger, 'l');
  await w.settle(ledger.all());
  await w.advance(200);
  await w.settle(robot.move('robot/l', { to: 'edge' }));
  const answers = numbers(200).map((entry) => ledger.put(entry, { timeoutMs: 60_000 }));
  await w.advance(7);
  w.crash(edge);
  t.deepEqual(await w.settle(Promise.all(answers)), numbers(200));
  t.deepEqual(await w.settle(ledger.all()), numbers(200));
  t.is(count('restored'), 1);
  t.is(count('gap'), 0);
  t.is(robot.actors().find(({ address }) => address === 'robot/l')?.incarnation, 1);
});

test('durable: an actor dies while it waits for the answer to what it asked; its turn runs again and asks nothing twice', async (t) => {
  const { w, robot, edge, count } = two();
  const ledger = spawn(robot, Ledger, 'l');
  const clerk = spawn(robot, Clerk, 'c');
  await w.settle(clerk.done());
  await w.advance(200);
  await w.settle(robot.move('robot/c', { to: 'edge' }));
  const answer = clerk.pass({ to: ledger, entry: 'a' }, { timeoutMs: 60_000 });
  // The ledger has its entry before the clerk has its answer.
  while ((await w.settle(ledger.all())).length === 0) await w.advance(1);
  w.crash(edge);
  t.is(await w.settle(answer), 1);
  t.deepEqual(await w.settle(ledger.all()), ['a']);
  t.is(await w.settle(clerk.done()), 1);
  t.is(count('diverged'), 0);
});

test('durable: a turn that does something else when it runs again is told of; what had left stays, and every record is handled once', async (t) => {
  const { w, robot, edge, count } = two();
  const ledger = spawn(robot, Ledger, 'l');
  const clerk = spawn(robot, Clerk, 'c');
  await w.settle(clerk.done());
  await w.advance(200);
  await w.settle(robot.move('robot/c', { to: 'edge' }));
  const answer = clerk.passRandom(ledger, { timeoutMs: 60_000 });
  while ((await w.settle(ledger.all())).length === 0) await w.advance(1);
  w.crash(edge);
  t.is(await w.settle(answer), 2);
  t.is((await w.settle(ledger.all())).length, 2);
  t.is(await w.settle(clerk.done()), 1);
  t.is(count('diverged'), 1);
});

test('durable: the device restarts while its actor is on the edge; the application spawns it again and finds it there', async (t) => {
  const { w, robot, edge } = two();
  const ledger = spawn(robot, Ledger, 'l');
  await w.settle(ledger.put(1));
  await w.advance(200);
  await w.settle(robot.move('robot/l', { to: 'edge' }));
  await w.settle(ledger.put(2));
  w.crash(robot);
  await w.advance(300);
  w.restart(robot);
  const again = spawn(robot, Ledger, 'l');
  t.is(await w.settle(again.put(3, { timeoutMs: 60_000 })), 3);
  t.deepEqual(await w.settle(again.all()), numbers(3));
  t.is(edge.actors()[0]?.address, 'robot/l');
  await w.settle(robot.recall('robot/l'));
  t.deepEqual(await w.settle(again.all()), numbers(3));
});

test('durable: two actors of one edge that is killed keep what one had sent to the other', async (t) => {
  const { w, robot, edge, count } = two();
  const ledger = spawn(robot, Ledger, 'l');
  const clerk = spawn(robot, Clerk, 'c');
  await w.settle(clerk.done());
  await w.settle(ledger.all());
  await w.advance(200);
  await w.settle(robot.move('robot/c', { to: 'edge' }));
  await w.settle(robot.move('robot/l', { to: 'edge' }));
  for (const entry of numbers(20)) dispatch(clerk, 'pass', { to: ledger, entry });
  await w.advance(120);
  w.crash(edge);
  while ((await w.settle(clerk.done(undefined, { timeoutMs: 60_000 }))) < 20) await w.advance(50);
  t.deepEqual(await w.settle(ledger.all()), numbers(20));
  t.is(count('diverged'), 0);
});

const Board = actor('board', {
  durability: 'durable',
  state: () => ({ cells: new Uint8Array(40_000), notes: [] as string[] }),
  on: {
    set(state, [at, value]: [number, number]) {
      state.cells[at] = value;
    },
    note(state, text: string) {
      state.notes.push(text);
    },
    look: (state) => ({ sum: state.cells.reduce((sum, cell) => sum + cell, 0), notes: state.notes }),
  },
});

test('durable: a large state reaches the standby as what changed of it, and comes back whole', async (t) => {
  const w = world({ seed: 5 });
  const robot = w.device('robot', { definitions: [Board] });
  const edge = w.edge('edge', { definitions: [Board] });
  // 40 kB take 400 ms on this link: thirty whole checkpoints would take 12 s.
  w.link(robot, edge, { rttMs: 10, bytesPerSecond: 100_000 });
  const board = spawn(robot, Board, 'b');
  await w.settle(board.look());
  await w.advance(200);
  await w.settle(robot.move('robot/b', { to: 'edge' }));
  await w.advance(2000);
  const began = w.nowMs;
  for (const at of numbers(30)) await w.settle(at % 5 === 0 ? board.note(`note ${at}`) : board.set([at * 1000, at]));
  t.true(w.nowMs - began < 6000, `${w.nowMs - began} ms`);
  w.crash(edge);
  const look = await w.settle(board.look(undefined, { timeoutMs: 60_000 }));
  t.is(
    look.sum,
    numbers(30).reduce((sum, at) => (at % 5 === 0 ? sum : sum + at), 0),
  );
  t.is(look.notes.length, 6);
});
