import test, { type ExecutionContext } from 'ava';
import * as nact from 'nact';
import { actor, GodwitError, type NodeEvent, spawn as spawnGodwit, dispatch as tell } from '#core';
import { startDevice } from '#device-node';
import { patienceMs, signal } from './conformance.test-support.js';
import { type ActorContext, type Bridge, bridge, dispatch, type Nobody, query, type Ref, spawn, start, stop } from './index.js';

/** A running system of nact, a device, and the bridge between them. */
async function bothSides(t: ExecutionContext) {
  const foreign = nact.start();
  const device = await startDevice({ name: 'device' });
  const between = await bridge(foreign, device);
  t.teardown(async () => {
    between.close();
    nact.stop(foreign);
    await device.close();
  });
  return { foreign, device, between, system: start(device) };
}

type Counted = { readonly add?: number; readonly sender?: nact.Ref<number> };

/** An actor of nact that counts, and answers whoever a message names. */
const counterOf = (foreign: nact.ActorSystemRef, name = 'counter') =>
  nact.spawn(
    foreign,
    (state: number, { add, sender }: Counted) => {
      if (sender !== undefined) nact.dispatch(sender, state);
      return state + (add ?? 0);
    },
    name,
    { initialState: 0 },
  );

interface Get {
  readonly add?: number;
  readonly sender?: Ref<number>;
}

/** What nact's types leave out. */
const nactTell: (actor: object, message: unknown, sender?: object) => void = nact.dispatch;
const senderOf = (ctx: object) => (ctx as { readonly sender: object }).sender;

const Ledger = actor('ledger', {
  state: () => ({ sum: 0 }),
  on: {
    add(state, amount: number) {
      if (amount < 0) throw new GodwitError('OUT_OF_RANGE', 'negative');
      state.sum += amount;
      return state.sum;
    },
    get: (state) => state.sum,
  },
});

function nextEvent<K extends NodeEvent['type']>(node: { observe(listener: (event: NodeEvent) => void): unknown }, type: K, of: string) {
  return new Promise<Extract<NodeEvent, { type: K }>>((resolve) => {
    node.observe((event) => {
      if (event.type === type && 'actor' in event && event.actor === of) resolve(event as Extract<NodeEvent, { type: K }>);
    });
  });
}

test('bridge: an actor of nact is told and asked through a ref of ours', async (t) => {
  const { foreign, between } = await bothSides(t);
  const counter = between.ref<Get>(counterOf(foreign));

  tell(counter, 'message', { add: 1 });
  dispatch(counter, { add: 2 });
  await counter.message({ add: 3 });

  t.is(await query(counter, (sender: Ref<number>) => ({ sender }), patienceMs), 6);
});

test('bridge: an actor of ours holds the ref, passes it on, and queries it within its turn', async (t) => {
  const { foreign, between, system } = await bothSides(t);
  const counter = between.ref<Get>(counterOf(foreign));
  type Job = { readonly counter: Ref<Get>; readonly sender: Ref<string> };
  const clerk = spawn(system, async (_state: unknown, job: Job) => {
    dispatch(job.counter, { add: 40 });
    dispatch(job.counter, { add: 2 });
    dispatch(job.sender, `has ${await query(job.counter, (sender: Ref<number>) => ({ sender }), patienceMs)}`);
  });

  t.is(await query(clerk, (sender: Ref<string>) => ({ counter, sender }), patienceMs), 'has 42');
});

test('bridge: nact tells and queries an actor of nact kind of ours by a reference', async (t) => {
  const { between, system } = await bothSides(t);
  const sum = spawn(system, (state: number = 0, { add, sender }: Get) => {
    if (sender !== undefined) dispatch(sender, state);
    return state + (add ?? 0);
  });
  const reference = between.reference(sum) as nact.Ref<Counted>;
  nact.dispatch(reference, { add: 40 });
  nact.dispatch(reference, { add: 2 });

  t.is(await nact.query(reference, (sender: nact.Ref<number>) => ({ sender }), patienceMs), 42);
});

test('bridge: an actor of nact answers and is answered by the references it was given; the sender crosses too', async (t) => {
  const { foreign, between, system } = await bothSides(t);
  const heard = signal<unknown>();
  const echo = spawn(system, (_state: unknown, message: string, ctx: ActorContext<string>) => dispatch(ctx.sender, `${message}, echoed`));
  const client = nact.spawn(foreign, (_state: unknown, message: { readonly begin?: nact.Ref<string> } | string, ctx: object) => {
    if (typeof message === 'string') heard.show(message);
    else if (message.begin !== undefined) nactTell(message.begin, 'hello', (ctx as { readonly self: object }).self);
  });
  dispatch(between.ref<{ readonly begin: Ref<string> }>(client), { begin: echo });

  t.is(await heard.seen, 'hello, echoed');
});

