// Real sockets and real time. Times are lower bounds only: what is delayed cannot come before its delay, whatever the machine is busy with.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { GodwitError } from '#core';
import { type Relay, type RelayOptions, relay } from './index.js';

interface Scene {
  readonly relayed: Relay;
  /** Connects through the relay. @returns the dialler's end and the target's */
  dial(): Promise<{ near: Socket; far: Socket }>;
}

async function scene(t: ExecutionContext, options: Partial<RelayOptions> = {}): Promise<Scene> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const relayed = await relay({ to: { host: '127.0.0.1', port: (server.address() as AddressInfo).port }, ...options });
  const ends: Socket[] = [];
  t.teardown(async () => {
    for (const end of ends) end.destroy();
    server.close();
    await relayed.close();
  });
  return {
    relayed,
    async dial() {
      const near = connect({ host: relayed.host, port: relayed.port, allowHalfOpen: true });
      const [far] = (await once(server, 'connection')) as [Socket];
      for (const end of [near, far]) {
        ends.push(end);
        end.on('error', () => {});
      }
      return { near, far };
    },
  };
}

/** Reads until `lengthBytes` came. */
async function read(socket: Socket, lengthBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes >= lengthBytes) break;
  }
  return Buffer.concat(pieces);
}

const text = async (socket: Socket, lengthBytes: number) => (await read(socket, lengthBytes)).toString();

const errorOf = (socket: Socket): Promise<string | undefined> =>
  new Promise((resolve) => socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code)));

/** Bytes that repeat nowhere near. */
function noise(lengthBytes: number): Buffer {
  const bytes = Buffer.alloc(lengthBytes);
  for (let offset = 0; offset < lengthBytes; offset += 32) createHash('sha256').update(String(offset)).digest().copy(bytes, offset);
  return bytes;
}

test('relay: bytes pass both ways, and the end of each direction by itself', async (t) => {
  const { relayed, dial } = await scene(t);
  const { near, far } = await dial();

  near.end('ping');
  t.is(await text(far, 4), 'ping');
  far.resume();
  await once(far, 'end');
  far.end('pong');

  const closed = Promise.all([once(near, 'close'), once(far, 'close')]);
  t.is(await text(near, 4), 'pong');
  near.resume();
  await closed;
  t.is(relayed.url, `http://127.0.0.1:${relayed.port}`);
});

test('relay: 8 MiB through delay, jitter and a rate arrive unharmed and in order', async (t) => {
  const { relayed, dial } = await scene(t, { seed: 7 });
  relayed.delay(3);
  relayed.jitter(9);
  relayed.rate(64 * 1024 * 1024);
  const { near, far } = await dial();
  const sent = noise(8 * 1024 * 1024);

  near.end(sent);
  const received = await read(far, sent.length);

  t.true(received.equals(sent));
});

test('relay: nothing comes before its delay, each way its own', async (t) => {
  const { relayed, dial } = await scene(t);
  const { near, far } = await dial();
  relayed.delay(60, 'up');
  relayed.delay(30, 'down');

  let began = performance.now();
  near.write('a');
  await read(far, 1);
  t.true(performance.now() - began >= 60);
  began = performance.now();
  far.write('b');
  await read(near, 1);
  t.true(performance.now() - began >= 30);
});

test('relay: a rate holds bytes back', async (t) => {
  const { relayed, dial } = await scene(t);
  relayed.rate(100_000, 'up');
  const { near, far } = await dial();

  const began = performance.now();
  near.write(Buffer.alloc(20_000));
  await read(far, 20_000);

  // The first 10 ms are free.
  t.true(performance.now() - began >= 180);
});

/** A clock that a test turns on by hand. */
function handClock() {
  let now = 0;
  const due: Array<{ atMs: number; task: () => void }> = [];
  return {
    now: () => now,
    after(delayMs: number, task: () => void) {
      const entry = { atMs: now + delayMs, task };
      due.push(entry);
      return () => {
        const index = due.indexOf(entry);
        if (index >= 0) due.splice(index, 1);
      };
    },
    soon: (task: () => void) => void setImmediate(task),
    /** When the next task is due. */
    next: () => due[0]?.atMs,
    advanceTo(atMs: number) {
      now = atMs;
      for (const entry of due.splice(0)) entry.task();
    },
  };
}

async function jitters(t: ExecutionContext, seed: number): Promise<number[]> {
  const clock = handClock();
  const { relayed, dial } = await scene(t, { seed, clock });
  relayed.jitter(1000);
  const { near, far } = await dial();
  const times: number[] = [];
  for (let piece = 0; piece < 5; piece++) {
    near.write('x');
    let due = clock.next();
    for (; due === undefined; due = clock.next()) await new Promise((resolve) => setImmediate(resolve));
    times.push(due - clock.now());
    clock.advanceTo(due);
    await read(far, 1);
  }
  return times;
}

test('relay: the jitter is that of the seed', async (t) => {
  const [first, again, other] = await Promise.all([jitters(t, 1), jitters(t, 1), jitters(t, 2)]);

  t.deepEqual(first, again);
  t.notDeepEqual(first, other);
  t.true(first.every((jitterMs) => jitterMs > 0 && jitterMs < 1000));
});

