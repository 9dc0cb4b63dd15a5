import test from 'ava';
import { type AnyDefinition, Behaviour, decode, GodwitError, type InstanceCapture, type Payload, type Target } from '#core';
import { Counter, Echo } from './fixtures/actors.js';
import { fixtureProgram, payload, RememberingHost, specFor, turn } from './fixtures/world.js';
import { createScriptRuntime, type ScriptRuntimeInstance } from './index.js';
import { plainCodec } from './plain-codec.js';

const program = await fixtureProgram();
const runtime = createScriptRuntime({ workers: 2 });
test.after.always(() => runtime.close());

const application = new Behaviour('home/application', undefined, new RememberingHost().host);
const echo: Target = application.ref({ $address: 'home/echo', $protocol: Echo.protocol });

async function begin(definition: AnyDefinition = Counter, capture?: InstanceCapture): Promise<{ instance: ScriptRuntimeInstance; world: RememberingHost }> {
  const world = new RememberingHost();
  return { instance: await runtime.create(specFor(definition, program, { capture }), world.host), world };
}

function open(given: unknown): unknown {
  const { value, bytes } = given as Payload;
  return bytes === undefined ? value : decode(bytes, plainCodec);
}

test('script instance: answers asks in the order of its turns', async (t) => {
  const { instance, world } = await begin();

  for (let ask = 1; ask <= 200; ask++) instance.turn(turn('ask', 'add', 1, ask));
  await world.nth(200, 'turnEnded');

  t.deepEqual(
    world.named('reply').map(([, ask, answer]) => [ask, open(answer)]),
    Array.from({ length: 200 }, (_, i) => [i + 1, i + 1]),
  );
});

test('script instance: carries payloads of every kind unharmed, from nothing to a megabyte', async (t) => {
  const { instance, world } = await begin();
  const values = [undefined, null, -0, Number.NaN, 10n ** 30n, 'żółw 🐢', new Map([[{ a: 1 }, new Set([1])]]), new Date(5), new Float32Array([1.5])];
  const large = new Uint8Array(1_000_003).map((_, i) => i);

  for (const [i, value] of values.entries()) instance.turn(turn('ask', 'echo', value, i + 1));
  instance.turn(turn('ask', 'echo', large, 100));

  for (const [i, value] of values.entries()) t.deepEqual(open(await world.answer(i + 1)), value);
  t.is(Buffer.compare(open(await world.answer(100)) as Uint8Array, large), 0);
});

test('script instance: takes payloads that never left this heap', async (t) => {
  const { instance, world } = await begin();

  instance.turn({ ...turn('ask', 'echo', undefined, 1), payload: { value: { here: [1, 2] }, bytes: undefined } });

  t.deepEqual(open(await world.answer(1)), { here: [1, 2] });
});

test('script instance: its sends leave in order before the end of their turn', async (t) => {
  const { instance, world } = await begin();

  instance.turn(turn('tell', 'forward', echo));
  await world.until('turnEnded');

  t.deepEqual(
    world.calls.filter(([name]) => name === 'send').map(([, kind, to, message, value, ask]) => [kind, (to as Target).$address, message, open(value), ask]),
    [
      ['tell', 'home/echo', 'count', 1, 0],
      ['tell', 'home/echo', 'count', 2, 0],
      ['tell', 'home/echo', 'count', 3, 0],
    ],
  );
  t.deepEqual(
    world.calls.map(([name]) => name),
    ['send', 'send', 'send', 'flush', 'turnEnded'],
  );
});

test('script instance: a throw drops what its segment sent, and tells error and decision', async (t) => {
  const { instance, world } = await begin();

  instance.turn(turn('ask', 'failAfterSend', echo, 1));
  const error = await t.throwsAsync(() => world.answer(1));
  instance.turn(turn('ask', 'forward', echo, 2));
  await world.answer(2);

  t.like(error, { code: 'FAILED_PRECONDITION', message: 'not today', details: { day: 3n } });
  t.regex(String(error?.stack), /failAfterSend/);
  t.like(world.named('turnEnded')[0]?.[1], { threw: { code: 'FAILED_PRECONDITION' }, decision: 'resume' });
  t.deepEqual(
    world.named('send').map(([, , , , value]) => open(value)),
    [1, 2, 3],
  );
});

test('script instance: asks another actor inside a turn, and later turns wait', async (t) => {
  const { instance, world } = await begin();

  instance.turn(turn('ask', 'relay', { to: echo, text: 'hi' }, 1));
  instance.turn(turn('ask', 'add', 1, 2));
  const [, kind, to, message, value, ask, timeoutMs] = await world.until('send');
  t.deepEqual([kind, (to as Target).$address, message, open(value), timeoutMs], ['ask', 'home/echo', 'say', 'hi', 700]);
  t.is(world.named('turnEnded').length, 0);
  instance.settle(ask as number, { payload: payload('answered') });

  t.is(open(await world.answer(1)), 'answered');
  t.is(open(await world.answer(2)), 1);
});

