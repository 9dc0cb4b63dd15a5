import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openFileStore } from './file-store.js';
import { changesOf, emptyDirectory, failureOf, logOf, textOf, writeAndClose } from './file-store.test-support.js';

const headerBytes = 16;
/** A disk's unit. */
const sectorBytes = 512;

/** A log of two frames. */
async function twoFrames(t: ExecutionContext): Promise<{ readonly directory: string; readonly log: Buffer; readonly second: number }> {
  const directory = await emptyDirectory(t);
  await writeAndClose(directory, { a: 'first', b: 'first' });
  const second = (await logOf(directory)).length;
  await writeAndClose(directory, { a: 'second', b: undefined, c: Buffer.alloc(40, 'c') });
  return { directory, log: await logOf(directory), second };
}

async function openWith(directory: string, log: Uint8Array): Promise<{ readonly found: Record<string, string>; readonly logged: readonly unknown[] }> {
  await writeFile(join(directory, 'store.log'), log);
  const logged: unknown[] = [];
  const store = await openFileStore(directory, { logger: { log: (level, event, fields) => void logged.push([level, event, fields]) } });
  await store.close();
  return { found: textOf(store.found), logged };
}

test('file store: a last frame that ends at any byte before its end is cut off, and writing goes on', async (t) => {
  const { directory, log, second } = await twoFrames(t);
  for (let bytes = second; bytes < log.length; bytes++) {
    const { found, logged } = await openWith(directory, log.subarray(0, bytes));
    t.deepEqual(found, { a: 'first', b: 'first' }, `cut at byte ${bytes}`);
    if (bytes > second) t.deepEqual(logged, [['warn', 'store.torn-tail-cut', { file: join(directory, 'store.log'), offset: second, bytes: bytes - second }]]);
    t.is((await logOf(directory)).length, second);
  }
  await openWith(directory, log.subarray(0, log.length - 1));
  await writeAndClose(directory, { a: 'third' });

  t.deepEqual(await writeAndClose(directory), { a: 'third', b: 'first' });
});

test('file store: a last frame with a sector that was never written is cut off', async (t) => {
  const directory = await emptyDirectory(t);
  await writeAndClose(directory, { a: 'first' });
  const second = (await logOf(directory)).length;
  const store = await openFileStore(directory);
  await store.write(changesOf({ a: Buffer.alloc(5000, 'x'), b: Buffer.alloc(5000, 'y') }));
  await store.close();
  const log = await logOf(directory);
  for (let from = second; from < log.length; from += sectorBytes - (from % sectorBytes)) {
    const torn = Buffer.from(log);
    torn.subarray(from, from + sectorBytes - (from % sectorBytes)).fill(0);

    t.deepEqual((await openWith(directory, torn)).found, { a: 'first' }, `blank from byte ${from}`);
  }
});

test('file store: one wrong byte anywhere but in a torn tail is DATA_LOSS, with the file, the offset and what to do', async (t) => {
  const { directory, log, second } = await twoFrames(t);
  for (let at = headerBytes; at < log.length; at++) {
    const damaged = Buffer.from(log);
    damaged[at] ^= 0x10;
    const error = await failureOf(openWith(directory, damaged));
    const offset = at < second ? headerBytes : second;

    t.is(error.code, 'DATA_LOSS', `byte ${at}`);
    t.deepEqual(error.details, { file: join(directory, 'store.log'), offset });
    t.is(
      error.message,
      `${join(directory, 'store.log')} is damaged at byte ${offset} of ${log.length}: restore it from a copy, or move it away to begin without what it holds`,
    );
    t.true(damaged.equals(await logOf(directory)), 'the file is left as it is');
  }
});

test('file store: a blank sector in the middle is damage, not a torn tail', async (t) => {
  const directory = await emptyDirectory(t);
  await writeAndClose(directory, { a: Buffer.alloc(3000, 'x') }, { b: 'behind' });
  const damaged = (await logOf(directory)).fill(0, headerBytes, 1024);

  t.is((await failureOf(openWith(directory, damaged))).code, 'DATA_LOSS');
});

test('file store: a log that a crash left half anew is thrown away', async (t) => {
  const { directory, log } = await twoFrames(t);
  await cp(join(directory, 'store.log'), join(directory, 'store.log.new'));
  await writeFile(join(directory, 'store.log.new'), log.subarray(0, 30));

  t.deepEqual(await writeAndClose(directory), { a: 'second', c: 'c'.repeat(40) });
});
