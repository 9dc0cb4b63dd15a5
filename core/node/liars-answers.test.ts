import test from 'ava';
import { spawn } from '../actors/spawn.js';
import { encode } from '../codec/index.js';
import { recordKinds } from '../delivery/record.js';
import { createLiar, createVictim, Echo, opening } from './liars.test-support.js';
import { outgoingRefs } from './refs.js';
import { outcome } from './regressions.test-support.js';

const forever = Number.POSITIVE_INFINITY;
const kindOf = (kind: (typeof recordKinds)[number]): number => recordKinds.indexOf(kind);

/** An actor that the peer claims to have. */
function askedOf(node: Awaited<ReturnType<typeof createVictim>>['node']) {
  const definition = { name: 'odd', protocol: { definition: 'odd', version: 1, messages: { count: 'stream', say: 'reply' } } } as never;
  return node.refTo(definition, 'liar/odd') as unknown as { say(word: string): Promise<unknown>; count(): AsyncIterableIterator<unknown> };
}

test('liars: a stream that sends more than it was granted ends with the reason, and fills no memory', async (t) => {
  const { node, assertUntouched } = await createVictim(t);
  const liar = await createLiar(node);
  const items = askedOf(node).count();
  t.true(await liar.isHeard());
  liar.send((writer) => {
    writer.open(1, encode(opening('liar', { from: 'liar/odd', to: 'node' }), outgoingRefs));
    for (let number = 1; number <= 1000; number++) writer.record(kindOf('item'), 0, 1, number, liar.asked[0], forever, encode(number, outgoingRefs));
  });
  t.true(await liar.isHeard());
  let read = 0;
  const error = await t.throwsAsync(async () => {
    for await (const item of items) t.is(item, ++read);
  });
  t.regex(error?.message ?? '', /sent more than the 32 items it was granted/);
  t.is(read, 32);
  await assertUntouched();
});

test('liars: an answer that cannot be decoded ends the ask it belongs to', async (t) => {
  const { node, assertUntouched } = await createVictim(t);
  for (const [index, kind] of (['reply', 'fail'] as const).entries()) {
    const liar = await createLiar(node, 'liar', `b${index}`);
    const said = askedOf(node).say('there?');
    t.true(await liar.isHeard());
    liar.send((writer) => {
      writer.open(1, encode(opening('liar', { from: 'liar/odd', to: 'node', life: `l${index}` }), outgoingRefs));
      writer.record(kindOf(kind), 0, 1, 1, liar.asked.at(-1) ?? 0, forever, Uint8Array.of(255, 255));
    });
    await liar.isHeard();
    t.is(await outcome(said, 2000), 'DATA_LOSS', kind);
  }
  await assertUntouched();
});

test('liars: an item that cannot be decoded ends its stream after those before it', async (t) => {
  const { node, assertUntouched } = await createVictim(t);
  const liar = await createLiar(node);
  const items = askedOf(node).count();
  t.true(await liar.isHeard());
  liar.send((writer) => {
    writer.open(1, encode(opening('liar', { from: 'liar/odd', to: 'node' }), outgoingRefs));
    for (const [index, payload] of [encode('one', outgoingRefs), Uint8Array.of(255, 255), encode('three', outgoingRefs)].entries())
      writer.record(kindOf('item'), 0, 1, index + 1, liar.asked[0], forever, payload);
  });
  await liar.isHeard();
  t.deepEqual(await items.next(), { done: false, value: 'one' });
  t.is(await outcome(items.next(), 2000), 'DATA_LOSS');
  await assertUntouched();
});

test('liars: who was not asked answers nothing', async (t) => {
  const { node, assertUntouched, lines } = await createVictim(t);
  const liar = await createLiar(node);
  const other = await createLiar(node, 'other');
  const said = askedOf(node).say('there?');
  t.true(await liar.isHeard());
  const answer = (from: string, word: string) => (writer: Parameters<Parameters<typeof liar.send>[0]>[0]) => {
    writer.open(1, encode(opening('', { from, to: 'node' }), outgoingRefs));
    writer.record(kindOf('reply'), 0, 1, 1, liar.asked[0], forever, encode(word, outgoingRefs));
  };
  other.send(answer('other/odd', 'a lie'));
  t.true(await other.isHeard());
  liar.send(answer('liar/odd', 'the answer'));
  t.is(await said, 'the answer');
  t.deepEqual(lines, []);
  await assertUntouched();
});

test('liars: who is believed to have an actor, and names an owner before it, is not asked over and over: its home is', async (t) => {
  const { node, friend, assertUntouched } = await createVictim(t);
  spawn(friend, Echo, 'far');
  const liar = await createLiar(node);
  liar.open(1, { from: 'friend/far', epoch: 9 });
  t.true(await liar.isHeard());
  const said = node.refTo(Echo, 'friend/far').say('there?');
  t.true(await liar.isHeard());
  t.is(liar.asked.length, 1);
  liar.send((writer) => writer.bounce(1, encode({ node: 'friend', epoch: 1 }, outgoingRefs)));

  t.is(await outcome(said, 2000), 'OK');
  await assertUntouched();
});