test('script instance: an ask that fails throws its error in the handler', async (t) => {
  const { instance, world } = await begin();

  instance.turn(turn('ask', 'relay', { to: echo, text: 'hi' }, 1));
  const [, , , , , ask] = await world.until('send');
  instance.settle(ask as number, { error: { code: 'UNAVAILABLE', message: 'gone', retryable: true, node: 'far' } });

  await t.throwsAsync(() => world.answer(1), { message: 'gone', code: 'UNAVAILABLE' } as never);
});

test('script instance: streams as far as its reader grants, and ends', async (t) => {
  const { instance, world } = await begin();

  instance.turn(turn('stream', 'upTo', 40, 1));
  await world.nth(32, 'item');
  instance.turn(turn('ask', 'add', 0, 2));
  await world.answer(2);
  t.is(world.named('item').length, 32);
  instance.more(1, 100);
  await world.until('end', 1);

  t.deepEqual(
    world.named('item').map(([, , value]) => open(value)),
    Array.from({ length: 40 }, (_, i) => i + 1),
  );
});

test('script instance: aborts the signal of an ask that was given up', async (t) => {
  const { instance, world } = await begin();

  instance.turn(turn('ask', 'waitForAbort', undefined, 1));
  instance.abort(1);
  await world.until('turnEnded');

  const { state } = await instance.capture();
  t.like(decode(state, plainCodec), { last: 'aborted' });
});

test('script instance: timers, children, logs and console go to the host', async (t) => {
  const { instance, world } = await begin();

  instance.turn(turn('tell', 'remind', 250));
  instance.turn(turn('tell', 'child', 'kid'));
  instance.turn(turn('tell', 'chat', undefined));
  const [, timer, delayMs, message, value] = await world.until('after');
  const [, protocol, definition, name] = await world.until('child');
  const [, level, event, fields] = await world.until('log');

  t.deepEqual([timer, delayMs, message, open(value)], [1, 250, 'add', 5]);
  t.deepEqual([protocol, definition, name], [{ ...Echo.protocol }, undefined, 'kid']);
  t.deepEqual([level, event, fields], ['warn', 'console', { text: 'from inside {"n":1}' }]);
});

test('script instance: calls the host functions of its manifest, and is refused others', async (t) => {
  const { instance, world } = await begin();

  instance.turn(turn('ask', 'decode', new Uint8Array([1, 2]), 1));
  const [, call, hostFunction, method, args] = await world.until('call');
  instance.settle(call as number, { payload: payload({ width: 4 }) });
  instance.turn(turn('ask', 'forbidden', undefined, 2));

  t.deepEqual([hostFunction, method, open(args)], ['image', 'decode', [new Uint8Array([1, 2]), { width: 4 }]]);
  t.deepEqual(open(await world.answer(1)), { width: 4 });
  await t.throwsAsync(() => world.answer(2), { message: /does not name host function 'nn'/ });
});

test('script instance: knows its own address and its sender', async (t) => {
  const { instance, world } = await begin();

  instance.turn(turn('ask', 'whoami', undefined, 1, echo));
  instance.turn(turn('ask', 'whoami', undefined, 2));

  t.deepEqual(open(await world.answer(1)), ['home/counter', 'home/echo']);
  t.deepEqual(open(await world.answer(2)), ['home/counter', undefined]);
});

test('script instance: unknown senders by the thousand do not confuse its dictionary', async (t) => {
  const { instance, world } = await begin();

  for (let i = 1; i <= 1500; i++) instance.turn(turn('ask', 'whoami', undefined, i, { $address: `home/a${i % 700}`, $protocol: Echo.protocol }));
  await world.nth(1500, 'turnEnded');

  const senders = world.named('reply').map(([, , answer]) => (open(answer) as string[])[1]);
  t.deepEqual(
    senders,
    Array.from({ length: 1500 }, (_, i) => `home/a${(i + 1) % 700}`),
  );
});

test('script instance: a reply that cannot travel and an unknown message answer INVALID_ARGUMENT', async (t) => {
  const { instance, world } = await begin();

  instance.turn(turn('ask', 'unserialisable', undefined, 1));
  instance.turn(turn('ask', 'nothingOfTheKind', undefined, 2));
  instance.turn(turn('ask', 'add', 1, 3));

  await t.throwsAsync(() => world.answer(1), { code: 'INVALID_ARGUMENT' } as never);
  await t.throwsAsync(() => world.answer(2), { code: 'INVALID_ARGUMENT' } as never);
  t.is(open(await world.answer(3)), 1);
});

test('script instance: a corrupt payload fails its turn and nothing else', async (t) => {
  const { instance, world } = await begin();

  instance.turn({ ...turn('ask', 'echo', undefined, 1), payload: { value: undefined, bytes: new Uint8Array([0xff, 0xff, 0xff, 0x7f, 1]) } });
  instance.turn(turn('ask', 'add', 1, 2));

  t.true(GodwitError.is(await t.throwsAsync(() => world.answer(1))));
  t.is(open(await world.answer(2)), 1);
});

