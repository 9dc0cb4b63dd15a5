import test from 'ava';
import fc from 'fast-check';
import { GodwitError } from '../errors.js';
import type { TraceContext } from '../ports/tracer.js';
import { Cursor, creditWindow } from './cursor.js';
import { Outbox } from './outbox.js';
import { ChannelRecord } from './record.js';
import { Ring } from './ring.js';
import { FrameWriter, readFrame } from './wire.js';

const from = { $address: 'n/a', $protocol: { definition: 'd', version: 1, messages: {} } };
const tell = (bytes?: Uint8Array) => new ChannelRecord('tell', 'm', undefined, bytes, 0, Number.POSITIVE_INFINITY);

function posted(outbox: Outbox, count: number): void {
  for (let index = 0; index < count; index++) {
    const record = tell(new Uint8Array(10));
    record.number = outbox.next++;
    outbox.hold(record);
  }
}

test('ring: behaves as a queue under any sequence of pushes, shifts, pops and drains', (t) => {
  const step = fc.oneof(fc.constant('push'), fc.constant('shift'), fc.constant('pop'), fc.constant('drain'));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const ring = new Ring<number>();
      let model: number[] = [];
      for (const [index, kind] of steps.entries()) {
        if (kind === 'push') {
          ring.push(index);
          model.push(index);
        } else if (kind === 'shift') {
          if (ring.shift() !== model.shift()) return false;
        } else if (kind === 'pop') {
          if (ring.pop() !== model.pop()) return false;
        } else {
          if (ring.drain().join() !== model.join()) return false;
          model = [];
        }
        if (ring.length !== model.length || ring.peek() !== model[0] || [...ring].join() !== model.join()) return false;
      }
      return true;
    }),
  );
  t.is(new Ring<number>().length, 0);
});

test('cursor: handled is the highest number below which everything was handled, in whatever order it was', (t) => {
  fc.assert(
    fc.property(fc.shuffledSubarray([1, 2, 3, 4, 5, 6, 7, 8], { minLength: 1 }), (order) => {
      const cursor = new Cursor(from, 'life', 1, 1);
      const done = new Set<number>();
      for (const number of order) {
        cursor.settle(number);
        done.add(number);
        let expected = 0;
        while (done.has(expected + 1)) expected += 1;
        if (cursor.handled !== expected) return false;
        for (let probe = 1; probe <= 8; probe++) if (cursor.wasHandled(probe) !== done.has(probe)) return false;
      }
      return true;
    }),
  );
  t.is(new Cursor(from, 'life', 1, 1).credit, creditWindow);
});

test('cursor: one that knows nothing yet begins where the stream does; after a takeover the jump counts as lost', (t) => {
  const fresh = new Cursor(from, 'life', 1, 1);
  t.is(fresh.accept(7), 'next');
  t.is(fresh.lost, 0);
  t.is(fresh.handled, 6);
  t.is(fresh.accept(9), 'gap');
  const rolledBack = Cursor.restore(fresh.capture(false), true);
  t.is(rolledBack.accept(6), 'repeated');
  t.is(rolledBack.accept(10), 'next');
  t.is(rolledBack.lost, 3);
  t.is(rolledBack.accept(12), 'gap');
});

test('cursor: takes the next number, drops a repetition, refuses a gap', (t) => {
  const cursor = new Cursor(from, 'life', 1, 1);
  t.is(cursor.accept(1), 'next');
  t.is(cursor.accept(1), 'repeated');
  t.is(cursor.accept(3), 'gap');
  t.is(cursor.accept(2), 'next');
});

test('cursor: acknowledges what was handled, or only what a checkpoint covers', (t) => {
  const cursor = new Cursor(from, 'life', 1, 1);
  cursor.settle(1);
  cursor.acknowledge();
  t.is(cursor.stable, 1);
  cursor.byCheckpoint = true;
  cursor.settle(2);
  cursor.acknowledge();
  t.is(cursor.stable, 1);
  cursor.checkpointed(2);
  cursor.checkpointed(1);
  t.is(cursor.stable, 2);
});

