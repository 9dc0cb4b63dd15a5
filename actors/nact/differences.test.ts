// What nact and godwit/nact do differently: the rows of the table in docs/guides/nact.md, each seen on our side and, where it can be, on nact's.
import { readFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import * as nact from 'nact';
import { type LogLevel, type NodeEvent, stop as stopActor } from '#core';
import { type Device, startDevice } from '#device-node';
import { asked, family, fragile, type Subject, signal } from './conformance.test-support.js';
import * as ours from './index.js';

interface Line {
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

interface Side {
  readonly t: ExecutionContext;
  readonly subject: Subject;
  readonly system: ours.System;
}

interface OurSide extends Side {
  readonly device: Device;
  readonly lines: readonly Line[];
}

interface Difference {
  /** First column of its row. */
  readonly row: string;
  readonly nact?: (side: Side) => Promise<void>;
  readonly godwit: (side: OurSide) => Promise<void>;
}

const theirs = nact as unknown as Subject;
const decided = (ctx: object, decision: string) => (ctx as Record<string, 'stop'>)[decision] as 'stop';

function nextEvent<K extends NodeEvent['type']>({ node }: Device, type: K, of?: string): Promise<Extract<NodeEvent, { type: K }>> {
  return new Promise((resolve) => {
    const cancel = node.observe((event) => {
      if (event.type !== type || (of !== undefined && 'actor' in event && event.actor !== of)) return;
      cancel();
      resolve(event as Extract<NodeEvent, { type: K }>);
    });
  });
}

/** An actor that keeps what it was told, one message at a time as the gate lets it. */
function gated({ subject, system }: Side, afterStop: () => void) {
  const gate = signal();
  const handled: string[] = [];
  const run = async (_state: unknown, message: string) => {
    await gate.seen;
    handled.push(message);
  };
  return { actor: subject.spawn(system, run, 'gated', { afterStop }), gate, handled };
}

/** Whether what `onCrash` is given shows the messages that wait. */
async function hasMailbox({ subject, system }: Pick<Side, 'subject' | 'system'>): Promise<boolean> {
  const seen = signal<boolean>();
  const onCrash = (_message: unknown, _error: Error, ctx: object) => {
    seen.show('mailbox' in ctx);
    return decided(ctx, 'stop');
  };
  subject.dispatch(subject.spawn(system, fragile(subject), 'actor', { onCrash }), { fail: 'once' });
  return seen.seen;
}

const silent = (state: unknown, _message: unknown) => state;

const differences: readonly Difference[] = [
  {
    row: '`start`',
    async godwit({ t, device, system }) {
      t.is(ours.start(device), system);
      t.is(ours.start(device.node), system);
      t.is(system.name, 'device');
      ours.stop(system);
      t.not(ours.start(device), system);
    },
  },
  {
    row: 'names',
    async nact({ t, system }) {
      t.notThrows(() => theirs.spawn(system, silent, '$a+b'));
    },
    async godwit({ t, system }) {
      t.throws(() => ours.spawn(system, silent, '$a+b'), { code: 'INVALID_ARGUMENT' } as never);
    },
  },
  {
    row: 'parent of `spawn`',
    async nact({ t, system }) {
      t.notThrows(() => theirs.spawn(theirs.spawn(system, silent), silent));
    },
    async godwit({ t, system }) {
      t.throws(() => ours.spawn(ours.spawn(system, silent), silent), { code: 'FAILED_PRECONDITION', message: /ctx\.self/ } as never);
    },
  },
  {
    row: '`initialStateFunc`',
    async nact({ t, system }) {
      let made = false;
      theirs.spawn(system, silent, 'early', { initialStateFunc: () => (made = true) });
      t.true(made);
    },
    async godwit({ t, system }) {
      const made = signal<boolean>();
      let spawned = false;
      ours.spawn(system, silent, 'late', { initialStateFunc: () => made.show(spawned) });
      spawned = true;
      t.true(await made.seen);
    },
  },
  {
    row: '`stop`: what waits',
    async nact({ t, ...side }) {
      const over = signal();
      const { actor, gate, handled } = gated({ t, ...side }, over.show);
      for (const message of ['a', 'b']) side.subject.dispatch(actor, message);
      gate.show();
      side.subject.stop(actor);
      await over.seen;
      t.deepEqual(handled, []);
    },
    async godwit({ t, ...side }) {
      const over = signal();
      const { actor, gate, handled } = gated({ t, ...side }, over.show);
      for (const message of ['a', 'b']) side.subject.dispatch(actor, message);
      gate.show();
      side.subject.stop(actor);
      await over.seen;
      t.deepEqual(handled, ['a', 'b']);
    },
  },
  {
    row: 'a name after `stop`',
    async nact({ t, system }) {
      theirs.stop(theirs.spawn(system, silent, 'again'));
      t.notThrows(() => theirs.spawn(system, silent, 'again'));
    },
    async godwit({ t, system, device }) {
      const over = nextEvent(device, 'stopped');
      ours.stop(ours.spawn(system, silent, 'again'));
      t.throws(() => ours.spawn(system, silent, 'again'), { code: 'ALREADY_EXISTS' } as never);
      await over;
      t.notThrows(() => ours.spawn(system, silent, 'again'));
    },
  },
  {
    row: 'children of a stopped actor',
    async nact({ t, subject, system }) {
      const { parent, children, until, stopped } = family(subject, system, { child: 'stop' });
      await children();
      subject.stop(parent);
      await until('parent');
      // Their afterStop would have come first.
      t.deepEqual(stopped, ['parent']);

      const [over, later] = [signal(), signal()];
      let ran = false;
      subject.spawn(system, silent, 'orphan', { afterStop: () => (ran = true) });
      subject.stop(system);
      const other = nact.start() as unknown as ours.System;
      for (const end of [over, later]) subject.stop(subject.spawn(other, silent, undefined, { afterStop: () => end.show() }));
      await Promise.all([over.seen, later.seen]);
      t.false(ran);
    },
    async godwit({ t, subject, system }) {
      const { children, until, stopped } = family(subject, system, { child: 'stop' });
      await children();
      subject.stop(system);
      await until('parent');
      t.deepEqual(stopped, ['one', 'two', 'parent']);
    },
  },
  {
    row: 'a parent that stops on the failure of a child',
    async nact({ t, subject, system }) {
      const { tell, until, stopped } = family(subject, system, { child: 'escalate', decide: (ctx) => ctx.stop });
      tell('one', { fail: 'once' });
      await until('parent');
      t.deepEqual(stopped, ['parent']);
    },
    async godwit({ t, subject, system }) {
      const { tell, until, stopped } = family(subject, system, { child: 'escalate', decide: (ctx) => ctx.stop });
      tell('one', { fail: 'once' });
      await until('parent');
      t.deepEqual(stopped, ['one', 'two', 'parent']);
    },
  },
  {
    row: '`afterStop`',
    async godwit({ t, system, device, lines }) {
      const gate = signal();
      const slow = ours.spawn(system, silent, 'slow', {
        async afterStop() {
          await gate.seen;
          throw new Error('in afterStop');
        },
      });
      const over = nextEvent(device, 'stopped');
      ours.stop(slow);
      const waiting = slow.message(null);
      gate.show();
      await over;
      t.like(await t.throwsAsync(waiting), { code: 'NOT_FOUND' });
      t.like(
        lines.find(({ event }) => event === 'nact.afterStop.failed'),
        { level: 'error', fields: { actor: 'device/slow', reason: 'in afterStop' } },
      );
    },
  },
  {
    row: 'ended by Godwit itself',
    async godwit({ t, subject, system, device }) {
      let ran = false;
      const actor = ours.spawn(system, fragile(subject), 'actor', { initialState: 1, afterStop: () => (ran = true) });
      t.is(await asked(subject, actor, { get: true }), 1);
      const over = nextEvent(device, 'stopped', 'device/actor');
      stopActor(actor);
      await over;
      t.false(ran);
    },
  },
  {
    row: '`dispatch` to what is gone',
    async godwit({ t, system, device }) {
      const over = nextEvent(device, 'stopped');
      const actor: ours.Ref<string> = ours.spawn(system, (state: unknown, _message: string) => state, 'gone');
      ours.stop(actor);
      await over;
      const letter = nextEvent(device, 'dead-letter');
      ours.dispatch(actor, 'late');
      t.like(await letter, { message: 'message' });
    },
  },
  {
    row: 'bounds',
    async godwit({ t, device }) {
      const far: ours.Ref<number> = device.node.refTo(
        ours.stateful('far', (state: unknown, _message: number) => state),
        'elsewhere/far',
      );
      t.throws(
        () => {
          for (;;) ours.dispatch(far, 1);
        },
        { code: 'RESOURCE_EXHAUSTED' } as never,
      );
    },
  },
  {
    row: '`query`: how it fails',
    async nact({ t, subject, system }) {
      const failing = subject.spawnStateless(system, () => {
        throw new Error('no');
      });
      t.is((await t.throwsAsync(subject.query(failing, null, 20)))?.message, 'Query Timeout');
    },
    async godwit({ t, subject, system }) {
      const failing = subject.spawnStateless(system, () => {
        throw new Error('no');
      });
      t.like(await t.throwsAsync(subject.query(failing, null, 60_000)), { code: 'UNKNOWN', message: 'no' });
      t.like(await t.throwsAsync(subject.query(subject.spawn(system, silent), null, 20)), { code: 'DEADLINE_EXCEEDED' });
    },
  },
  {
    row: 'messages with references',
    async nact({ t, subject, system }) {
      const seen = signal<unknown>();
      const message = { to: subject.spawn(system, silent) };
      subject.dispatch(
        subject.spawn(system, (_state: unknown, received: unknown) => seen.show(received)),
        message,
      );
      t.is(await seen.seen, message);
    },
    async godwit({ t, subject, system }) {
      const seen = [signal<unknown>(), signal<unknown>()] as const;
      const keep = (each: (typeof seen)[number]) => subject.spawn(system, (_state: unknown, received: unknown) => each.show(received));
      const [plain, message] = [{ to: 'nobody' }, { to: subject.spawn(system, silent) }];
      const second = keep(seen[1]);
      subject.dispatch(keep(seen[0]), plain);
      subject.dispatch(second, message);
      t.is(await seen[0].seen, plain);
      t.not(await seen[1].seen, message);
      t.throws(() => subject.dispatch(second, { ...message, call: () => 1 }), { code: 'INVALID_ARGUMENT', message: /function at \$\.call/ } as never);
    },
  },
  {
    row: 'resets',
    async godwit({ t, subject, system, device }) {
      const actor = ours.spawn(system, fragile(subject), 'actor', { initialState: 1, onCrash: (_message, _error, ctx) => ctx.reset });
      const over = nextEvent(device, 'stopped', 'device/actor');
      let resets = 0;
      for (; resets < 10; resets++) {
        ours.dispatch(actor, { fail: 'again' });
        t.is(await asked(subject, actor, { get: true }), 1);
      }
      ours.dispatch(actor, { fail: 'once too often' });
      t.like(await over, { actor: 'device/actor' });
    },
  },
  {
    row: 'decisions on other actors',
    async godwit({ t, subject, system }) {
      const { tell, get } = family(subject, system, { child: 'resetAll' });
      tell('two', { set: 2 });
      await get('two');
      tell('one', { fail: 'once' });
      // Told to the peer before it hears of the decision.
      const before = get('two');
      t.is(await before, 2);
      t.is(await get('two'), 0);
    },
  },
  {
    row: '`stopAllChildren`, `resetAllChildren` on its own failure',
    async nact({ t, subject, system }) {
      const stuck = subject.spawn(system, fragile(subject), 'actor', { onCrash: (_message, _error, ctx) => decided(ctx, 'stopAllChildren') });
      subject.dispatch(stuck, { fail: 'once' });
      await t.throwsAsync(subject.query(stuck, { get: true }, 50));
    },
    async godwit({ t, subject, system }) {
      for (const decision of ['stopAllChildren', 'resetAllChildren']) {
        const actor = subject.spawn(system, fragile(subject), decision, { initialState: 3, onCrash: (_message, _error, ctx) => decided(ctx, decision) });
        subject.dispatch(actor, { fail: 'once' });
        t.is(await asked(subject, actor, { get: true }), 3);
      }
    },
  },
  {
    row: '`stopChild`, `resetChild` on its own failure',
    async godwit({ t, subject, system, lines }) {
      const over = signal();
      const actor = subject.spawn(system, fragile(subject), 'actor', {
        onCrash: (_message, _error, ctx) => decided(ctx, 'stopChild'),
        afterStop: () => over.show(),
      });
      subject.dispatch(actor, { fail: 'once' });
      await over.seen;
      t.regex(String(lines.find(({ event }) => event === 'nact.onCrash.failed')?.fields.reason), /no child has failed/);
    },
  },
  {
    row: '`resume` on the failure of a child',
    async nact({ t, subject, system }) {
      const { tell, children, parent } = family(subject, system, { child: 'escalate', decide: (ctx) => ctx.resume });
      tell('one', { fail: 'once' });
      await children();
      await t.throwsAsync(subject.query(parent, { to: 'one', script: { get: true } }, 50));
    },
    async godwit({ t, subject, system }) {
      const { tell, get } = family(subject, system, { child: 'escalate', decide: (ctx) => ctx.resume });
      tell('one', { set: 4 });
      tell('one', { fail: 'once' });
      t.is(await get('one'), 4);
    },
  },
  {
    row: '`onCrash` that throws',
    async godwit({ t, subject, system, lines }) {
      const over = signal();
      const onCrash = () => {
        throw new Error('in onCrash');
      };
      subject.dispatch(subject.spawn(system, fragile(subject), 'actor', { onCrash, afterStop: () => over.show() }), { fail: 'once' });
      await over.seen;
      t.like(
        lines.find(({ event }) => event === 'nact.onCrash.failed'),
        { level: 'error', fields: { actor: 'device/actor', reason: 'in onCrash' } },
      );
    },
  },
  {
    row: '`ctx.mailbox`',
    async nact({ t, ...side }) {
      t.true(await hasMailbox(side));
    },
    async godwit({ t, ...side }) {
      t.false(await hasMailbox(side));
    },
  },
  {
    row: '`ctx.log`',
    async nact({ t, subject, system }) {
      const seen = signal<unknown>();
      subject.dispatch(
        subject.spawn(system, (_state: unknown, _message: null, ctx: ours.ActorContext<null>) => seen.show(ctx.log)),
        null,
      );
      t.is(await seen.seen, undefined);
    },
    async godwit({ t, system, lines }) {
      const actor = ours.spawn(
        system,
        (_state: unknown, _message: null, { log }: ours.ActorContext<null>) => {
          log.trace('t');
          log.warn('w');
          log.critical('c');
          log.event('e', { at: 1 });
          log.exception(new Error('x'));
          log.metric('m', 2);
        },
        'actor',
      );
      await actor.message(null);
      t.deepEqual(
        lines.filter(({ fields }) => fields.actor === 'device/actor').map(({ level, event, fields }) => [level, event, fields.message ?? fields.name]),
        [
          ['debug', 'nact.log', 't'],
          ['warn', 'nact.log', 'w'],
          ['error', 'nact.log', 'c'],
          ['info', 'nact.event', 'e'],
          ['error', 'nact.exception', 'x'],
          ['info', 'nact.metric', 'm'],
        ],
      );
    },
  },
  {
    row: 'references',
    async nact({ t, subject, system }) {
      t.like(subject.spawn(system, silent, 'actor'), { name: 'actor', type: 'actor' });
    },
    async godwit({ t, subject, system }) {
      const actor = subject.spawn(system, silent, 'actor');
      t.is(actor.$address, 'device/actor');
      t.deepEqual([Reflect.get(actor, 'name'), Reflect.get(actor, 'path')], [undefined, undefined]);
    },
  },
  {
    row: 'persistence and plugins',
    async nact({ t }) {
      t.true(['spawnPersistent', 'persistentQuery', 'configurePersistence', 'logToConsole'].every((name) => name in nact));
    },
    async godwit({ t }) {
      t.false(['spawnPersistent', 'persistentQuery', 'configurePersistence', 'logToConsole'].some((name) => name in ours));
    },
  },
];

for (const { row, nact: foreign, godwit } of differences) {
  if (foreign !== undefined) {
    test(`differs, nact itself: ${row}`, async (t) => {
      const system = nact.start() as unknown as ours.System;
      t.teardown(() => theirs.stop(system));
      await foreign({ t, subject: theirs, system });
    });
  }

  test(`differs, godwit/nact: ${row}`, async (t) => {
    const lines: Line[] = [];
    const device = await startDevice({ name: 'device', logger: { log: (level, event, fields = {}) => void lines.push({ level, event, fields }) } });
    t.teardown(() => device.close());
    await godwit({ t, subject: ours, system: ours.start(device), device, lines });
  });
}

test('docs/guides/nact.md: its table has the rows that are tested here, and no other', async (t) => {
  const guide = await readFile(new URL('../../../docs/guides/nact.md', import.meta.url), 'utf8');

  const section = guide.slice(guide.indexOf('## What differs'));
  const rows = [...section.matchAll(/^\| (.*?) +\|/gm)].map(([, first]) => first).filter((first) => first !== '' && !/^-+$/.test(first ?? ''));

  t.deepEqual(
    rows,
    differences.map(({ row }) => row),
  );
});
