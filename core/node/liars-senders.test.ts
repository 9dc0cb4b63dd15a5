import test from 'ava';
import { encode } from '../codec/index.js';
import { createLiar, createVictim, Echo, named, opening } from './liars.test-support.js';
import { outgoingRefs } from './refs.js';
import { linked, makeNode } from './regressions.test-support.js';

const forever = Number.POSITIVE_INFINITY;

test('liars: an actor that runs here, at its home, is nobody else’s to speak for; its own stream goes on', async (t) => {
  const { node, own, lines } = await createVictim(t);
  const liar = await createLiar(node);
  for (const [index, epoch] of [1, 2, 1_000_000].entries()) {
    liar.send((writer) => {
      if (index === 0) named(writer);
      writer.open(index + 1, encode(opening('liar', { from: 'node/e', life: node.boot, epoch, to: 'node' }), outgoingRefs));
      writer.record(0, 1, index + 1, 1, 0, forever, undefined);
    });
  }
  t.true(await liar.isHeard());
  t.deepEqual(liar.bounced, new Array(3).fill({ fenced: true, epoch: 1 }));
  t.is(lines.length, 1);
  t.regex(String(lines[0].fields.reason), /in the name of node\/e, which runs on node at epoch 1/);
  t.is(await own.say('mine'), 'mine');
  t.is(await own.heard(), 2);
});

test('liars: at its home the register says who speaks for an actor that is away', async (t) => {
  const { node, shared, lines } = await createVictim(t);
  const edge = makeNode(t, 'edge', shared, { definitions: [Echo] });
  await linked(node, edge);
  await node.move('node/e', { to: 'edge' });
  const liar = await createLiar(node);
  for (const [index, epoch] of [1, 2, 3].entries()) liar.open(index + 1, { from: 'node/e', life: node.boot, epoch, to: 'node' });
  t.true(await liar.isHeard());
  t.deepEqual(liar.bounced, new Array(3).fill({ fenced: true, epoch: 2 }));
  t.deepEqual(lines, [], 'a copy of a former life of the home would say the same');
});

test('liars: of two nodes that speak for one actor at one epoch the second is refused, and the stream of the first goes on', async (t) => {
  const { node, own, lines } = await createVictim(t);
  const owner = await createLiar(node, 'owner');
  owner.send((writer) => {
    named(writer, 'say');
    writer.open(1, encode(opening('owner', { from: 'elsewhere/a', epoch: 4 }), outgoingRefs));
    writer.record(0, 1, 1, 1, 0, forever, undefined);
  });
  t.true(await owner.isHeard());
  const liar = await createLiar(node);
  liar.send((writer) => {
    named(writer, 'say');
    writer.open(1, encode(opening('liar', { from: 'elsewhere/a', epoch: 4 }), outgoingRefs));
    for (const number of [1, 2, 3]) writer.record(0, 1, 1, number, 0, forever, undefined);
  });
  t.true(await liar.isHeard());
  t.deepEqual(liar.bounced, [{ fenced: true, epoch: 4 }] as never);
  t.regex(String(lines[0].fields.reason), /in the name of elsewhere\/a, which speaks through owner at epoch 4/);
  owner.tell(1, 2);
  t.true(await owner.isHeard());
  t.is(await own.heard(), 3);
});

test('liars: a node that refuses what is sent to it, and says it is there, is cut off instead of being asked for ever', async (t) => {
  const { node, assertUntouched } = await createVictim(t);
  const liar = await createLiar(node);
  const asked = node.refTo({ name: 'echo', protocol: { definition: 'echo', version: 1, messages: { say: 'reply' } } } as never, 'liar/x') as unknown as {
    say(word: string, options: { timeoutMs: number }): Promise<unknown>;
  };
  const answer = t.throwsAsync(asked.say('there?', { timeoutMs: 200 }));
  t.true(await liar.isHeard());
  liar.send((writer) => writer.bounce(1, encode({ node: 'liar', epoch: 9 }, outgoingRefs)));
  await liar.closed;
  t.regex(liar.reason().message, /says that liar\/x is on liar, and refuses what is sent to it there/);
  await answer;
  await assertUntouched();
});

test('liars: acknowledgements and credit beyond what was sent close the link', async (t) => {
  const { node, assertUntouched } = await createVictim(t);
  for (const [stable, credit, boot] of [
    [2, 0, 'b1'],
    [Number.NaN, 0, 'b2'],
    [0, forever, 'b3'],
    [0, 5000, 'b4'],
  ] as const) {
    const liar = await createLiar(node, 'liar', boot);
    const asked = node.refTo(
      { name: 'echo', protocol: { definition: 'echo', version: 1, messages: { say: 'reply' } } } as never,
      `liar/${boot}`,
    ) as unknown as {
      say(word: string, options: { timeoutMs: number }): Promise<unknown>;
    };
    const answer = t.throwsAsync(asked.say('there?', { timeoutMs: 100 }));
    t.true(await liar.isHeard());
    liar.send((writer) => writer.ack(1, stable, credit));
    await liar.closed;
    t.regex(liar.reason().message, /node never sent that to liar\/b/);
    await answer;
  }
  await assertUntouched();
});
