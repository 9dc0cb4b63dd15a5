// What a tracer hears of a node, whatever it is. On OpenTelemetry, over processes and on the script tier: cli/tracing.test.ts.
import test from 'ava';
import type { Context } from '../actors/context.js';
import { actor } from '../actors/definition.js';
import { dispatch, type Ref } from '../actors/ref.js';
import { spawn } from '../actors/spawn.js';
import type { SpanEnd, SpanFacts, TraceContext, Tracer } from '../ports/tracer.js';
import { createGate, linked, makeNode } from './regressions.test-support.js';
import { assertHandedOver, sharedBlobs } from './wiring.test-support.js';

/** Keeps every span. The active context is that of the synchronous code in it, which is all that one process can tell without a platform's help. */
function createRecorder(heard: (event: string) => void = () => {}) {
  const spans: Array<{ readonly facts: SpanFacts; readonly parent: TraceContext | undefined; readonly context: TraceContext; ends: SpanEnd[] }> = [];
  let active: TraceContext | undefined;
  const within = <T>(context: TraceContext | undefined, work: () => T): T => {
    const before = active;
    active = context;
    try {
      return work();
    } finally {
      active = before;
    }
  };
  const tracer: Tracer = {
    active: () => active,
    within,
    start(facts, parent) {
      const id = (spans.length + 1).toString(16).padStart(16, '0');
      const context = `${parent?.slice(0, 36) ?? `00-${id}${id}-`}${id}-01` as TraceContext;
      const ends: SpanEnd[] = [];
      spans.push({ facts, parent, context, ends });
      return { context, run: (work) => within(context, work), event: heard, end: (end) => void ends.push(end) };
    },
  };
  /** 'turn echo.say < ask echo.say' */
  const told = () =>
    spans.map(({ facts, parent }) => {
      const cause = spans.find(({ context }) => context === parent);
      return `${nameOf(facts)} < ${cause === undefined ? String(parent) : nameOf(cause.facts)}`;
    });
  const codes = () => spans.map(({ facts, ends }) => `${nameOf(facts)} ${ends.map(({ error }) => error?.code ?? 'OK').join()}`);
  return { tracer, spans, told, codes };
}

const nameOf = (facts: SpanFacts) => `${facts.type} ${facts.type === 'move' ? facts.definition : `${facts.definition}.${facts.message}`}`;

const Listener = actor('listener', {
  version: 1,
  state: () => ({ heard: [] as string[] }),
  on: {
    hear(state, what: string): number {
      return state.heard.push(what);
    },
  },
});

const Speaker = actor('speaker', {
  version: 1,
  state: () => ({}),
  on: {
    async speak(_state, to: Ref<typeof Listener.on>, ctx: Context): Promise<void> {
      ctx.send(to, 'hear', 'first segment');
      await to.hear('an ask');
      ctx.send(to, 'hear', 'second segment');
    },
    later(_state, _payload: undefined, ctx: Context): void {
      ctx.after(1, 'done');
    },
    async done(_state, _payload: undefined, ctx: Context): Promise<void> {
      await ctx.call('gate', 'done');
    },
    async never(_state, _payload: undefined, ctx: Context): Promise<void> {
      await ctx.call('gate', 'never');
    },
    fail(): void {
      throw new RangeError('no');
    },
  },
});

const appContext = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` as TraceContext;

for (const where of ['on one node', 'over a link'] as const) {
  test(`tracing: what a turn sends in any of its segments is of that turn’s span, ${where}`, async (t) => {
    const { tracer, told, codes } = createRecorder();
    const shared = sharedBlobs();
    const node = makeNode(t, 'node', shared, { tracer });
    const other = makeNode(t, 'other', shared, { tracer });
    await linked(node, other);
    const speaker = spawn(node, Speaker, 'speaker');
    spawn(where === 'on one node' ? node : other, Listener, 'listener');
    const listener = node.refTo(Listener, where === 'on one node' ? 'node/listener' : 'other/listener');

    await tracer.within(appContext, () => speaker.speak(listener));
    await listener.hear('after it');

    t.deepEqual(told().sort(), [
      'ask listener.hear < turn speaker.speak',
      'ask listener.hear < undefined',
      `ask speaker.speak < ${appContext}`,
      'turn listener.hear < ask listener.hear',
      'turn listener.hear < ask listener.hear',
      'turn listener.hear < turn speaker.speak',
      'turn listener.hear < turn speaker.speak',
      'turn speaker.speak < ask speaker.speak',
    ]);
    t.true(
      codes().every((line) => line.endsWith(' OK')),
      codes().join('\n'),
    );
  });
}

/** A host function that tells when a turn calls it, and answers `never` only once it may. */
function createGates() {
  const [never, done, pass] = [createGate(), createGate(), createGate()];
  const call = async (method: string) => {
    (method === 'done' ? done : never).open();
    if (method === 'never') await pass.opened;
  };
  return { never, done, pass, hostFunctions: new Map([['gate', { name: 'gate', call }]]) };
}

test('tracing: a timer begins a trace of its own', async (t) => {
  const { tracer, told } = createRecorder();
  const { done, hostFunctions } = createGates();
  const node = makeNode(t, 'node', sharedBlobs(), { tracer, hostFunctions });
  const speaker = spawn(node, Speaker, 'speaker');

  await speaker.later();
  await done.opened;

  t.deepEqual(told().slice(1), ['turn speaker.later < ask speaker.later', 'turn speaker.done < undefined']);
});

test('tracing: every span ends once: with the code of its failure, when the ask is given up, and when the actor ends in its turn', async (t) => {
  const { tracer, codes } = createRecorder();
  const { never, pass, hostFunctions } = createGates();
  const node = makeNode(t, 'node', sharedBlobs(), { tracer, hostFunctions });
  const speaker = spawn(node, Speaker, 'speaker');
  const giveUp = new AbortController();

  await t.throwsAsync(speaker.fail());
  const stopped = t.throwsAsync(speaker.never());
  const unanswered = speaker.never(undefined, { signal: giveUp.signal });
  await never.opened;
  giveUp.abort();
  await t.throwsAsync(unanswered);
  node.stop('node/speaker');
  await stopped;
  pass.open();

  t.deepEqual(codes(), [
    'ask speaker.fail UNKNOWN',
    'turn speaker.fail UNKNOWN',
    'ask speaker.never NOT_FOUND',
    'ask speaker.never CANCELLED',
    'turn speaker.never CANCELLED',
  ]);
});

test('protocol, tracing: what waits for an actor moves with its context', async (t) => {
  const { never, done, pass, hostFunctions } = createGates();
  const { tracer, spans } = createRecorder((event) => event === 'freezing' && pass.open());
  const shared = sharedBlobs();
  const options = { tracer, hostFunctions, definitions: [Speaker] };
  const [one, other] = [makeNode(t, 'one', shared, options), makeNode(t, 'other', shared, options)];
  await linked(one, other);
  const speaker = spawn(one, Speaker, 'speaker');
  const busy = speaker.never();
  await never.opened;
  tracer.within(appContext, () => dispatch(speaker, 'done'));

  assertHandedOver(t, await one.move('one/speaker', { to: 'other' }), 'one', 'other');
  await busy;
  await done.opened;

  const waited = spans.find(({ facts }) => facts.type === 'turn' && facts.message === 'done');
  t.is(waited?.parent, appContext);
  t.like(waited?.facts, { node: 'other', actor: 'one/speaker', epoch: 2 });
});
