// Durable actors and what is wrong around them: payloads that cannot travel, full disks, stores without room, homes out of reach.
import test from 'ava';
import { actor } from '../actors/definition.js';
import { dispatch, type Ref } from '../actors/ref.js';
import { spawn } from '../actors/spawn.js';
import { GodwitError } from '../errors.js';
import { type SimulatedNode, type World, world } from '../testing/index.js';

const Ledger = actor('ledger', {
  durability: 'durable',
  state: () => ({ entries: [] as unknown[], ballast: new Uint8Array(0) }),
  on: {
    put(state, entry: unknown): number {
      state.entries.push(entry);
      return state.entries.length;
    },
    grow(state, bytes: number) {
      state.ballast = new Uint8Array(bytes).map((_, index) => index);
    },
    all: (state) => state.entries,
    passBadly(_state, to: Ref<Pass>) {
      dispatch(to, 'put', 'good');
      dispatch(to, 'put', () => 'no such payload');
    },
    answerBadly: () => () => 1,
  },
});
interface Pass {
  readonly [message: string]: (state: never, payload: never) => unknown;
  readonly put: (state: never, entry: unknown) => unknown;
}
const Plain = actor('plain', {
  state: () => ({ entries: [] as unknown[] }),
  on: {
    put: (state, entry: unknown) => state.entries.push(entry),
    all: (state) => state.entries,
  },
});

const definitions = [Ledger, Plain];
const codeOf = async (w: World, work: Promise<unknown>) => {
  try {
    await w.settle(work);
    return 'OK';
  } catch (thrown) {
    return GodwitError.from(thrown).code;
  }
};

function two(edgeOptions: Parameters<World['edge']>[1] = {}) {
  const w = world({ seed: 11 });
  const robot = w.device('robot', { definitions });
  const edge = w.edge('edge', { definitions, ...edgeOptions });
  w.link(robot, edge, { rttMs: 10 });
  return { w, robot, edge };
}

test('durable: a payload that cannot travel is refused where it is sent, though its receiver is on the same node', async (t) => {
  const { w, robot } = two();
  const ledger = spawn(robot, Ledger, 'l');
  const plain = spawn(robot, Plain, 'p');
  t.is(await w.settle(ledger.put(1)), 1);

  t.is(GodwitError.from(t.throws(() => dispatch(ledger, 'put', () => 2))).code, 'INVALID_ARGUMENT');
  t.is(
    await codeOf(
      w,
      ledger.put(() => 2),
    ),
    'INVALID_ARGUMENT',
  );
  t.is(await codeOf(w, ledger.passBadly(plain as unknown as Ref<Pass>)), 'INVALID_ARGUMENT');
  t.is(await codeOf(w, ledger.answerBadly()), 'INVALID_ARGUMENT');

  t.is(await w.settle(ledger.put(2)), 2);
  t.deepEqual(await w.settle(plain.all()), [], 'a throw discards its whole segment');
});

test('durable: while the disk of the home is full nothing is answered and nothing lost; a move is refused, and all goes on when there is room', async (t) => {
  const { w, robot } = two();
  const ledger = spawn(robot, Ledger, 'l');
  t.is(await w.settle(ledger.put(1)), 1);
  await w.advance(200);
  const { disk } = robot as SimulatedNode & { readonly disk: NonNullable<SimulatedNode['disk']> };

  disk.failure = new GodwitError('RESOURCE_EXHAUSTED', 'the disk is full');
  const waiting = ledger.put(2, { timeoutMs: 60_000 });
  let isAnswered = false;
  waiting.then(() => (isAnswered = true)).catch(() => undefined);
  await w.advance(2000);
  t.false(isAnswered);
  t.is(await codeOf(w, ledger.put(3, { timeoutMs: 100 })), 'DEADLINE_EXCEEDED');
  disk.failure = undefined;

  t.is(await w.settle(waiting), 2);
  t.deepEqual(await w.settle(ledger.all()), [1, 2, 3]);
  disk.failure = new GodwitError('RESOURCE_EXHAUSTED', 'the disk is full');
  t.is(await codeOf(w, robot.move('robot/l', { to: 'edge' })), 'RESOURCE_EXHAUSTED');
  disk.failure = undefined;
  t.is(await w.settle(ledger.put(4)), 4);
});

test('durable: a store without room for a checkpoint holds its actor up until there is some', async (t) => {
  const { w, robot, edge } = two();
  const ledger = spawn(robot, Ledger, 'l');
  await w.settle(ledger.put(1));
  await w.advance(200);
  await w.settle(robot.move('robot/l', { to: 'edge' }));
  const { blobs } = edge;
  const put = blobs.put.bind(blobs);
  blobs.put = () => Promise.reject(new GodwitError('RESOURCE_EXHAUSTED', 'the store is full'));

  // Too large to go over the link.
  const grown = ledger.grow(100_000, { timeoutMs: 60_000 });
  await w.advance(1000);
  blobs.put = put;

  await w.settle(grown);
  t.is(await w.settle(ledger.put(2)), 2);
  w.crash(edge);
  t.deepEqual(await w.settle(ledger.all(undefined, { timeoutMs: 60_000 })), [1, 2]);
});

test('durable: a checkpoint that the home could not fetch is told again', async (t) => {
  const { w, robot } = two();
  const ledger = spawn(robot, Ledger, 'l');
  await w.settle(ledger.put(1));
  await w.advance(200);
  await w.settle(robot.move('robot/l', { to: 'edge' }));
  const { blobs } = robot;
  const put = blobs.put.bind(blobs);
  blobs.put = () => Promise.reject(new GodwitError('RESOURCE_EXHAUSTED', 'the store is full'));

  const grown = ledger.grow(100_000, { timeoutMs: 60_000 });
  await w.advance(1000);
  blobs.put = put;

  await w.settle(grown);
  t.is(await w.settle(ledger.put(2)), 2);
});

test('routes: a node cut off from an actor’s home sends to the actor again when only that link is back', async (t) => {
  const w = world({ seed: 12 });
  const robot = w.device('robot', { definitions });
  const one = w.edge('one', { definitions });
  const other = w.edge('other', { definitions });
  w.link(robot, one, { rttMs: 10 });
  w.link(other, robot, { rttMs: 10 });
  w.link(other, one, { rttMs: 10 });
  const plain = spawn(robot, Plain, 'p');
  await w.settle(plain.put(1));
  await w.advance(200);
  await w.settle(robot.move('robot/p', { to: 'one' }));
  const there = other.refTo(Plain, 'robot/p');
  dispatch(there, 'put', 2);
  await w.advance(200);

  w.cut(other, robot);
  w.cut(other, one);
  dispatch(there, 'put', 3);
  await w.advance(1200);
  w.heal(other, one);
  await w.advance(2000);

  t.deepEqual(await w.settle(plain.all()), [1, 2, 3]);
});
