import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { openFileStore } from './file-store.js';
import { changesOf, emptyDirectory, FaultyDisk, failureOf, logOf, textOf, writeAndClose } from './file-store.test-support.js';

const writer = fileURLToPath(new URL('./fixtures/store-writer.js', import.meta.url));
const fullDisk = fileURLToPath(new URL('./fixtures/full-disk.js', import.meta.url));
/** Node's arguments of this test's process may not be for another. */
const plain = { execArgv: [] };

test('file store: finds what was written, replaced and deleted, at the next opening', async (t) => {
  const directory = join(await emptyDirectory(t), 'new');

  t.deepEqual(await writeAndClose(directory, { one: '1', two: '2', three: '' }, { one: 'uno', two: undefined, 'ünï/😀': 'x' }), {});
  t.deepEqual(await writeAndClose(directory, { three: undefined, gone: undefined }), { one: 'uno', three: '', 'ünï/😀': 'x' });
  t.deepEqual(await writeAndClose(directory), { one: 'uno', 'ünï/😀': 'x' });
  t.is((await stat(directory)).mode & 0o777, 0o700);
  t.is((await stat(join(directory, 'store.log'))).mode & 0o777, 0o600);
});

test('file store: keeps values of 16 MB, and their neighbours', async (t) => {
  const directory = await emptyDirectory(t);
  const large = Buffer.alloc(16 * 1024 * 1024, 'a base');
  const store = await openFileStore(directory);
  await store.write(changesOf({ 'base/a': large, 'home/a': 'register a' }));
  await Promise.all([store.write(changesOf({ 'base/b': large })), store.write(changesOf({ 'home/b': 'register b' }))]);
  await store.close();

  const again = await openFileStore(directory);
  await again.close();
  t.deepEqual([...again.found.keys()].sort(), ['base/a', 'base/b', 'home/a', 'home/b']);
  t.true(large.equals(again.found.get('base/a') ?? new Uint8Array()) && large.equals(again.found.get('base/b') ?? new Uint8Array()));
});

test('file store: writes under way at a time share syncs, and take effect in their order', async (t) => {
  const directory = await emptyDirectory(t);
  const disk = new FaultyDisk();
  const store = await openFileStore(directory, disk.options);
  const before = disk.syncs;
  const done: number[] = [];
  await Promise.all(
    Array.from({ length: 500 }, async (_, number) => {
      // Half of them come while the first group is being synced.
      if (number >= 250) await Promise.resolve();
      await store.write(changesOf({ last: String(number), [`key/${number}`]: 'x' }));
      done.push(number);
    }),
  );
  const syncs = disk.syncs - before;
  await store.close();

  t.true(syncs >= 1 && syncs <= 3, `${syncs} syncs`);
  t.deepEqual(
    done,
    Array.from({ length: 500 }, (_, number) => number),
  );
  const found = await writeAndClose(directory);
  t.is(found.last, '499');
  t.is(Object.keys(found).length, 501);
});

test('file store: the log is written anew when most of it is dead, while running and at the opening', async (t) => {
  const directory = await emptyDirectory(t);
  const store = await openFileStore(directory);
  const value = (number: number) => Buffer.alloc(200_000, number);
  await store.write(changesOf({ kept: 'from the beginning', gone: 'soon' }));
  await store.write(changesOf({ gone: undefined }));
  let largest = 0;
  for (let number = 0; number < 100; number++) {
    await store.write(changesOf({ [`slot/${number % 3}`]: value(number) }));
    largest = Math.max(largest, (await stat(join(directory, 'store.log'))).size);
  }
  await store.close();

  // 20 MB were written; the log grows on while it is copied.
  t.true(largest < 10_000_000, `${largest} bytes`);
  const again = await openFileStore(directory);
  t.deepEqual([...again.found.keys()].sort(), ['kept', 'slot/0', 'slot/1', 'slot/2']);
  t.deepEqual(
    ['slot/0', 'slot/1', 'slot/2'].map((slot) => value(slot === 'slot/0' ? 99 : slot === 'slot/1' ? 97 : 98).equals(again.found.get(slot) ?? value(0))),
    [true, true, true],
  );
  await again.write(changesOf({ large: Buffer.alloc(5_000_000) }));
  await again.write(changesOf({ large: undefined, 'slot/0': undefined, 'slot/1': undefined, 'slot/2': undefined }));
  await again.close();
  await writeAndClose(directory);
  t.true((await logOf(directory)).length < 1000);
  t.deepEqual(
    (await readdir(directory)).filter((name) => !name.startsWith('lock-')),
    ['store.log'],
  );
  t.deepEqual(await writeAndClose(directory), { kept: 'from the beginning' });
});