test('relay: a stall holds everything, both ways, until it flows; a new connection is silent', async (t) => {
  const { relayed, dial } = await scene(t);
  const one = await dial();
  relayed.stall();
  const two = await dial();
  let arrived = 0;
  const count = (bytes: Buffer) => {
    arrived += bytes.length;
  };
  for (const socket of [one.near, one.far, two.far]) socket.on('data', count);
  const ended = once(one.far, 'end');
  const opened = once(two.far, 'data');
  one.near.end('up');
  one.far.write('down');
  two.near.write('new');
  relayed.flow('up');
  await Promise.all([ended, opened]);
  t.is(arrived, 'up'.length + 'new'.length);

  const down = once(one.near, 'data');
  relayed.flow();
  await down;
  t.is(arrived, 'up'.length + 'new'.length + 'down'.length);
});

test('relay: behind a stall nobody learns that the other end is gone', async (t) => {
  const { relayed, dial } = await scene(t);
  const { near, far } = await dial();
  relayed.stall('up');
  const reset = errorOf(far);
  let known = false;
  far.once('error', () => {
    known = true;
  });
  near.resetAndDestroy();
  far.write('are you there');
  const other = await dial();
  other.far.write('down flows');
  await read(other.near, 10);
  t.false(known);

  relayed.flow();
  t.is(await reset, 'ECONNRESET');
});

test('relay: a reset is ECONNRESET at both ends', async (t) => {
  const { relayed, dial } = await scene(t);
  const { near, far } = await dial();
  const errors = Promise.all([errorOf(near), errorOf(far)]);
  t.is(relayed.connections, 1);

  relayed.reset();

  t.deepEqual(await errors, ['ECONNRESET', 'ECONNRESET']);
  const again = await dial();
  again.near.write('on');
  t.is(await text(again.far, 2), 'on');
});

test('relay: a reset waits for no reader', async (t) => {
  const { relayed, dial } = await scene(t);
  const { near, far } = await dial();
  far.pause();
  near.write(Buffer.alloc(48 * 1024 * 1024));
  const beside = await dial();
  beside.near.write(Buffer.alloc(16 * 1024 * 1024));
  await read(beside.far, 16 * 1024 * 1024);
  const error = errorOf(near);

  relayed.reset();

  t.true(['ECONNRESET', 'EPIPE'].includes((await error) ?? ''));
  await relayed.close();
  t.is(relayed.connections, 0);
});

test('relay: refuses new connections alone, and accepts again', async (t) => {
  const { relayed, dial } = await scene(t);
  const { near, far } = await dial();
  relayed.refuse();
  const refused = connect(relayed.port, relayed.host);

  t.is(await errorOf(refused), 'ECONNRESET');
  near.write('old');
  t.is(await text(far, 3), 'old');
  relayed.accept();
  const again = await dial();
  again.near.write('new');
  t.is(await text(again.far, 3), 'new');
});

test('relay: a reader that does not read stops its sender, and memory is bounded', async (t) => {
  const { dial } = await scene(t);
  const { near, far } = await dial();
  far.pause();
  const total = 48 * 1024 * 1024;
  near.write(Buffer.alloc(total));
  // What passes beside it meanwhile is as much, so this one had its time.
  const beside = await dial();
  beside.near.write(Buffer.alloc(total));
  await read(beside.far, total);
  // The socket buffers of two connections and the relay's own are full; what is beyond them stays with the sender.
  t.true(near.writableLength > total / 2);

  let received = 0;
  for await (const piece of far as AsyncIterable<Buffer>) {
    received += piece.length;
    if (received === total) break;
  }
  t.is(received, total);
});

test('relay: resets whoever dials while its target is gone', async (t) => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const relayed = await relay({ to: { host: '127.0.0.1', port } });
  t.teardown(() => relayed.close());

  t.is(await errorOf(connect(relayed.port, relayed.host)), 'ECONNRESET');
});

test('relay: tells of what comes before it leaves, and may be reset then', async (t) => {
  const seen: Array<[number, string]> = [];
  const { relayed, dial } = await scene(t, {
    onPiece(bytes, direction) {
      seen.push([bytes, direction]);
      if (direction === 'down') relayed.reset();
    },
  });
  const { near, far } = await dial();
  let came = 0;
  near.on('data', (bytes: Buffer) => {
    came += bytes.length;
  });
  const reset = errorOf(near);

  near.write('up');
  await read(far, 2);
  far.write('down');

  t.is(await reset, 'ECONNRESET');
  t.deepEqual(seen, [
    [2, 'up'],
    [4, 'down'],
  ]);
  t.is(came, 0);
});

test('relay: says what it cannot do', async (t) => {
  const { relayed } = await scene(t);
  const codeOf = async (work: () => unknown) => {
    try {
      await work();
      return 'OK';
    } catch (thrown) {
      return GodwitError.from(thrown).code;
    }
  };

  t.is(await codeOf(() => relayed.delay(-1)), 'INVALID_ARGUMENT');
  t.is(await codeOf(() => relayed.jitter(Number.NaN)), 'INVALID_ARGUMENT');
  t.is(await codeOf(() => relayed.rate(0)), 'INVALID_ARGUMENT');
  t.is(await codeOf(() => relay({ to: { host: '127.0.0.1', port: 70_000 } })), 'INVALID_ARGUMENT');
  t.is(await codeOf(() => relay({ to: { host: '127.0.0.1', port: 1 }, port: relayed.port })), 'ALREADY_EXISTS');
});
