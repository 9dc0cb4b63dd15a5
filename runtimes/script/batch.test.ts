import test from 'ava';
import { kinds, type Views } from '../guest/packed.js';
import { BatchWriter, checkedRecordBytes, readBatch } from './batch.js';

function kindsOf(batch: ArrayBuffer): Array<[instance: number, kind: number | undefined]> {
  const found: Array<[number, number | undefined]> = [];
  readBatch(batch, (instance, views: Views, begin, end) => {
    for (let at = begin; at < end; at += checkedRecordBytes(views, at, end)) found.push([instance, views.u32[(at >>> 2) + 1]]);
  });
  return found;
}

test('batch: holds the records of many instances in order, whatever their size', (t) => {
  const writer = new BatchWriter();

  writer.record(1, kinds.tell, 0, 0, 1, 0, new Uint8Array(100_000));
  writer.record(1, kinds.ask, 1, 5, 1, 0, undefined);
  writer.record(2, kinds.end, 1, 0, 0, 0, new Uint8Array(3));
  writer.record(1, kinds.more, 1, 9, 0, 0, undefined);

  t.deepEqual(kindsOf(writer.take()), [
    [1, kinds.tell],
    [1, kinds.ask],
    [2, kinds.end],
    [1, kinds.more],
  ]);
  t.true(writer.empty);
  t.deepEqual(kindsOf(writer.take()), []);
});

test('batch: a cut or altered one is DATA_LOSS, whatever byte it is', (t) => {
  const writer = new BatchWriter();
  writer.record(1, kinds.ask, 1, 5, 1, 0, new Uint8Array(20));
  const batch = writer.take();
  const u32 = new Uint32Array(batch);

  for (const [word, lie] of [
    [0, 0xffff_fff8],
    [3, 4096],
    [4, 4096],
    [4, 0],
    [12, 0xffff_ffff],
  ] as const) {
    const altered = u32.slice();
    altered[word] = lie;
    t.throws(() => kindsOf(altered.buffer), { code: 'DATA_LOSS' } as never, `word ${word}`);
  }
});
