// What every transport must do, as data: each case throws if the transport under test does not. Any test framework can run it.
import { deepStrictEqual, rejects, strictEqual } from 'node:assert/strict';
import { GodwitError, type Pipe } from '#core';

/** Two connected ends of a transport under test. `near` dialled, if the transport dials. */
export interface Connected {
  readonly near: Pipe;
  readonly far: Pipe;
  /** Breaks the pipe as a fault outside would, without either end closing it; undefined if nothing can come between them. */
  readonly cut: (() => void) | undefined;
}

/** A transport under test. */
export interface Harness {
  connect(): Promise<Connected>;
  /** Dials where nobody listens; undefined for a transport that does not dial. */
  readonly dialNobody: ((signal?: AbortSignal) => Promise<Pipe>) | undefined;
  close(): Promise<void>;
}

export interface ConformanceCase {
  /** A sentence about a pipe or a dial. */
  readonly title: string;
  /** What a harness must have for the case to make sense. */
  readonly needs?: 'cut' | 'dialNobody';
  run(harness: Harness): Promise<void>;
}

/** A frame whose every byte follows from its length and `seed`. */
function frameOf(length: number, seed: number): Uint8Array {
  const frame = new Uint8Array(length);
  for (let i = 0; i < length; i++) frame[i] = (i * 31 + seed * 17 + (i >>> 8)) & 0xff;
  return frame;
}

/** The next `count` frames of a pipe. Rejects if it closes before. */
function receive(pipe: Pipe, count: number): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = [];
  return new Promise((resolve, reject) => {
    pipe.onFrame = (frame) => {
      frames.push(frame);
      if (frames.length === count) resolve(frames);
    };
    pipe.onClose = (error) => reject(error ?? new Error('closed'));
  });
}

function closed(pipe: Pipe): Promise<GodwitError | undefined> {
  return new Promise((resolve) => {
    pipe.onClose = resolve;
  });
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => GodwitError.is(error) && error.code === code;
}

function sizesCase(title: string, sizes: readonly number[]): ConformanceCase {
  return {
    title,
    async run(harness) {
      const { near, far } = await harness.connect();
      const received = receive(far, sizes.length);

      for (const [seed, size] of sizes.entries()) near.send(frameOf(size, seed));

      const frames = await received;
      for (const [seed, frame] of frames.entries())
        strictEqual(Buffer.compare(frame, frameOf(sizes[seed], seed)), 0, `frame ${seed} of ${sizes[seed]} bytes differs`);
    },
  };
}

function closeCase(closing: 'near' | 'far'): ConformanceCase {
  return {
    title: `pipe: a close of the ${closing} end is told once to each end, with an error only to the other`,
    async run(harness) {
      const { near, far } = await harness.connect();
      const [self, other] = closing === 'near' ? [near, far] : [far, near];
      const calls: string[] = [];
      const both = new Promise<void>((resolve) => {
        const note = (end: string) => (error?: GodwitError) => {
          calls.push(`${end} ${error?.code ?? 'none'}`);
          if (calls.length === 2) resolve();
        };
        self.onClose = note('self');
        other.onClose = note('other');
      });

      self.close();
      self.close();
      await both;
      other.close();
      self.send(frameOf(10, 1));
      other.send(frameOf(10, 1));
      await new Promise((resolve) => setImmediate(resolve));

      deepStrictEqual(calls.sort(), ['other UNAVAILABLE', 'self none']);
    },
  };
}

const manyFrames = 20_000;

export const conformanceCases: readonly ConformanceCase[] = [
  sizesCase('pipe: frames of 0 and 1 bytes arrive whole and in order', [0, 1, 0, 0, 1, 5]),
  sizesCase('pipe: frames around the lengths where an encoding grows arrive whole', [126, 127, 128, 129, 16383, 16384, 16385, 65535, 65536, 65537]),
  sizesCase('pipe: frames of 1 MB and 8 MB arrive whole among small ones', [3, 1 << 20, 7, 8 << 20, 11, 1 << 20]),
  {
    title: 'pipe: many small frames arrive once each and in order',
    async run(harness) {
      const { near, far } = await harness.connect();
      const received = receive(far, manyFrames);

      for (let i = 0; i < manyFrames; i++) near.send(new Uint8Array(Uint32Array.of(i).buffer));

      const numbers = (await received).map((frame) => new DataView(frame.buffer, frame.byteOffset).getUint32(0, true));
      deepStrictEqual(
        numbers,
        Array.from({ length: manyFrames }, (_, i) => i),
      );
    },
  },
  {
    title: 'pipe: both directions carry at once',
    async run(harness) {
      const { near, far } = await harness.connect();
      const received = Promise.all([receive(near, 200), receive(far, 200)]);

      for (let i = 0; i < 200; i++) {
        near.send(frameOf(i * 97, i));
        far.send(frameOf(i * 89, i));
      }

      const [atNear, atFar] = await received;
      for (const [i, frame] of atFar.entries()) strictEqual(Buffer.compare(frame, frameOf(i * 97, i)), 0);
      for (const [i, frame] of atNear.entries()) strictEqual(Buffer.compare(frame, frameOf(i * 89, i)), 0);
    },
  },
  {
    title: 'pipe: a frame is never delivered before send returned',
    async run(harness) {
      const { near, far } = await harness.connect();
      let sending = true;
      const inside = new Promise<boolean>((resolve) => {
        far.onFrame = () => resolve(sending);
      });

      near.send(frameOf(4, 1));
      sending = false;

      strictEqual(await inside, false);
    },
  },
  {
    title: 'pipe: a view on a larger buffer arrives alone, and the buffer stays usable',
    async run(harness) {
      const { near, far } = await harness.connect();
      const received = receive(far, 1);
      const whole = frameOf(100, 3);

      near.send(whole.subarray(10, 20));

      deepStrictEqual([...(await received)[0]], [...frameOf(100, 3).subarray(10, 20)]);
      strictEqual(whole.byteLength, 100);
    },
  },
  {
    title: 'pipe: what is sent counts as buffered until it is handed over, then onDrain is called',
    async run(harness) {
      const { near, far } = await harness.connect();
      const received = receive(far, 2);
      const drained = new Promise<number>((resolve) => {
        near.onDrain = () => resolve(near.bufferedBytes);
      });

      near.send(frameOf(1 << 20, 1));
      near.send(frameOf(1 << 20, 2));
      const buffered = near.bufferedBytes;

      strictEqual(buffered, 2 << 20);
      strictEqual(await drained, 0);
      await received;
    },
  },
  closeCase('near'),
  closeCase('far'),
  {
    title: 'pipe: a fault between the ends closes both with UNAVAILABLE',
    needs: 'cut',
    async run(harness) {
      const { near, far, cut } = await harness.connect();
      const ends = Promise.all([closed(near), closed(far)]);

      cut?.();

      deepStrictEqual(
        (await ends).map((error) => error?.code),
        ['UNAVAILABLE', 'UNAVAILABLE'],
      );
    },
  },
  {
    title: 'dial: where nobody listens it fails UNAVAILABLE',
    needs: 'dialNobody',
    run: async (harness) => rejects(harness.dialNobody!(), hasCode('UNAVAILABLE')),
  },
  {
    title: 'dial: a signal that aborts gives it up with CANCELLED',
    needs: 'dialNobody',
    async run(harness) {
      const controller = new AbortController();
      controller.abort();

      await rejects(harness.dialNobody!(controller.signal), hasCode('CANCELLED'));
    },
  },
];
