import { MessageChannel, Worker } from 'node:worker_threads';
import test from 'ava';
import { GodwitError, type Pipe, type Transport } from '#core';
import { conformanceCases, type Harness } from './conformance.js';
import { createConnectServer, createConnectTransport, sharedKey } from './connect/index.js';
import { createMemoryBlobs, createMemoryNetwork } from './memory/index.js';
import { relay } from './relay/index.js';
import { selfSigned } from './test-support/certificate.js';
import { nodeDigest } from './test-support/digest.js';
import { createPortPipe } from './worker/index.js';

function memoryHarness(): Harness {
  const network = createMemoryNetwork();
  const near = network.transport('near');
  return {
    async connect() {
      let far: Pipe | undefined;
      const cancel = network.transport('far').listen((pipe) => {
        far = pipe;
      });
      const dialled = await near.dial('far');
      cancel();
      return { near: dialled, far: far!, cut: () => network.cut('near', 'far') };
    },
    dialNobody: (signal) => near.dial('nobody', signal),
    async close() {},
  };
}

function workerHarness(): Harness {
  const ends: Pipe[] = [];
  return {
    async connect() {
      const { port1, port2 } = new MessageChannel();
      const near = createPortPipe(port1);
      const far = createPortPipe(port2);
      ends.push(near, far);
      return { near, far, cut: undefined };
    },
    dialNobody: undefined,
    async close() {
      for (const end of ends) end.close();
    },
  };
}

async function connectHarness(tls: { key: string; cert: string } | undefined): Promise<Harness> {
  const accepted: Array<(pipe: Pipe) => void> = [];
  const server = await createConnectServer({
    port: 0,
    ...(tls === undefined ? {} : { tls }),
    auth: sharedKey('secret'),
    accept: (pipe) => accepted.shift()?.(pipe),
    blobs: createMemoryBlobs({ digest: nodeDigest }),
  });
  const relayed = await relay({ to: { host: '127.0.0.1', port: server.port } });
  const scheme = tls === undefined ? 'http' : 'https';
  const transport: Transport = createConnectTransport({ key: 'secret', ...(tls === undefined ? {} : { tls: { ca: tls.cert } }) });
  return {
    async connect() {
      const far = new Promise<Pipe>((resolve) => accepted.push(resolve));
      const near = await transport.dial(`${scheme}://127.0.0.1:${relayed.port}`);
      return { near, far: await far, cut: () => relayed.reset() };
    },
    // The discard port: nothing listens there.
    dialNobody: (signal) => transport.dial(`${scheme}://127.0.0.1:9`, signal),
    async close() {
      await server.close();
      await relayed.close();
    },
  };
}

const transports: ReadonlyArray<readonly [string, () => Harness | Promise<Harness>]> = [
  ['memory', memoryHarness],
  ['worker', workerHarness],
  ['connect h2c', () => connectHarness(undefined)],
  ['connect tls', () => connectHarness(selfSigned())],
];

// A message port has nobody to dial and nothing between its ends; the death of its thread is tested below.
const exclusions: Readonly<Record<string, readonly string[]>> = { worker: ['cut', 'dialNobody'] };

for (const [name, make] of transports) {
  for (const { title, needs, run } of conformanceCases) {
    if (needs !== undefined && exclusions[name]?.includes(needs)) continue;
    test(`${name} ${title}`, async (t) => {
      const harness = await make();
      try {
        await t.notThrowsAsync(run(harness));
      } finally {
        await harness.close();
      }
    });
  }
}

test('worker pipe: carries frames to another thread and back', async (t) => {
  const { pipe, worker } = echoThread();
  const back = new Promise<Uint8Array[]>((resolve) => {
    const frames: Uint8Array[] = [];
    pipe.onFrame = (frame) => {
      frames.push(frame);
      if (frames.length === 3) resolve(frames);
    };
  });

  pipe.send(Uint8Array.of(1, 2, 3));
  pipe.send(new Uint8Array(1 << 20).fill(7));
  pipe.send(new Uint8Array(0));

  t.deepEqual(
    (await back).map((frame) => frame.length),
    [3, 1 << 20, 0],
  );
  await worker.terminate();
});

test('worker pipe: the death of the far thread closes it with UNAVAILABLE', async (t) => {
  const { pipe, worker } = echoThread();
  const closed = new Promise<GodwitError | undefined>((resolve) => {
    pipe.onClose = resolve;
  });

  pipe.onFrame = () => void worker.terminate();
  pipe.send(Uint8Array.of(1));

  const error = await closed;
  t.true(GodwitError.is(error));
  t.is(error?.code, 'UNAVAILABLE');
});

function echoThread(): { pipe: Pipe; worker: Worker } {
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(new URL('./test-support/echo-thread.js', import.meta.url));
  worker.postMessage(port2, [port2]);
  return { pipe: createPortPipe(port1), worker };
}