test('bridge: references that come back are what they were, in Maps, Sets, arrays and cycles', async (t) => {
  const { foreign, between, system } = await bothSides(t);
  const counter = counterOf(foreign);
  const ours = spawn(system, (state: unknown, _message: null) => state, 'ours');
  type Parcel = [Map<string, unknown>];
  const back = signal<Parcel>();
  const mirror = nact.spawn(foreign, (_state: unknown, message: unknown, ctx: object) => nactTell(senderOf(ctx), message));
  const sink = spawn(system, (_state: unknown, message: Parcel) => back.show(message));
  const seen = signal<Parcel>();
  const look = nact.spawn(foreign, (_state: unknown, message: Parcel) => seen.show(message));
  const message: Parcel = [
    new Map<string, unknown>([
      ['counter', between.ref(counter)],
      ['set', new Set([ours])],
      ['plain', { at: new Date(7) }],
    ]),
  ];
  message[0].set('itself', message);

  dispatch(between.ref<unknown>(mirror), message, sink);
  dispatch(between.ref<unknown>(look), message);

  const [there] = await seen.seen;
  t.is(there.get('counter'), counter);
  t.is((there.get('itself') as Array<unknown>)[0], there);
  const [here] = await back.seen;
  t.is((here.get('counter') as Ref<unknown>).$address, between.ref(counter).$address);
  t.deepEqual(
    [...(here.get('set') as Set<Ref<unknown>>)].map((ref) => ref.$address),
    ['device/ours'],
  );
  t.deepEqual(here.get('plain'), { at: new Date(7) });
});

test("bridge: nact speaks to any actor of Godwit with { type, payload }; replies answer, failures reject nact's query", async (t) => {
  const { foreign, device, between } = await bothSides(t);
  const ledger = between.reference(spawnGodwit(device, Ledger, 'ledger')) as nact.Ref<unknown>;
  nact.dispatch(ledger, { type: 'add', payload: 40 });
  const answers: unknown[] = [];
  const both = signal();
  const client = nact.spawn(foreign, (_state: unknown, answer: unknown) => {
    answers.push(GodwitError.is(answer) ? answer.code : answer);
    if (answers.length === 2) both.show();
  });

  t.is(await nact.query(ledger, () => ({ type: 'add', payload: 2 }), patienceMs), 42);
  t.like(await t.throwsAsync(nact.query(ledger, () => ({ type: 'add', payload: -1 }), patienceMs)), { code: 'OUT_OF_RANGE' });
  t.like(await t.throwsAsync(nact.query(ledger, () => ({ type: 'nope' }), patienceMs)), { code: 'INVALID_ARGUMENT' });
  t.throws(() => nact.dispatch(ledger, 'no message of ours'), { code: 'INVALID_ARGUMENT', message: /add, get/ } as never);
  nactTell(ledger, { type: 'get' }, client);
  nactTell(ledger, { type: 'add', payload: -1 }, client);
  await both.seen;
  t.deepEqual(answers, [42, 'OUT_OF_RANGE']);
});

test('bridge: a query across it that nobody answers ends at its deadline, both ways', async (t) => {
  const { foreign, between, system } = await bothSides(t);
  const silent = between.ref<Get>(nact.spawn(foreign, (state: unknown, _message: unknown) => state));
  const mute = between.reference(spawn(system, (state: unknown, _message: unknown) => state)) as nact.Ref<unknown>;

  t.like(await t.throwsAsync(query(silent, (sender: Ref<number>) => ({ sender }), 30)), { code: 'DEADLINE_EXCEEDED' });
  t.like(await t.throwsAsync(nact.query(mute, (sender: nact.Ref<number>) => ({ sender }), 30)), { code: 'DEADLINE_EXCEEDED' });
});

test("bridge: a failure of our actor rejects nact's query with what was thrown", async (t) => {
  const { between, system } = await bothSides(t);
  const failing = spawn(
    system,
    (): never => {
      throw new GodwitError('OUT_OF_RANGE', 'too far');
    },
    'failing',
    { onCrash: (_message, _error, ctx) => ctx.resume },
  );

  const error = await t.throwsAsync(nact.query(between.reference(failing) as nact.Ref<unknown>, () => 1, 60_000));

  t.like(error, { code: 'OUT_OF_RANGE', message: 'too far' });
});

