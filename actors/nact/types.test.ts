// Compiled, not only run: a line below that should not type-check and does is an error of the build.
import test from 'ava';
import * as nact from 'nact';
import { type Parent, spawn as spawnGodwit, dispatch as tell } from '#core';
import {
  type ActorContext,
  type Bridge,
  dispatch,
  query,
  type Ref,
  type SupervisionContext,
  type System,
  spawn,
  spawnStateless,
  stateful,
  stateless,
  stop,
} from './index.js';

type Message = { readonly type: 'add'; readonly amount: number } | { readonly type: 'get'; readonly sender: Ref<number> };

/** As it would be written for nact. */
const reducer = (state: number, message: Message, ctx: ActorContext<Message>): number => {
  if (message.type === 'add') return state + message.amount;
  dispatch(message.sender, state);
  dispatch(ctx.sender, state);
  // @ts-expect-error who named it wants numbers
  dispatch(message.sender, 'zero');
  // @ts-expect-error the message of another actor
  dispatch(ctx.self, 1);
  return state;
};

const Counter = stateful('typed-counter', reducer, { initialState: 0, source: import.meta.url });

/** Never called: its types are what is tested. */
async function types(system: System, parent: Parent, between: Bridge): Promise<void> {
  const counter = spawn(system, reducer, 'counter', {
    initialState: 0,
    onCrash: (message, error, ctx) => (message?.type === 'add' && error.message !== '' ? ctx.reset : ctx.stop),
  });
  dispatch(counter, { type: 'add', amount: 1 });
  tell(counter, 'message', { type: 'add', amount: 1 });
  await counter.message({ type: 'add', amount: 1 }, { timeoutMs: 5 });
  const sum: number = await query(counter, (sender: Ref<number>) => ({ type: 'get', sender }) as const, 100);
  const unknown = await query(counter, { type: 'add', amount: 1 }, 100);
  // @ts-expect-error an answer of unknown type is not silently any
  unknown.field;
  // @ts-expect-error the answer is no string
  const text: Promise<string> = query(counter, (sender: Ref<number>) => ({ type: 'get', sender }) as const, 100);
  // @ts-expect-error the message has no amount
  dispatch(counter, { type: 'add' });
  // @ts-expect-error the message has no amount, told Godwit's way
  tell(counter, 'message', { type: 'add' });
  // @ts-expect-error there is one message for programs
  tell(counter, 'stop');
  // @ts-expect-error the actor answers numbers
  await query(counter, (sender: Ref<string>) => ({ type: 'get', sender }) as const, 100);
  // @ts-expect-error the first state is of another type
  spawn(system, reducer, 'counter', { initialState: 'zero' });
  // @ts-expect-error there is no such decision
  spawn(system, reducer, 'counter', { onCrash: () => 'retry' });
  // @ts-expect-error the next state is of another type
  spawn(system, (state: number, message: string): number => state + message);
  // @ts-expect-error a node is no parent: start a system on it
  spawn(parent, reducer);

  const spawned = spawn(system, Counter, 'counter');
  const plain = spawnGodwit(parent, Counter, 'counter');
  for (const ref of [spawned, plain]) dispatch(ref, { type: 'add', amount: 1 });
  // @ts-expect-error the options of a definition are its own
  spawn(system, Counter, 'counter', { initialState: 1 });
  // @ts-expect-error the message of another actor
  await plain.message('add');

  const greeter = spawnStateless(system, (name: string, ctx) => dispatch(ctx.sender, name.length));
  dispatch(greeter, 'you', counter as Ref<never>);
  // @ts-expect-error it takes a name
  dispatch(greeter, 1);
  const Greeter = stateless('greeter', (name: string) => name.length);
  // @ts-expect-error without state there is no first one
  stateless('greeter', (name: string) => name.length, { initialState: 1 });

  const foreign = nact.spawn(nact.start(), (state: number, message: { readonly add: number }) => state + message.add);
  const ours: Ref<{ readonly add: number }> = between.ref<{ readonly add: number }>(foreign);
  nact.dispatch(between.reference(ours), { add: 1 });
  // @ts-expect-error of what nothing is known, nothing is said
  const guessed: Ref<number> = between.ref<string>(foreign);
  stop(system);
  stop(ours);
  use(sum, text, Greeter, guessed);
}

function use(..._values: unknown[]): void {}

/** Decisions have the types of their names. */
function decide(ctx: SupervisionContext<Message>): 'resetAllChildren' {
  return ctx.resetAllChildren;
}

test('types: messages, states and answers are inferred from the functions (checked by the compiler)', (t) => {
  t.is(typeof types, 'function');
  t.is(typeof decide, 'function');
  t.is(Counter.name, 'typed-counter');
  t.is(Counter.source, import.meta.url);
});

test('definition: options that make no sense are refused at once', (t) => {
  t.throws(() => stateful('bad name', reducer), { code: 'INVALID_ARGUMENT' } as never);
  t.throws(() => stateful('counter', reducer, { shutdownAfter: -1 }), { code: 'INVALID_ARGUMENT', message: /milliseconds, not -1/ } as never);
  t.throws(() => stateless('counter', reducer as never, { version: 0 }), { code: 'INVALID_ARGUMENT' } as never);
});
