import { asked, family, fragile, type Row, signal } from './conformance.test-support.js';
import type { ActorContext, ActorProps, Ref } from './index.js';

type Props = ActorProps<number | undefined, Parameters<ReturnType<typeof fragile>>[1]>;

/** Beginnings, ends and supervision. */
export const lifeRows: readonly Row[] = [
  {
    title: 'onCrash: is given the message, the error and the context; resume keeps the state from before the failed message',
    async run(t, subject, system) {
      const seen: unknown[] = [];
      const onCrash: Props['onCrash'] = (message, error, ctx, child) => {
        seen.push(message, error.message, ctx.name, child);
        return ctx.resume;
      };
      const actor = subject.spawn(system, fragile(subject), 'actor', { initialState: 1, onCrash });
      subject.dispatch(actor, { set: 2 });
      subject.dispatch(actor, { fail: 'once', set: 3 });

      t.is(await asked(subject, actor, { get: true }), 2);
      t.deepEqual(seen, [{ fail: 'once', set: 3 }, 'once', 'actor', undefined]);
    },
  },
  {
    title: 'onCrash: may be asynchronous; the mailbox waits for the decision',
    async run(t, subject, system) {
      const gate = signal();
      const onCrash: Props['onCrash'] = async (_message, _error, ctx) => {
        await gate.seen;
        return ctx.reset;
      };
      const actor = subject.spawn(system, fragile(subject), 'actor', { initialState: 1, onCrash });
      subject.dispatch(actor, { set: 2 });
      subject.dispatch(actor, { fail: 'once' });
      const answer = asked(subject, actor, { get: true });
      gate.show();

      t.is(await answer, 1);
    },
  },
  {
    title: 'onCrash: an asynchronous function that rejects has failed too',
    async run(t, subject, system) {
      const onCrash: ActorProps<number, string>['onCrash'] = (_message, _error, ctx) => ctx.resume;
      const actor = subject.spawn(
        system,
        async (state: number, message: string, ctx: ActorContext<string>) => {
          await Promise.resolve();
          if (message === 'fail') throw new Error('late');
          subject.dispatch(ctx.sender, state);
          return state;
        },
        'actor',
        { initialState: 5, onCrash },
      );
      subject.dispatch(actor, 'fail');

      t.is(await asked(subject, actor, 'get'), 5);
    },
  },
  {
    title: 'reset: makes the first state anew, and stops the children',
    async run(t, subject, system) {
      let made = 0;
      const over = signal();
      const actor = subject.spawn(system, fragile(subject), 'actor', {
        initialStateFunc(ctx) {
          made += 1;
          if (made === 1) subject.spawn(ctx.self, fragile(subject), 'child', { afterStop: () => over.show() });
          return made;
        },
        onCrash: (_message, _error, ctx) => ctx.reset,
      });
      subject.dispatch(actor, { set: 50 });
      subject.dispatch(actor, { fail: 'once' });
      await over.seen;

      t.is(await asked(subject, actor, { get: true }), 2);
    },
  },
  {
    title: 'stop: ends the actor after a failure, and afterStop is given the last state',
    async run(t, subject, system) {
      const over = signal<unknown>();
      const actor = subject.spawn(system, fragile(subject), 'actor', {
        initialState: 1,
        onCrash: (_message, _error, ctx) => ctx.stop,
        afterStop: (state, ctx) => over.show([state, ctx.name]),
      });
      subject.dispatch(actor, { set: 2 });
      subject.dispatch(actor, { fail: 'once' });

      t.deepEqual(await over.seen, [2, 'actor']);
      await t.throwsAsync(asked(subject, actor, { get: true }));
    },
  },
  {
    title: 'escalate: without a parent that is an actor, the system stops the actor; what is no decision escalates',
    async run(t, subject, system) {
      for (const decision of ['escalate', 'nonsense']) {
        const over = signal();
        const actor = subject.spawn(system, fragile(subject), decision, {
          onCrash: (_message, _error, ctx) => (ctx as unknown as Record<string, 'escalate'>)[decision],
          afterStop: () => over.show(),
        });
        subject.dispatch(actor, { fail: 'once' });
        await over.seen;

        await t.throwsAsync(asked(subject, actor, { get: true }));
      }
    },
  },
  {
    title: 'stopAll: stops the failed actor and its peers, not its parent',
    async run(t, subject, system) {
      const { tell, until, children, failures } = family(subject, system, { child: 'stopAll' });
      tell('two', { fail: 'once' });
      await Promise.all([until('one'), until('two')]);

      t.deepEqual(await children(), []);
      t.deepEqual(failures, []);
    },
  },
  {
    title: 'resetAll: resets the failed actor and its peers',
    async run(t, subject, system) {
      const { tell, get } = family(subject, system, { child: 'resetAll' });
      tell('one', { set: 1 });
      tell('two', { set: 2 });
      t.deepEqual([await get('one'), await get('two')], [1, 2]);
      tell('one', { fail: 'once' });
      await get('one');

      t.deepEqual([await get('one'), await get('two')], [0, 0]);
    },
  },
  {
    title: 'stopChild: the parent is given the failure and the child, and stops that child',
    async run(t, subject, system) {
      const { tell, until, children, failures, get } = family(subject, system, { child: 'escalate', decide: (ctx) => ctx.stopChild });
      tell('two', { set: 2 });
      tell('one', { fail: 'once' });
      await until('one');

      t.is(await get('two'), 2);
      t.deepEqual(await children(), ['two']);
      t.deepEqual(failures, [{ message: { fail: 'once' }, error: 'once', child: 'one' }]);
    },
  },
  {
    title: 'resetChild: the child goes on with a first state, its peer with its own',
    async run(t, subject, system) {
      const { tell, get } = family(subject, system, { child: 'escalate', decide: (ctx) => ctx.resetChild });
      tell('one', { set: 1 });
      tell('two', { set: 2 });
      tell('one', { fail: 'once' });

      t.deepEqual([await get('one'), await get('two')], [0, 2]);
    },
  },
  {
    title: 'stopAllChildren: the parent loses all its children and goes on',
    async run(t, subject, system) {
      const { tell, until, children } = family(subject, system, { child: 'escalate', decide: (ctx) => ctx.stopAllChildren });
      tell('one', { fail: 'once' });
      await Promise.all([until('one'), until('two')]);

      t.deepEqual(await children(), []);
    },
  },
  {
    title: 'resetAllChildren: all children go on with first states',
    async run(t, subject, system) {
      const { tell, get } = family(subject, system, { child: 'escalate', decide: (ctx) => ctx.resetAllChildren });
      tell('two', { set: 2 });
      await get('two');
      tell('one', { fail: 'once' });
      await get('one');

      t.deepEqual([await get('one'), await get('two')], [0, 0]);
    },
  },
  {
    title: 'reset of a parent, decided on a failure of its child: its children stop, and its first state makes them anew',
    async run(t, subject, system) {
      const { tell, until, get } = family(subject, system, { child: 'escalate', decide: (ctx) => ctx.reset });
      tell('two', { set: 2 });
      tell('one', { fail: 'once' });
      await Promise.all([until('one'), until('two')]);

      t.deepEqual([await get('one'), await get('two')], [0, 0]);
    },
  },
  {
    title: 'initialStateFunc: a throw is a failure without a message',
    async run(t, subject, system) {
      const seen = signal<unknown>();
      subject.spawn(system, fragile(subject), 'actor', {
        initialStateFunc: () => {
          throw new Error('no first state');
        },
        onCrash: (message, error, ctx) => {
          seen.show([message, error.message]);
          return ctx.stop;
        },
      });

      t.deepEqual(await seen.seen, [undefined, 'no first state']);
    },
  },
  {
    title: 'stop: a stopped child is no longer among the children; stopping it again does nothing',
    async run(t, subject, system) {
      const { until, children, parent, get } = family(subject, system, { child: 'stop' });
      subject.dispatch(parent, { stop: 'one' });
      await until('one');

      t.deepEqual(await children(), ['two']);
      t.is(await get('two'), 0);
    },
  },
  {
    title: 'stop(ctx.self): takes effect as the running turn ends; what waits is not handled',
    async run(t, subject, system) {
      const handled: string[] = [];
      const over = signal();
      const gate = signal();
      const actor = subject.spawn(
        system,
        async (_state: unknown, message: string, ctx: ActorContext<string>) => {
          await gate.seen;
          subject.stop(ctx.self);
          handled.push(message);
        },
        'actor',
        { afterStop: () => over.show() },
      );
      for (const message of ['a', 'b', 'c']) subject.dispatch(actor, message);
      gate.show();
      await over.seen;
      await t.throwsAsync(asked(subject, actor, 'd'));

      t.deepEqual(handled, ['a']);
    },
  },
  {
    title: 'stop: of a system: nothing is spawned into it any more, and its actors are gone',
    async run(t, subject, system) {
      const actor = subject.spawn(system, fragile(subject), 'actor');
      await asked(subject, actor, { get: true });
      subject.stop(system);

      t.throws(() => subject.spawn(system, fragile(subject)));
      await t.throwsAsync(asked(subject, actor, { get: true }));
    },
  },
  {
    title: 'stop: what is dispatched afterwards is not handled, and throws nothing',
    async run(t, subject, system) {
      const over = signal();
      const handled: string[] = [];
      const actor: Ref<string> = subject.spawn(system, (_state: unknown, message: string) => void handled.push(message), 'actor', {
        afterStop: () => over.show(),
      });
      subject.stop(actor);
      await over.seen;
      subject.dispatch(actor, 'late');
      subject.stop(actor);
      await t.throwsAsync(asked(subject, actor, 'late too'));

      t.deepEqual(handled, []);
    },
  },
  {
    title: 'shutdownAfter: stops an actor that had nothing to do for so long, whether it ever had or not',
    async run(t, subject, system) {
      const idle = signal();
      const used = signal<unknown>();
      subject.spawn(system, fragile(subject), 'idle', { shutdownAfter: 10, afterStop: () => idle.show() });
      const actor = subject.spawn(system, fragile(subject), 'used', { shutdownAfter: 10, afterStop: (state) => used.show(state) });
      subject.dispatch(actor, { set: 1 });

      await idle.seen;
      t.is(await used.seen, 1);
    },
  },
  {
    title: 'shutdownAfter: a message under way keeps the actor',
    async run(t, subject, system) {
      const gate = signal();
      const over = signal<unknown>();
      const slow = subject.spawn(
        system,
        async (_state: unknown, message: string) => {
          if (message === 'wait') await gate.seen;
          return message;
        },
        'slow',
        { shutdownAfter: 10, afterStop: (state) => over.show(state) },
      );
      const other = signal();
      subject.dispatch(slow, 'wait');
      // Idle for longer, by the same clock.
      subject.spawn(system, fragile(subject), 'other', { shutdownAfter: 40, afterStop: () => other.show() });
      await other.seen;
      subject.dispatch(slow, 'after');
      gate.show();

      t.is(await over.seen, 'after');
    },
  },
];
