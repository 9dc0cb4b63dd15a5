// What may go wrong while a register is handed over: a crash of either node, or a lost link, at every frame and at every write to a disk.
import test from 'ava';
import { address, assertWhole, type Cast, type SharedKind, shared } from './rehoming.test-support.js';
import { numbered, outcome } from './schedules.test-support.js';

const kinds: readonly SharedKind[] = ['checkpointed', 'durable'];
/** More than a hand-over has, with the records beside it. */
const frames = 14;

/** Begins a hand-over, strikes at its `count`th frame to or from robot-1, and lets 20 s pass with all whole again. @returns false if there was no such frame */
async function strike(cast: Cast, count: number, { hit, mend }: Fault, begin: (cast: Cast) => Promise<unknown>): Promise<boolean> {
  const { s, one } = cast;
  let struck = false;
  const cancel = s.frames.atFrame(count, one, undefined, () => {
    struck = true;
    hit(cast);
  });
  outcome(begin(cast)).catch(() => undefined);
  await s.w.advance(300);
  cancel();
  await s.w.advance(2500);
  if (struck) mend(cast);
  s.w.heal();
  await s.w.advance(20_000);
  return struck;
}

interface Fault {
  readonly name: string;
  hit(cast: Cast): void;
  mend(cast: Cast): void;
}

const faults: readonly Fault[] = [
  { name: 'the device crashes', hit: ({ s, one }) => s.w.crash(one), mend: ({ s, one }) => s.w.restart(one) },
  {
    name: 'the device crashes and nothing of it arrives',
    hit: ({ s, one, all }) => {
      for (const other of all) if (other !== one) s.w.cut(one, other);
      s.w.crash(one);
    },
    mend: ({ s, one }) => s.w.restart(one),
  },
  { name: 'the edge crashes', hit: ({ s, edge }) => s.w.crash(edge), mend: ({ s, edge }) => s.w.restart(edge) },
  { name: 'the link drops', hit: ({ s, one, edge }) => s.w.cut(one, edge), mend: () => {} },
  { name: 'the link is silent', hit: ({ s, one, edge }) => s.w.cut(one, edge, { silent: true }), mend: () => {} },
];

const directions = [
  {
    name: 'given',
    prepare: async () => {},
    begin: ({ one }: Cast) => one.node.rehome(address, 'edge'),
  },
  {
    name: 'brought back by a recall',
    prepare: async ({ s, one }: Cast) => s.w.settle(one.node.rehome(address, 'edge')),
    begin: ({ one }: Cast) => one.recall(address),
  },
] as const;

for (const kind of kinds) {
  for (const { name, prepare, begin } of directions) {
    for (const { name: what, hit, mend } of faults) {
      test(`rehoming: a ${kind} actor stays one and has one home when ${what} while its register is ${name}`, async (t) => {
        let strikes = 0;
        for (let count = 1; count <= frames; count++) {
          const cast = await shared(kind, count);
          const { s, joined } = cast;
          await prepare(cast);
          const told = numbered('told', 5);
          const answers = told.map((entry) => outcome(joined.put(entry, { timeoutMs: 60_000 })));
          if (await strike(cast, count, { name: what, hit, mend }, begin)) strikes += 1;
          await s.w.settle(Promise.all(answers));
          await assertWhole(t, cast, kind, ['before', 'joined', ...told], `frame ${count}`);
        }
        t.true(strikes >= 3, `struck ${strikes} times`);
      });
    }
  }
}

test('rehoming: a crash between any two writes of the giver or the taker leaves one home', async (t) => {
  for (const victim of ['one', 'edge'] as const) {
    for (let tenths = 1; tenths <= 200; tenths += 5) {
      const cast = await shared('durable', tenths);
      const { s, one } = cast;
      outcome(one.node.rehome(address, 'edge')).catch(() => undefined);
      await s.w.advance(tenths / 10);
      s.w.crash(cast[victim]);
      await s.w.advance(2500);
      s.w.restart(cast[victim]);
      await s.w.advance(20_000);
      await assertWhole(t, cast, 'durable', ['before', 'joined'], `${victim} after ${tenths / 10} ms`);
    }
  }
});