test('script instance: random numbers differ from instance to instance, and time is the real one', async (t) => {
  const [one, other] = [await begin(), await begin()];

  one.instance.turn(turn('ask', 'random', undefined, 1));
  other.instance.turn(turn('ask', 'random', undefined, 1));
  const [[a, now], [b]] = [open(await one.world.answer(1)) as [number, number], open(await other.world.answer(1)) as [number, number]];

  t.not(a, b);
  t.true(Math.abs(Date.now() - now) < 10_000);
});

test('script instance: captures the same bytes as the native tier', async (t) => {
  const { instance } = await begin();
  const native = new Behaviour('home/counter', Counter, new RememberingHost().host);
  native.begin(undefined);
  const turns = [
    turn('tell', 'add', 2.5),
    turn('tell', 'name', 'ada'),
    turn('tell', 'name', 'żółw'),
    turn('tell', 'keep', { deep: [new Date(1), 3n, new Float64Array([1, 2]), new Set(['x'])], ref: echo }),
  ];

  for (const each of turns) {
    instance.turn(each);
    native.turn(each);
  }

  t.deepEqual((await instance.capture()).state, native.capture().state);
});

test('script instance: continues in another worker thread from its capture, with the same state bytes', async (t) => {
  const { instance, world } = await begin();
  instance.turn(turn('tell', 'name', 'ada'));
  instance.turn(turn('stream', 'upTo', 50, 1));
  await world.nth(32, 'item');
  const capture = await instance.capture();
  instance.close();
  const spread: Array<Awaited<ReturnType<typeof begin>>> = [];
  do spread.push(await begin(Counter, capture));
  while (spread.at(-1)?.instance.threadId === instance.threadId);
  const { instance: moved, world: there } = spread.at(-1) as (typeof spread)[0];

  t.not(moved.threadId, instance.threadId);
  t.not(moved.place, instance.place);
  t.is(world.named('fail').length, 0);
  t.deepEqual((await moved.capture()).state, capture.state);
  t.like(capture.streams[0], { ask: 1, message: 'upTo', sent: 32 });
  moved.more(1, 100);
  await there.until('end', 1);
  t.deepEqual(
    there.named('item').map(([, , value]) => open(value)),
    Array.from({ length: 18 }, (_, i) => 33 + i),
  );
});

test('script runtime: refuses what is no program, a definition it lacks, a corrupt capture and a missing host function', async (t) => {
  const { host } = new RememberingHost();
  const create = (bytes: Uint8Array, more = {}) => runtime.create(specFor(Counter, bytes, more), host);
  const missing = { ...Counter, name: 'nobody' };

  const syntax = await t.throwsAsync(() => create(new TextEncoder().encode('let = = 1')));
  await t.throwsAsync(() => create(new TextEncoder().encode('throw new Error("at load")')), { code: 'INVALID_ARGUMENT', message: /at load/ } as never);
  await t.throwsAsync(() => create(new TextEncoder().encode('1 + 1')), { code: 'INVALID_ARGUMENT', message: /offers no entry/ } as never);
  await t.throwsAsync(() => create(program.subarray(0, 5000)), { code: 'INVALID_ARGUMENT' } as never);
  await t.throwsAsync(() => create(new Uint8Array([0, 255, 254, 1])), { code: 'INVALID_ARGUMENT' } as never);
  await t.throwsAsync(() => runtime.create(specFor(missing, program), host), {
    code: 'NOT_FOUND',
    message: /exports no actor definition nobody v2; it has .*counter v2/,
  } as never);
  await t.throwsAsync(() => create(program, { capture: { state: new Uint8Array([250, 1, 2]), nextAsk: 1, streams: [] } }), { message: /./ });
  await t.throwsAsync(() => create(program, { hostFunctions: new Map() }), { code: 'NOT_FOUND', message: /'image'/ } as never);

  t.like(syntax, { code: 'INVALID_ARGUMENT' });
  t.regex(String(syntax?.message), /SyntaxError/);
  t.true(GodwitError.is(syntax?.cause), 'causes cross the pool');
  t.is(typeof (syntax as GodwitError).details, 'object');
});

test('script runtime: starts instances warm', async (t) => {
  await runtime.warm(specFor(Counter, program).module as never);
  const times: number[] = [];
  for (let i = 0; i < 20; i++) {
    const from = performance.now();
    const { instance, world } = await begin();
    instance.turn(turn('ask', 'add', 1, 1));
    await world.answer(1);
    times.push(performance.now() - from);
    instance.close();
  }

  times.sort((a, b) => a - b);
  t.log(`warm start to first reply: p50 ${times[10]?.toFixed(1)} ms, max ${times[19]?.toFixed(1)} ms, 20 samples`);
  t.is(times.length, 20);
});
