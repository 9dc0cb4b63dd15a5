import test from 'ava';
import fc from 'fast-check';
import { encode } from '../codec/index.js';
import { FrameWriter } from '../delivery/wire.js';
import { receiversOf } from '../migration/index.js';
import { createLiar, createVictim, named, opening } from './liars.test-support.js';
import { outgoingRefs } from './refs.js';

const number = fc.oneof(fc.integer({ min: -2, max: 1030 }), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 1e300, 0.5));
const node = fc.constantFrom({ name: 'liar', boot: 'b' }, { name: 'node', boot: 'x' }, { name: 'friend', boot: 'b' }, null);
const address = fc.constantFrom('node/e', 'node', 'liar', 'liar/a', 'friend', 'friend/a', 'third/a', '', '/');
const junk = fc.oneof(number, address, node, fc.constant(undefined), fc.uint8Array({ maxLength: 8 }), fc.jsonValue({ maxDepth: 2 }));
const register = fc.record({ epoch: number, owner: node, leaseMs: number, move: fc.constant('m'), base: junk, standby: node }, { requiredKeys: [] });
const fields = {
  move: fc.constantFrom('m', 'n', '__proto__'),
  actor: address,
  epoch: number,
  from: fc.oneof({ weight: 9, arbitrary: fc.constant('self') }, { weight: 1, arbitrary: node }),
  hash: fc.constantFrom('a'.repeat(64), 'x'),
  missing: junk,
  hashes: junk,
  register,
  owner: node,
  standby: node,
  target: node,
  home: address,
  leaseMs: number,
  askedAtMs: number,
  turns: number,
  id: number,
  at: number,
  bytes: junk,
  reason: junk,
  capture: junk,
  base: junk,
  proposal: junk,
  timings: junk,
  manifest: junk,
  blobs: fc.constantFrom([], 7),
  report: junk,
  error: junk,
};
const message = fc.record({ type: fc.constantFrom(...Object.keys(receiversOf), 'constructor'), ...fields });
const control = fc.oneof(
  fc.record(
    { type: fc.constantFrom('ping', 'pong', 'goodbye', 'arrived', 'checkpoint', 'checkpointed', 'ended', 'recall', 'recalled', 'toString'), ...fields },
    { requiredKeys: ['type'] },
  ),
  message.map((inner) => ({ type: 'migration', message: inner })),
  junk,
);

type Entry = (writer: FrameWriter, boot: string) => void;
const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.tuple(fc.nat(9), fc.nat(3), fc.nat(3), number, number, number, fc.option(fc.uint8Array({ maxLength: 16 }), { nil: undefined })).map(
    (record): Entry =>
      (writer) =>
        writer.record(...record),
  ),
  fc.tuple(fc.nat(3), number, number).map(
    (ack): Entry =>
      (writer) =>
        writer.ack(...ack),
  ),
  fc.tuple(fc.integer({ min: 2, max: 4 }), fc.record({ from: address, epoch: number, incarnation: number, to: address }, { requiredKeys: [] })).map(
    ([stream, body]): Entry =>
      (writer) =>
        writer.open(stream, encode(opening('liar', body), outgoingRefs)),
  ),
  fc.tuple(fc.nat(3), junk).map(
    ([stream, body]): Entry =>
      (writer) =>
        writer.bounce(stream, encode(body, outgoingRefs)),
  ),
  control.map(
    (body): Entry =>
      (writer, boot) => {
        const { message: inner } = (body ?? {}) as { message?: { from?: unknown } };
        const signed = inner?.from === 'self' ? { ...(body as object), message: { ...inner, from: { name: 'liar', boot } } } : body;
        writer.control(encode(signed, outgoingRefs));
      },
  ),
);

test('liars: whatever a peer says, nothing breaks or hangs, and the actor is as honest traffic alone makes it', async (t) => {
  const { node: victim, lines, assertUntouched } = await createVictim(t);
  let lives = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 12 }), fc.option(fc.tuple(fc.nat(), fc.nat(255))), async (entries, flip) => {
      const boot = `r${lives++}`;
      const before = lines.length;
      const liar = await createLiar(victim, 'liar', boot);
      const writer = new FrameWriter();
      // A name and a stream to use or to abuse: the actor has no message of that name, so even a sound record changes nothing.
      writer.open(1, encode(opening('liar'), outgoingRefs));
      named(writer, 'nonsense');
      for (const write of entries) write(writer, boot);
      const frame = writer.take();
      if (flip !== null) frame[flip[0] % frame.length] ^= flip[1];
      liar.pipe.send(frame);
      await liar.isHeard();
      t.true(lines.length - before <= 4, JSON.stringify(lines.slice(before)));
      await assertUntouched();
      liar.pipe.close();
      await liar.closed;
    }),
    { numRuns: 150, endOnFailure: true },
  );
  t.deepEqual(
    victim.actors().map(({ address: at, node: owner, epoch }) => `${at} ${owner} ${epoch}`),
    ['node/e node 1'],
  );
});