test('cursor: a capture with the mailbox keeps what was accepted, one without asks for it again', (t) => {
  const cursor = new Cursor(from, 'life', 3, 4);
  for (const number of [1, 2, 3, 4]) cursor.accept(number);
  cursor.settle(1);
  cursor.settle(3);
  t.is(Cursor.restore(cursor.capture(true), false).accept(5), 'next');
  const again = Cursor.restore(cursor.capture(false), false);
  t.is(again.accept(2), 'next');
  t.is(again.accept(3), 'next');
  t.true(again.wasHandled(3));
  t.false(again.wasHandled(2));
});

test('cursor: what was handled out of turn is accepted once its turn has come, though it never came again', (t) => {
  const cursor = new Cursor(from, 'life', 3, 4);
  for (const number of [1, 2, 3]) cursor.accept(number);
  cursor.settle(1);
  cursor.settle(3);
  const again = Cursor.restore(cursor.capture(false), false);
  again.accept(2);
  again.settle(2);
  t.is(again.handled, 3);
  t.is(again.accept(3), 'repeated');
  t.is(again.accept(4), 'next');
});

test('outbox: keeps every record until it is acknowledged, and sends what is held again after a rewind, within credit', (t) => {
  const outbox = new Outbox('n/b', 1);
  posted(outbox, 5);
  const sent: number[] = [];
  for (let record = outbox.nextToSend(); record !== undefined; record = outbox.nextToSend()) {
    sent.push(record.number);
    outbox.sent = record.number;
  }
  t.deepEqual(sent, [1, 2, 3, 4, 5]);
  outbox.acknowledge(2);
  t.is(outbox.nextToSend(), undefined);
  outbox.rewind();
  t.is(outbox.nextToSend()?.number, 3);
  outbox.credit = 3;
  outbox.sent = 3;
  t.is(outbox.nextToSend(), undefined);
});

test('outbox: refuses beyond its bounds, in records and in bytes, before a number is taken', (t) => {
  const many = new Outbox('n/b', 1);
  posted(many, 8192);
  t.is(GodwitError.from(t.throws(() => many.checkRoom('n/a'))).code, 'RESOURCE_EXHAUSTED');
  t.is(many.next, 8193);
  const large = new Outbox('n/b', 1);
  const record = tell(new Uint8Array(64 * 1024 * 1024));
  record.number = large.next++;
  large.hold(record);
  t.is(GodwitError.from(t.throws(() => large.checkRoom('n/a'))).code, 'RESOURCE_EXHAUSTED');
  large.acknowledge(1);
  t.notThrows(() => large.checkRoom('n/a'));
});

test('outbox: what is not retained keeps its place in the stream, and says nothing', (t) => {
  const outbox = new Outbox('n/b', 1);
  posted(outbox, 5);
  outbox.sent = 3;
  outbox.retain(({ number }) => number % 2 === 0);
  t.deepEqual(
    [...outbox.held].map(({ number, kind }) => [number, kind]),
    [
      [1, 'reply'],
      [2, 'tell'],
      [3, 'reply'],
      [4, 'tell'],
      [5, 'reply'],
    ],
  );
  t.is(outbox.next, 6);
  t.is(outbox.nextToSend()?.number, 4);
});

test('outbox: a new life numbers what it holds from 1, as a later incarnation', (t) => {
  const outbox = new Outbox('n/b', 2);
  posted(outbox, 4);
  outbox.acknowledge(1);
  outbox.beginAnew(3);
  t.is(outbox.incarnation, 3);
  t.deepEqual(
    [...outbox.held].map(({ number }) => number),
    [1, 2, 3],
  );
  t.is(outbox.next, 4);
});

const trace = `00-${'0a'.repeat(16)}-${'0b'.repeat(8)}-01` as TraceContext;
const traceBytes = Uint8Array.of(0, ...new Array<number>(16).fill(10), ...new Array<number>(8).fill(11), 1);

