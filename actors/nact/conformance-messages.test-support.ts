import { asked, patienceMs, type Row, signal } from './conformance.test-support.js';
import type { ActorContext, Ref } from './index.js';

interface Ask {
  readonly sender: Ref<number>;
}

/** State, messages, queries, names. */
export const messageRows: readonly Row[] = [
  {
    title: 'spawn: a function reduces its state, message by message, in the order sent',
    async run(t, subject, system) {
      const list = subject.spawn(
        system,
        (state: number[], message: number, ctx: ActorContext<number>) => {
          if (message < 0) subject.dispatch(ctx.sender, state);
          return [...state, message];
        },
        'list',
        { initialState: [] },
      );
      for (let i = 0; i < 5; i++) subject.dispatch(list, i);

      t.deepEqual(await asked(subject, list, -1), [0, 1, 2, 3, 4]);
    },
  },
  {
    title: 'spawn: without a first state the function is given undefined, so its default value holds',
    async run(t, subject, system) {
      const sum = subject.spawn(system, (state: number = 40, message: number, ctx: ActorContext<number>) => {
        subject.dispatch(ctx.sender, state + message);
        return state + message;
      });

      t.is(await asked(subject, sum, 2), 42);
    },
  },
  {
    title: 'spawn: a function that returns nothing has an undefined state from then on, and goes on',
    async run(t, subject, system) {
      const forgetful = subject.spawn(
        system,
        (state: string | undefined, _message: string, ctx: ActorContext<string>): string | undefined => {
          subject.dispatch(ctx.sender, String(state));
          return undefined;
        },
        'forgetful',
        { initialState: 'first' },
      );

      t.deepEqual([await asked(subject, forgetful, 'a'), await asked(subject, forgetful, 'b')], ['first', 'undefined']);
    },
  },
  {
    title: 'spawn: the next message waits for an asynchronous function',
    async run(t, subject, system) {
      const gate = signal();
      const order: string[] = [];
      const slow = subject.spawn(system, async (_state: unknown, message: string, ctx: ActorContext<string>) => {
        order.push(`${message} begins`);
        if (message === 'a') await gate.seen;
        order.push(`${message} ends`);
        subject.dispatch(ctx.sender, null);
      });
      subject.dispatch(slow, 'a');
      const second = asked(subject, slow, 'b');
      gate.show();
      await second;

      t.deepEqual(order, ['a begins', 'a ends', 'b begins', 'b ends']);
    },
  },
  {
    title: "spawn: 'this' is the context",
    async run(t, subject, system) {
      const self = subject.spawn(system, function (this: ActorContext<null>, _state: unknown, _message: null, ctx: ActorContext<null>) {
        subject.dispatch(ctx.sender, this === ctx);
      });

      t.is(await asked(subject, self, null), true);
    },
  },
  {
    title: 'spawn: an actor without a name gets one of its own',
    async run(t, subject, system) {
      const named = () =>
        subject.spawn(system, (_state: unknown, _message: null, ctx: ActorContext<null>) => {
          subject.dispatch(ctx.sender, ctx.name);
        });
      const [one, two] = [await asked(subject, named(), null), await asked(subject, named(), null)];

      t.regex(String(one), /^anonymous-/);
      t.not(one, two);
    },
  },
  {
    title: 'spawn: a name that is taken, or that is none, throws at once',
    async run(t, subject, system) {
      const idle = (state: unknown, _message: null) => state;
      subject.spawn(system, idle, 'same');

      t.throws(() => subject.spawn(system, idle, 'same'));
      for (const name of ['a/b', 'with space', 'ä']) t.throws(() => subject.spawn(system, idle, name), undefined, name);
      t.throws(() => subject.spawn(system, idle, 'timer', { shutdownAfter: 'soon' as unknown as number }));
    },
  },
  {
    title: 'context: an actor knows its name, path, parent and children; a child reaches its parent',
    async run(t, subject, system) {
      type Word = { readonly hello?: string; readonly ask?: true };
      const child = (_state: unknown, _message: null, ctx: ActorContext<null>) => {
        subject.dispatch(ctx.parent, { hello: `${ctx.name} of ${ctx.path.parts.join('/')}, ${ctx.children.size} children` });
      };
      const parent = subject.spawn(
        system,
        (state: string[] = [], message: Word, ctx: ActorContext<Word>) => {
          if (message.ask === true) subject.dispatch(subject.spawn(ctx.self, child, 'child'), null);
          if (message.hello === undefined) return [[...ctx.children.keys()].join(), ctx.name, ctx.path.parts.join('/')];
          heard.show([...state, message.hello]);
          return state;
        },
        'parent',
      );
      const heard = signal<string[]>();
      subject.dispatch(parent, { ask: true });

      // Its children as they were when the turn began.
      t.deepEqual(await heard.seen, ['', 'parent', 'parent', 'child of parent/child, 0 children']);
    },
  },
  {
    title: 'dispatch: the sender is who was named, or nobody',
    async run(t, subject, system) {
      const answers: unknown[] = [];
      const done = signal();
      const client = subject.spawn(system, (_state: unknown, message: string) => {
        answers.push(message);
        if (answers.length === 2) done.show();
      });
      const echo = subject.spawn(system, (_state: unknown, message: string, ctx: ActorContext<string>) => {
        subject.dispatch(ctx.sender, message);
      });
      subject.dispatch(echo, 'to nobody');
      subject.dispatch(echo, 'to nobody either', new subject.Nobody());
      subject.dispatch(echo, 'one', client);
      subject.dispatch(echo, 'two', client);
      await done.seen;

      t.deepEqual(answers, ['one', 'two']);
    },
  },
  {
    title: 'dispatch: what is sent before a throw has left',
    async run(t, subject, system) {
      const heard = signal<string>();
      const sink = subject.spawn(system, (_state: unknown, message: string) => heard.show(message));
      const source = subject.spawnStateless(system, () => {
        subject.dispatch(sink, 'before');
        throw new Error('after');
      });
      subject.dispatch(source, null);

      t.is(await heard.seen, 'before');
    },
  },
  {
    title: 'query: a factory puts the reference of the answer into the message',
    async run(t, subject, system) {
      const double = subject.spawn(system, (_state: unknown, { value, sender }: Ask & { readonly value: number }) => subject.dispatch(sender, value * 2));

      t.is(await subject.query(double, (sender: Ref<number>) => ({ value: 21, sender }), patienceMs), 42);
    },
  },
  {
    title: 'query: the answer may come from another actor that the reference was passed on to, in a later turn; the first counts',
    async run(t, subject, system) {
      const worker = subject.spawn(system, (_state: unknown, { sender }: Ask) => {
        subject.dispatch(sender, 1);
        subject.dispatch(sender, 2);
      });
      const front = subject.spawn(system, (_state: unknown, message: Ask) => subject.dispatch(worker, message));

      t.is(await subject.query(front, (sender: Ref<number>) => ({ sender }), patienceMs), 1);
    },
  },
  {
    title: 'query: an actor asks within its turn',
    async run(t, subject, system) {
      const one = subject.spawn(system, (_state: unknown, { sender }: Ask) => subject.dispatch(sender, 1));
      const two = subject.spawn(system, async (_state: unknown, { sender }: Ask) => {
        const answer = await subject.query(one, (inner: Ref<number>) => ({ sender: inner }), patienceMs);
        subject.dispatch(sender, answer + 1);
      });

      t.is(await subject.query(two, (sender: Ref<number>) => ({ sender }), patienceMs), 2);
    },
  },
  {
    title: 'query: is sent in the order of the call, between what is dispatched before and after',
    async run(t, subject, system) {
      const words: string[] = [];
      const list = subject.spawn(system, (_state: unknown, word: string, ctx: ActorContext<string>) => {
        words.push(word);
        subject.dispatch(ctx.sender, [...words]);
      });
      subject.dispatch(list, 'a');
      const answer = asked(subject, list, 'b');
      subject.dispatch(list, 'c');

      t.deepEqual(await answer, ['a', 'b']);
    },
  },
  {
    title: 'query: rejects when its time is over, when the actor fails, and when the actor is gone; without a time-out it throws',
    async run(t, subject, system) {
      const silent = subject.spawn(system, (state: unknown, _message: Ask) => state);
      const failing = subject.spawnStateless(system, (_message: Ask) => {
        throw new Error('no');
      });
      const over = signal();
      const gone = subject.spawn(system, (state: unknown, _message: Ask) => state, 'gone', { afterStop: () => over.show() });
      subject.stop(gone);
      await over.seen;
      const ask = (ref: Ref<Ask>, timeoutMs: number) => subject.query(ref, (sender: Ref<number>) => ({ sender }), timeoutMs);

      await t.throwsAsync(() => ask(silent, 20));
      await t.throwsAsync(() => ask(failing, 20));
      await t.throwsAsync(() => ask(gone, 60_000));
      t.throws(() => ask(silent, 0));
      t.throws(() => ask(silent, undefined as unknown as number));
    },
  },
  {
    title: 'stateless: is given message and context, is its own this, and one failure costs one message, whatever onCrash says',
    async run(t, subject, system) {
      const options: object = { onCrash: () => 'stop' };
      const picky = subject.spawnStateless(
        system,
        function (this: ActorContext<number>, message: number, ctx: ActorContext<number>) {
          if (message < 0) throw new Error('negative');
          subject.dispatch(ctx.sender, this === ctx ? message : 'another this');
        },
        'picky',
        options,
      );
      subject.dispatch(picky, -1);

      t.is(await asked(subject, picky, 7), 7);
    },
  },
];
