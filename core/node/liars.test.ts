import test from 'ava';
import { encode } from '../codec/index.js';
import type { FrameWriter } from '../delivery/wire.js';
import type { TraceContext } from '../ports/tracer.js';
import { createLiar, createVictim, type Liar, named, opening } from './liars.test-support.js';
import { outgoingRefs } from './refs.js';

const forever = Number.POSITIVE_INFINITY;
const hello = (name: string) => ({ type: 'hello', protocol: 1, node: name, boot: 'b' });
const opened = (writer: FrameWriter) => {
  writer.open(1, encode(opening('liar'), outgoingRefs));
  named(writer);
};
/** On an open stream: the lie is not the opening. */
const then = (write: (writer: FrameWriter) => void) => (writer: FrameWriter) => {
  opened(writer);
  write(writer);
};

const gap = (writer: FrameWriter) => {
  for (const number of [1, 3]) writer.record(0, 1, 1, number, 0, forever, undefined);
};

const soundTrace = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` as TraceContext;
const noTrace = soundTrace.replaceAll('a', '0') as TraceContext;
const laterTrace = `01${soundTrace.slice(2)}` as TraceContext;

/** What no honest peer says: one frame, and the reason for which it closes the link. */
const lies: ReadonlyArray<readonly [lie: string, reason: RegExp, write: (writer: FrameWriter) => void]> = [
  ['a record on a stream never opened', /on stream 7, which it never opened/, (w) => w.record(0, 0, 7, 1, 0, forever, undefined)],
  ['a record on stream 0', /on stream 0/, (w) => w.record(0, 0, 0, 1, 0, forever, undefined)],
  ['a record from the future', /has number Infinity/, then((w) => w.record(0, 1, 1, forever, 0, forever, undefined))],
  ['a record without a number', /has number NaN/, then((w) => w.record(0, 1, 1, Number.NaN, 0, forever, undefined))],
  ['a record between two numbers', /has number 0.5/, then((w) => w.record(0, 1, 1, 0.5, 0, forever, undefined))],
  ['a gap', /came after 1/, then(gap)],
  ['a deadline that is no time', /has NaN ms left/, then((w) => w.record(1, 1, 1, 1, 1, Number.NaN, undefined))],
  ['a deadline long over', /has -5 ms left/, then((w) => w.record(1, 1, 1, 1, 1, -5, undefined))],
  ['an ask without a number', /'ask' 1 of liar claims to belong to ask 0/, then((w) => w.record(1, 1, 1, 1, 0, forever, undefined))],
  ['a reply to no ask', /'reply' 1 of liar claims to belong to ask NaN/, then((w) => w.record(3, 0, 1, 1, Number.NaN, forever, undefined))],
  ['a trace of no id', /'tell' 1 of liar has a malformed trace context/, then((w) => w.record(0, 1, 1, 1, 0, forever, undefined, noTrace))],
  ['a trace of a later version', /malformed trace context/, then((w) => w.record(0, 1, 1, 1, 0, forever, undefined, laterTrace))],
  ['an answer with a trace', /'reply' 1 of liar has .* none was due/, then((w) => w.record(3, 0, 1, 1, 1, forever, undefined, soundTrace))],
  ['an acknowledgement on a stream never opened to it', /answers stream 9/, (w) => w.ack(9, 1, 1)],
  ['a bounce of a stream never opened to it', /answers stream 9/, (w) => w.bounce(9, encode({}, outgoingRefs))],
  ['streams out of order', /opened stream 5 after stream 0/, (w) => w.open(5, encode(opening('liar'), outgoingRefs))],
  ['a stream opened twice', /opened stream 1 after stream 1/, then(opened)],
  ['an opening that cannot be decoded', /corrupt/, (w) => w.open(1, Uint8Array.of(255, 1, 2))],
  ['an opening without a sender', /field 'from'/, (w) => w.open(1, encode({ ...opening('liar'), from: null }, outgoingRefs))],
  ['an epoch that is none', /field 'epoch'/, (w) => w.open(1, encode(opening('liar', { epoch: Number.NaN }), outgoingRefs))],
  ['an incarnation from the future', /field 'incarnation'/, (w) => w.open(1, encode(opening('liar', { incarnation: 2 ** 52 }), outgoingRefs))],
  ['an opening beyond all bounds', /limit 1048576/, (w) => w.open(1, new Uint8Array(2 ** 21))],
  ['the name of another node', /in the name of friend/, (w) => w.open(1, encode(opening('liar', { from: 'friend' }), outgoingRefs))],
  ['the name of the node itself', /in the name of node/, (w) => w.open(1, encode(opening('liar', { from: 'node' }), outgoingRefs))],
  ['names out of order', /gave name 3 after name 0/, (w) => w.name(3, encode('say', outgoingRefs))],
  ['a name that is no text', /name 1 is no text/, (w) => w.name(1, encode(7, outgoingRefs))],
  ['names beyond all bounds', /exceed 4194304 bytes/, (w) => w.name(1, new Uint8Array(2 ** 23))],
  ['a message that cannot be decoded', /corrupt/, (w) => w.control(Uint8Array.of(255, 1, 2))],
  ['a message of no type', /field 'type'/, (w) => w.control(encode({ kind: 'x' }, outgoingRefs))],
  ['a message beyond all bounds', /limit 67108864/, (w) => w.control(new Uint8Array(2 ** 26 + 1))],
  [
    'a message in the name of another node',
    /in the name of friend/,
    (w) =>
      w.control(
        encode({ type: 'migration', message: { type: 'running', move: 'm', actor: 'node/e', epoch: 1, from: { name: 'friend', boot: 'b' } } }, outgoingRefs),
      ),
  ],
];

test('liars: what no honest peer says closes the link at once, with the reason, told and logged once; the actor is untouched', async (t) => {
  const { node, lines, assertUntouched } = await createVictim(t);
  for (const [index, [what, reason, write]] of lies.entries()) {
    const liar = await createLiar(node, 'liar', `b${index}`);
    const before = lines.length;
    liar.send(write);
    await liar.closed;
    t.regex(liar.reason().message, reason, what);
    t.is(lines.length, before + 1, what);
    t.regex(String(lines[before].fields.reason), reason, what);
    t.deepEqual(
      node.peers().map(({ name }) => name),
      ['friend'],
    );
  }
  await assertUntouched();
});

test('liars: a sender that ignores its credit is cut off within one window of the mailbox', async (t) => {
  const { node, own, assertUntouched } = await createVictim(t);
  const liar = await createLiar(node);
  liar.send((writer) => {
    opened(writer);
    for (let number = 1; number <= 5000; number++) writer.record(0, 1, 1, number, 0, forever, undefined);
  });
  await liar.closed;
  t.is(liar.reason().code, 'RESOURCE_EXHAUSTED');
  t.regex(liar.reason().message, /record 1025 of liar to node\/e is beyond its credit of 1024/);
  t.is(await own.heard(), 1);
  await assertUntouched();
});

test('liars: an endless stream of opens ends at the limit', async (t) => {
  const { node, assertUntouched } = await createVictim(t);
  const liar = await createLiar(node);
  const body = encode(opening('liar', { to: 'node/nobody' }), outgoingRefs);
  for (let batch = 0; batch < 64; batch++) {
    liar.send((writer) => {
      for (let one = 1; one <= 4097; one++) writer.open(batch * 4097 + one, body);
    });
  }
  await liar.closed;
  t.regex(liar.reason().message, /more than 262144 streams/);
  await assertUntouched();
});

/** What a fault or another version might say: refused, counted. */
const offences: ReadonlyArray<readonly [what: string, reason: RegExp, say: (liar: Liar) => void]> = [
  [
    'a known message with a malformed field',
    /'recall' is malformed: field 'id'/,
    (liar) => liar.control({ type: 'recall', id: 'x', actor: 'node/e', trigger: '' }),
  ],
  ['a ping of no time', /'ping' of NaN ms/, (liar) => liar.control({ type: 'ping', at: Number.NaN })],
  ['an answer to a ping still to come', /'pong' of 1e\+300 ms/, (liar) => liar.control({ type: 'pong', at: 1e300 })],
  ['a move without a message', /field 'message'/, (liar) => liar.control({ type: 'migration' })],
  ['a message of a move of no known type', /field 'type'/, (liar) => liar.migration({ type: 'constructor' })],
  ['an epoch below the first', /'running' of a move is malformed: field 'epoch'/, (liar) => liar.migration({ type: 'running', epoch: 0 })],
  ['a sender in pieces', /field 'from'/, (liar) => liar.migration({ type: 'running', from: 'liar' })],
  ['a register in pieces', /field 'register'/, (liar) => liar.migration({ type: 'registered', register: { epoch: 9 } })],
  ['blobs that are none', /field 'missing'/, (liar) => liar.migration({ type: 'prepared', missing: ['../../etc/passwd'] })],
  [
    'a checkpoint of NaN turns',
    /field 'turns'/,
    (liar) => liar.control({ type: 'checkpoint', actor: 'node/e', epoch: 1, turns: Number.NaN, hash: 'a'.repeat(64) }),
  ],
  [
    'a base of an actor of another home',
    /wants a base of node\/e, and is not its home/,
    (liar) => liar.control({ type: 'base-wanted', actor: 'node/e', hash: 'a'.repeat(64) }),
  ],
  ['a report in pieces', /field 'report'/, (liar) => liar.control({ type: 'recalled', id: 1, report: { actor: 'node/e' } })],
];

test('liars: what a fault might say is refused and logged once; said again and again it closes the link', async (t) => {
  const { node, lines, assertUntouched } = await createVictim(t);
  for (const [index, [what, reason, say]] of offences.entries()) {
    const liar = await createLiar(node, 'liar', `c${index}`);
    const before = lines.length;
    for (let time = 1; time < 16; time++) say(liar);
    t.true(await liar.isHeard(), what);
    t.is(lines.length, before + 1, what);
    t.is(lines[before].event, 'link.offence');
    t.regex(String(lines[before].fields.reason), reason, what);
    say(liar);
    await liar.closed;
    t.regex(liar.reason().message, reason, what);
    t.deepEqual(
      lines.slice(before).map(({ event }) => event),
      ['link.offence', 'link.failed'],
    );
  }
  await assertUntouched();
});

test('liars: rare offences are forgiven, so that they never add up', async (t) => {
  const { node, clock, lines } = await createVictim(t);
  const liar = await createLiar(node);
  for (let round = 0; round < 4; round++) {
    for (let time = 1; time < 16; time++) liar.migration({ type: 'nonsense' });
    t.true(await liar.isHeard());
    clock.skip(160_000);
  }
  t.is(lines.length, 1);
});

test('liars: a life that was cut off is shut out for a second, then for two; another life of its node is not', async (t) => {
  const { node, clock, lines, assertUntouched } = await createVictim(t);
  // However long this takes on a busy machine.
  clock.stop();
  const lieOnce = async () => {
    const liar = await createLiar(node);
    liar.send((writer) => writer.ack(3, 1, 1));
    await liar.closed;
    return liar.reason();
  };
  t.regex((await lieOnce()).message, /answers stream 3/);
  const refused = await lieOnce();
  t.is(refused.code, 'UNAVAILABLE');
  t.regex(refused.message, /shut out of node for its conduct, for another \d+ ms/);
  t.deepEqual(
    node.peers().map(({ name }) => name),
    ['friend'],
  );
  clock.skip(1000);
  t.regex((await lieOnce()).message, /answers stream 3/);
  clock.skip(1999);
  t.is((await lieOnce()).code, 'UNAVAILABLE');
  const restarted = await createLiar(node, 'liar', 'another');
  t.true(await restarted.isHeard());
  t.is(lines.length, 1, 'logged once, however often it comes back');
  await assertUntouched();
});

test('liars: a peer that calls itself by the name of this node, or by no name at all, gets no link', async (t) => {
  const { node } = await createVictim(t);
  for (const name of ['node', '', 'a/b', 'x'.repeat(200)]) {
    const liar = await createLiar(node, name);
    await liar.closed;
    t.deepEqual(
      node.peers().map((peer) => peer.name),
      ['friend'],
      hello(name).node,
    );
  }
});

test('liars: what honest peers repeat, or say too late, is no offence', async (t) => {
  const { node, lines, own } = await createVictim(t);
  const peer = await createLiar(node, 'peer');
  peer.send((writer) => {
    named(writer);
    // An actor of this peer that has moved on: its new owner, the same node again, has epoch 3.
    writer.open(1, encode(opening('peer', { from: 'peer/a', epoch: 3 }), outgoingRefs));
    for (const number of [1, 2, 2, 1]) writer.record(0, 1, 1, number, 0, forever, undefined);
    writer.open(2, encode(opening('peer', { from: 'peer/a', epoch: 2 }), outgoingRefs));
    for (const number of [3, 4]) writer.record(0, 1, 2, number, 0, forever, undefined);
    // Nobody is there; what was on its way then still comes.
    writer.open(3, encode(opening('peer', { to: 'node/nobody' }), outgoingRefs));
    for (const number of [1, 2]) writer.record(0, 1, 3, number, 0, forever, undefined);
  });
  for (let time = 0; time < 20; time++) {
    peer.migration({ type: 'ready', hash: 'a'.repeat(64) });
    peer.migration({ type: 'cancel', reason: { code: 'ABORTED', message: 'over', retryable: true } });
    peer.migration({ type: 'query', askedAtMs: 1e9 });
    peer.migration({ type: 'stable', base: { hash: 'a'.repeat(64), turns: 1 }, standby: { name: 'peer', boot: 'b' } });
    peer.control({ type: 'ended', actor: 'node/e', epoch: 7 });
  }
  t.true(await peer.isHeard());
  t.deepEqual(peer.bounced, [{ fenced: true, epoch: 3 }, {}] as never);
  t.deepEqual(lines, []);
  t.is(await own.heard(), 1);
});

test('liars: a payload that cannot be decoded fails its own turn and nothing else', async (t) => {
  const { node, lines, assertUntouched } = await createVictim(t);
  const failed: string[] = [];
  node.observe((event) => void (event.type === 'turn-failed' && failed.push(event.code)));
  const liar = await createLiar(node);
  liar.send((writer) => {
    writer.open(1, encode(opening('liar'), outgoingRefs));
    named(writer, 'say');
    writer.record(0, 1, 1, 1, 0, forever, Uint8Array.of(255, 255, 255));
  });
  t.true(await liar.isHeard());
  await assertUntouched();
  t.deepEqual(failed, ['DATA_LOSS']);
  t.deepEqual(lines, []);
});