test('file store: a process killed in the middle of writing leaves all that was acknowledged, and nothing half', async (t) => {
  const directory = await emptyDirectory(t);
  let first = 1;
  let previous = 0;
  for (let round = 0; round < 6; round++) {
    const child = fork(writer, [directory, String(first)], { ...plain, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
    const ended = once(child, 'exit');
    let acknowledged = 0;
    for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
      acknowledged = Math.max(acknowledged, Number(line));
      if (acknowledged >= first + 150 + round * 37) child.kill('SIGKILL');
    }
    t.deepEqual(await ended, [null, 'SIGKILL']);

    const { found, close } = await openFileStore(directory).then((store) => ({ found: store.found, close: () => store.close() }));
    await close();
    const number = (key: string) => Buffer.from(found.get(key) ?? new Uint8Array(4)).readUInt32LE();
    const numbers = Array.from({ length: 40 }, (_, slot) => number(`left/${slot}`));
    const last = Math.max(...numbers);
    t.true(last >= acknowledged && acknowledged > previous, `${last} found, ${acknowledged} acknowledged`);
    // Exactly what the writes up to the last one leave: none is missing, none is half.
    for (let slot = 0; slot < 40; slot++) {
      const expected = last - ((last - slot) % 40);
      t.deepEqual([slot, numbers[slot], number(`right/${slot}`)], [slot, expected, expected]);
      const value = found.get(`left/${slot}`) ?? new Uint8Array();
      t.is(value.byteLength, 4 + ((expected * 7919) % 30_000));
      t.true(value.subarray(4).every((byte) => byte === expected % 251));
    }
    previous = acknowledged;
    first = last + 1;
  }
});

test('file store: one process at a time has a directory; that of a dead one is taken over', async (t) => {
  const directory = await emptyDirectory(t);
  const child = fork(writer, [directory], { ...plain, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  const refused = await failureOf(openFileStore(directory));
  const stopped = child.kill('SIGSTOP');
  const refusedStill = await failureOf(openFileStore(directory));
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;

  t.true(stopped);
  for (const { code, message } of [refused, refusedStill]) {
    t.is(code, 'FAILED_PRECONDITION');
    t.is(message, `cannot open the store ${directory}: process ${child.pid} has it open, and one process at a time writes a directory`);
  }
  const events: string[] = [];
  const store = await openFileStore(directory, { logger: { log: (_level, event) => void events.push(event) } });
  const twice = await failureOf(openFileStore(directory));
  await store.close();
  t.true(events.includes('store.taken-over'));
  t.regex(twice.message, /this process \(\d+\) has it open already/);
  await writeAndClose(directory);
  t.is((await readdir(directory)).filter((name) => name.startsWith('lock-')).length, 1);
});

test('file store: of many that want a dead process’s directory one gets it', async (t) => {
  const directory = await emptyDirectory(t);
  for (let round = 0; round < 10; round++) {
    const opened = await Promise.allSettled(Array.from({ length: 8 }, () => openFileStore(directory)));
    const held = opened.filter((outcome) => outcome.status === 'fulfilled');
    const codes = opened.flatMap((outcome) => (outcome.status === 'rejected' ? [(outcome.reason as { code: string }).code] : []));
    for (const { value } of held) await value.close();

    t.is(held.length, 1);
    t.deepEqual(new Set(codes), new Set(['FAILED_PRECONDITION']));
  }
});

test('file store: a directory with a long path is locked too', async (t) => {
  const directory = join(await emptyDirectory(t), 'd'.repeat(120));
  const store = await openFileStore(directory);
  const second = await failureOf(openFileStore(directory));
  await store.close();

  t.is(second.code, 'FAILED_PRECONDITION');
  t.deepEqual(await writeAndClose(directory), {});
});

test('file store: a write the disk has no room for keeps nothing; others of its group, and later ones, work', async (t) => {
  const directory = await emptyDirectory(t);
  const disk = new FaultyDisk();
  const store = await openFileStore(directory, disk.options);
  await store.write(changesOf({ a: 'first', b: 'first' }));
  disk.room = 300;
  const large = failureOf(store.write(changesOf({ a: Buffer.alloc(2000), b: 'never' })));
  disk.room = 300;
  const outcomes = [await large, await failureOf(store.write(changesOf({ b: Buffer.alloc(400) })))];
  disk.room = Number.POSITIVE_INFINITY;
  const group = [failureOf(store.write(changesOf({ c: 'small' }))), failureOf(store.write(changesOf({ ['k'.repeat(5000)]: 'bad' })))];
  outcomes.push(...(await Promise.all(group)));
  await store.close();

  t.deepEqual(
    outcomes.map(({ code }) => code),
    ['RESOURCE_EXHAUSTED', 'RESOURCE_EXHAUSTED', 'UNKNOWN', 'INVALID_ARGUMENT'],
  );
  t.regex(outcomes[0]?.message ?? '', /cannot write to the store .*: the disk is full: make room, then try again \(ENOSPC\)/);
  t.deepEqual(await writeAndClose(directory), { a: 'first', b: 'first', c: 'small' });
});

test('file store: a real disk that is full is RESOURCE_EXHAUSTED, and works again when there is room', async (t) => {
  const disk = await emptyDirectory(t);
  const probe = spawn('unshare', ['-rm', 'true'], { stdio: 'ignore' });
  const permitted = await once(probe, 'exit').then(
    ([code]) => code === 0,
    () => false,
  );
  if (!permitted) {
    t.log('no mount namespaces here: only the faulty disk was tried');
    t.false(permitted);
    return;
  }
  const child = spawn('unshare', ['-rm', process.execPath, fullDisk, disk], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  for await (const text of child.stdout) said += String(text);

  t.deepEqual(JSON.parse(said), {
    outcomes: ['ok', 'RESOURCE_EXHAUSTED', 'ok', 'ok'],
    found: { kept: [200 * 1024, 1], small: [6, 's'.charCodeAt(0)], later: [400 * 1024, 3] },
  });
});

test('file store: a failed sync keeps nothing, and is not forgotten while it lasts', async (t) => {
  const directory = await emptyDirectory(t);
  const disk = new FaultyDisk();
  const store = await openFileStore(directory, disk.options);
  await store.write(changesOf({ a: 'first' }));
  // The write, and the attempt to cut it off; then the cut before the next write.
  disk.syncFailures.push('EIO', 'EIO', 'EIO');
  const failures = [await failureOf(store.write(changesOf({ a: 'lost' })))];
  failures.push(await failureOf(store.write(changesOf({ a: 'lost too' }))));
  await store.write(changesOf({ b: 'works' }));
  await store.close();

  t.deepEqual(
    failures.map(({ code }) => code),
    ['UNAVAILABLE', 'UNAVAILABLE'],
  );
  t.deepEqual(await writeAndClose(directory), { a: 'first', b: 'works' });
});

test('file store: when there is no room to write the log anew it goes on as it was, and says so', async (t) => {
  const directory = await emptyDirectory(t);
  const disk = new FaultyDisk();
  const events: string[] = [];
  let said = () => {};
  const given = new Promise<void>((resolve) => {
    said = resolve;
  });
  const log = (_level: unknown, event: string) => {
    events.push(event);
    said();
  };
  const store = await openFileStore(directory, { ...disk.options, logger: { log } });
  await store.write(changesOf({ kept: Buffer.alloc(1_000_000, 1), large: Buffer.alloc(5_000_000) }));
  disk.room = 1000;
  await store.write(changesOf({ large: undefined }));
  await given;
  // What it had begun is removed.
  disk.room = 1000;
  await store.write(changesOf({ after: 'x' }));
  await store.close();

  t.deepEqual(events, ['store.not-compacted']);
  const again = await openFileStore(directory);
  await again.close();
  t.deepEqual(
    [...again.found].map(([key, value]) => [key, value.byteLength]),
    [
      ['kept', 1_000_000],
      ['after', 1],
    ],
  );
});

test('file store: writes go on while the log is written anew, and are in the new one', async (t) => {
  const directory = await emptyDirectory(t);
  let compacted = 0;
  const log = (_level: string, event: string) => {
    if (event === 'store.compacted') compacted += 1;
  };
  const store = await openFileStore(directory, { logger: { log } });
  await store.write(
    changesOf({
      dead: Buffer.alloc(30_000_000),
      ...Object.fromEntries(Array.from({ length: 20 }, (_, slot) => [`live/${slot}`, Buffer.alloc(1_000_000, slot)])),
    }),
  );
  await store.write(changesOf({ dead: undefined, 'live/0': undefined }));
  let number = 0;
  while (compacted === 0) {
    number += 1;
    await store.write(
      changesOf({ [`new/${number % 7}`]: String(number), 'live/1': Buffer.alloc(300_000, number % 251), 'live/2': number % 2 === 0 ? undefined : 'odd' }),
    );
  }
  await store.write(changesOf({ last: String(number) }));
  await store.close();
  const { found, close } = await openFileStore(directory).then((again) => ({ found: again.found, close: () => again.close() }));
  await close();

  t.true(number >= 2, `${number} writes came meanwhile`);
  t.is(Buffer.from(found.get('last') ?? []).toString(), String(number));
  for (let back = 0; back < Math.min(7, number); back++) t.is(Buffer.from(found.get(`new/${(number - back) % 7}`) ?? []).toString(), String(number - back));
  t.deepEqual([found.has('dead'), found.has('live/0'), found.has('live/2')], [false, false, number % 2 === 1]);
  t.true(Buffer.alloc(300_000, number % 251).equals(found.get('live/1') ?? new Uint8Array()));
  for (let slot = 3; slot < 20; slot++) t.true(Buffer.alloc(1_000_000, slot).equals(found.get(`live/${slot}`) ?? new Uint8Array()));
});

test('file store: a write that finds no room because the log is being written anew takes precedence', async (t) => {
  const directory = await emptyDirectory(t);
  const disk = new FaultyDisk();
  const store = await openFileStore(directory, disk.options);
  await store.write(changesOf({ kept: Buffer.alloc(9_000_000, 1), dead: Buffer.alloc(9_000_001) }));
  await store.write(changesOf({ dead: undefined }));
  let failed = 0;
  disk.isFull = () => {
    const full = existsSync(join(directory, 'store.log.new'));
    failed += full ? 1 : 0;
    return full;
  };
  await store.write(changesOf({ after: 'x' }));
  await store.close();

  const again = await openFileStore(directory);
  await again.close();
  t.true(failed >= 1);
  t.is(again.found.get('kept')?.byteLength, 9_000_000);
  t.deepEqual(textOf(new Map([...again.found].filter(([key]) => key !== 'kept'))), { after: 'x' });
});

test('file store: close waits for what is under way; afterwards a write is refused', async (t) => {
  const directory = await emptyDirectory(t);
  const store = await openFileStore(directory);
  const write = store.write(changesOf({ a: '1' }));
  await Promise.all([store.close(), store.close(), write]);
  const late = await failureOf(store.write(changesOf({ a: '2' })));

  t.like(late, { code: 'UNAVAILABLE', retryable: false });
  t.deepEqual(await writeAndClose(directory), { a: '1' });
});

test('file store: says what is wrong with a directory', async (t) => {
  const directory = await emptyDirectory(t);
  await writeFile(join(directory, 'file'), '');
  await mkdir(join(directory, 'other'));
  await writeFile(join(directory, 'other', 'store.log'), 'something else altogether');
  const cases = [
    ['missing/store', 'NOT_FOUND', /its parent must exist \(ENOENT\)/],
    ['file', 'FAILED_PRECONDITION', /a file is where a directory should be/],
    ['file/store', 'FAILED_PRECONDITION', /a file is where a directory should be/],
    ['other', 'FAILED_PRECONDITION', /store\.log is no store of this version of Godwit/],
  ] as const;
  for (const [name, code, message] of cases) {
    const error = await failureOf(openFileStore(join(directory, name)));

    t.is(error.code, code);
    t.regex(error.message, message);
  }
});

test('file store: a log that this user may not open is PERMISSION_DENIED, and the directory is free again', async (t) => {
  const directory = await emptyDirectory(t);
  const openFile = async () => Promise.reject(Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' }));
  const error = await failureOf(openFileStore(directory, { openFile }));

  t.is(error.code, 'PERMISSION_DENIED');
  t.is(error.message, `cannot open the store ${directory}: the user of this process may not: give it the right, or name another directory (EACCES)`);
  t.deepEqual(await writeAndClose(directory), {});
});

test('file store: what it found is as it was, whatever is written', async (t) => {
  const directory = await emptyDirectory(t);
  await writeAndClose(directory, { a: 'before' });
  const store = await openFileStore(directory);
  await store.write(changesOf({ a: 'after' }));
  await store.close();

  t.deepEqual(textOf(store.found), { a: 'before' });
});