test('bridge: an actor that nact has stopped is found gone: an ask and a query reject at once, the proxy ends', async (t) => {
  const { foreign, device, between } = await bothSides(t);
  const theirs = [counterOf(foreign, 'one'), counterOf(foreign, 'two')] as const;
  const [one, two] = [between.ref<Get>(theirs[0]), between.ref<Get>(theirs[1])];
  await Promise.all([one.message({}), two.message({})]);
  const ended = nextEvent(device.node, 'stopped', one.$address);
  for (const actor of theirs) nact.stop(actor);

  t.like(await t.throwsAsync(one.message({ add: 1 })), { code: 'NOT_FOUND' });
  t.like(await t.throwsAsync(query(two, (sender: Ref<number>) => ({ sender }), 60_000)), { code: 'NOT_FOUND' });
  await ended;
  t.not(between.ref(theirs[0]).$address, one.$address);
});

test("bridge: an actor of ours that was stopped rejects nact's query at once; what nact dispatches to it is an observable dead letter", async (t) => {
  const { device, between, system } = await bothSides(t);
  const over = signal();
  const gone = spawn(system, (state: unknown, _message: unknown) => state, 'gone', { afterStop: () => over.show() });
  const reference = between.reference(gone) as nact.Ref<unknown>;
  const ended = nextEvent(device.node, 'stopped', 'device/gone');
  nact.stop(reference);
  await over.seen;
  await ended;
  const letter = new Promise<NodeEvent>((resolve) => {
    device.node.observe((event) => event.type === 'dead-letter' && resolve(event));
  });

  t.like(await t.throwsAsync(nact.query(reference, () => 1, 60_000)), { code: 'NOT_FOUND' });
  nact.dispatch(reference, 'late');
  t.like(await letter, { type: 'dead-letter' });
});

test('bridge: stop through it stops an actor of nact, and one of Godwit', async (t) => {
  const { foreign, device, between } = await bothSides(t);
  const over = signal();
  const theirs = nact.spawn(foreign, (state: unknown, _message: unknown) => state, 'theirs', { afterStop: () => over.show() });
  const ledger = spawnGodwit(device, Ledger, 'ledger');
  await ledger.get();
  const ended = nextEvent(device.node, 'stopped', 'device/ledger');

  stop(between.ref(theirs));
  nact.stop(between.reference(ledger) as nact.Ref<unknown>);

  await Promise.all([over.seen, ended]);
  t.like(await t.throwsAsync(ledger.get()), { code: 'NOT_FOUND' });
});

test('bridge: nact spawns nothing under an actor of ours, and takes nobody for nobody', async (t) => {
  const { between, system } = await bothSides(t);
  const senders = signal<Nobody | Ref<unknown>>();
  const ours = spawn(system, (_state: unknown, _message: null, ctx: ActorContext<null>) => senders.show(ctx.sender));
  const reference = between.reference(ours) as nact.Ref<null>;

  t.throws(() => nact.spawn(reference, (state: unknown, _message: unknown) => state), { code: 'FAILED_PRECONDITION' } as never);
  nactTell(reference, null, new nact.Nobody());
  t.deepEqual(await senders.seen, { type: 'nobody' });
  t.throws(() => between.ref({}), { code: 'INVALID_ARGUMENT' } as never);
});

test('bridge: refuses a system that was stopped', async (t) => {
  const { device } = await bothSides(t);
  const stopped = nact.start();
  nact.stop(stopped);

  t.like(await t.throwsAsync(bridge(stopped, device)), { code: 'FAILED_PRECONDITION' });
});

test('bridge: two of them on one node, and one after another, each reach the actors of their own system', async (t) => {
  const { foreign, device, between } = await bothSides(t);
  const others = nact.start();
  const beside = await bridge(others, device);
  t.teardown(() => {
    beside.close();
    nact.stop(others);
  });
  const count = (of: Bridge, counter: nact.Ref<Counted>) => query(of.ref<Get>(counter), (sender: Ref<number>) => ({ sender }), patienceMs);
  const [ours, theirs] = [counterOf(foreign), counterOf(others)];

  await between.ref<Get>(ours).message({ add: 1 });
  await beside.ref<Get>(theirs).message({ add: 10 });
  t.deepEqual([await count(between, ours), await count(beside, theirs)], [1, 10]);

  between.close();
  const again = await bridge(foreign, device);
  t.teardown(() => again.close());
  const late = counterOf(foreign, 'late');
  await again.ref<Get>(late).message({ add: 100 });
  t.deepEqual([await count(again, ours), await count(again, late), await count(beside, theirs)], [1, 100, 10]);
});

test('bridge: after its close neither side reaches the other', async (t) => {
  const { foreign, between, system } = await bothSides(t);
  const counter: Ref<Get> = between.ref<Get>(counterOf(foreign));
  await counter.message({});
  const ours = between.reference(spawn(system, (state: unknown, _message: unknown) => state)) as nact.Ref<unknown>;
  const twice = (each: Bridge) => {
    each.close();
    each.close();
  };
  twice(between);

  t.like(await t.throwsAsync(counter.message({})), { code: 'NOT_FOUND' });
  await t.throwsAsync(nact.query(ours, () => 1, 60_000));
});