test('wire: a record that nobody traces has not one byte more than its header and payload', (t) => {
  const writer = new FrameWriter();
  writer.record(1, 3, 7, 42, 5, 250.5, Uint8Array.of(9, 8));
  const expected = new DataView(new ArrayBuffer(38));
  for (const [at, byte] of [1, 1, 3, 0, 7, 0, 0, 0].entries()) expected.setUint8(at, byte);
  for (const [index, number] of [42, 5, 250.5].entries()) expected.setFloat64(8 + 8 * index, number, true);
  expected.setUint32(32, 2, true);
  expected.setUint8(36, 9);
  expected.setUint8(37, 8);
  t.deepEqual(writer.take(), new Uint8Array(expected.buffer));
  writer.record(1, 3, 7, 42, 5, 250.5, Uint8Array.of(9, 8), trace);
  t.is(writer.take().length, 38 + traceBytes.length);
});

test('outbox: what is held keeps its trace through a capture, which says nothing of records without one; a malformed one is DATA_LOSS', (t) => {
  const outbox = new Outbox('n/b', 1);
  posted(outbox, 2);
  const [first] = outbox.held;
  first.trace = trace;
  const capture = outbox.capture(0);
  t.deepEqual(
    capture.held.map((held) => ['trace' in held, held.trace]),
    [
      [true, trace],
      [false, undefined],
    ],
  );
  const restored = new Outbox('n/b', 1);
  restored.restoreFrom(capture, 0);
  t.deepEqual(
    [...restored.held].map((record) => record.trace),
    [trace, undefined],
  );
  for (const bad of ['', `01${trace.slice(2)}`, trace.toUpperCase(), trace.replaceAll('0b', '00'), 7]) {
    const held = [{ ...capture.held[0], trace: bad as TraceContext }];
    t.is(GodwitError.from(t.throws(() => new Outbox('n/b', 1).restoreFrom({ ...capture, held }, 0))).code, 'DATA_LOSS');
  }
});

test('wire: frames carry their entries whole and in order; every truncation and most damage is DATA_LOSS, never a crash', (t) => {
  const writer = new FrameWriter();
  writer.open(7, Uint8Array.of(1, 2));
  writer.name(3, Uint8Array.of(9));
  writer.record(1, 3, 7, 42, 5, 250.5, new Uint8Array(300).fill(4));
  writer.record(0, 3, 7, 43, 0, Number.POSITIVE_INFINITY, undefined);
  writer.record(0, 3, 7, 44, 0, Number.POSITIVE_INFINITY, Uint8Array.of(8), trace);
  writer.ack(7, 41, 1065);
  writer.bounce(8, Uint8Array.of(5));
  writer.control(Uint8Array.of(6, 7));
  const frame = writer.take();
  const read = (bytes: Uint8Array): unknown[] => {
    const seen: unknown[] = [];
    const note = (...entry: unknown[]) => void seen.push(entry);
    readFrame(bytes, { record: note, ack: note, open: note, name: note, bounceReceived: note, controlReceived: note });
    return seen;
  };
  t.deepEqual(read(frame), [
    [7, Uint8Array.of(1, 2)],
    [3, Uint8Array.of(9)],
    [1, 3, 7, 42, 5, 250.5, new Uint8Array(300).fill(4), undefined],
    [0, 3, 7, 43, 0, Number.POSITIVE_INFINITY, undefined, undefined],
    [0, 3, 7, 44, 0, Number.POSITIVE_INFINITY, Uint8Array.of(8), traceBytes],
    [7, 41, 1065],
    [8, Uint8Array.of(5)],
    [Uint8Array.of(6, 7)],
  ]);
  const endsWell = (bytes: Uint8Array): boolean => {
    try {
      read(bytes);
      return true;
    } catch (thrown) {
      return GodwitError.is(thrown) && thrown.code === 'DATA_LOSS';
    }
  };
  for (let length = 0; length < frame.length; length++) t.true(endsWell(frame.subarray(0, length)), `cut at ${length}`);
  fc.assert(
    fc.property(fc.nat(frame.length - 1), fc.nat(255), (at, byte) => {
      const damaged = frame.slice();
      damaged[at] = byte;
      return endsWell(damaged);
    }),
  );
});
