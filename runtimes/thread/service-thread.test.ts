import test from 'ava';
import { createServiceThread } from './service-thread.js';

const source = `
  import { parentPort, workerData } from 'node:worker_threads';
  let calls = 0;
  parentPort.on('message', ({ id, method, args }) => {
    calls += 1;
    if (method === 'echo') parentPort.postMessage({ id, value: [workerData, calls, ...args] });
    if (method === 'fail') parentPort.postMessage({ id, error: { code: 'DATA_LOSS', message: 'lost', retryable: false, details: { at: 3 } } });
    if (method === 'die') process.exit(3);
    if (method === 'throw') throw new Error('boom');
  });`;
const entry = new URL(`data:text/javascript,${encodeURIComponent(source)}`);

test('service thread: answers calls by their number, and starts once', async (t) => {
  const thread = createServiceThread('test', entry, 'options');

  const answers = await Promise.all([thread.call('echo', ['a']), thread.call('echo', ['b'])]);

  t.deepEqual(answers, [
    ['options', 1, 'a'],
    ['options', 2, 'b'],
  ]);
  await thread.close();
});

test('service thread: errors keep code, details and retryability', async (t) => {
  const thread = createServiceThread('test', entry, undefined);

  await t.throwsAsync(thread.call('fail', []), { code: 'DATA_LOSS', message: 'lost' });

  await thread.close();
});

for (const death of ['die', 'throw']) {
  test(`service thread: a thread that ends by '${death}' fails its open calls UNAVAILABLE, and the next call starts another`, async (t) => {
    const thread = createServiceThread('test', entry, undefined);

    await t.throwsAsync(thread.call(death, []), { code: 'UNAVAILABLE', message: /test thread died/ });

    t.deepEqual(await thread.call('echo', []), [undefined, 1]);
    await thread.close();
  });
}

test('service thread: arguments that cannot be cloned are refused', async (t) => {
  const thread = createServiceThread('test', entry, undefined);

  await t.throwsAsync(thread.call('echo', [() => 1]), { code: 'INVALID_ARGUMENT' });

  await thread.close();
});

test('service thread: closing ends open and later calls', async (t) => {
  const thread = createServiceThread('test', entry, undefined);
  const open = thread.call('never answered', []);

  await Promise.all([thread.close(), t.throwsAsync(open, { code: 'UNAVAILABLE', message: /closed/ })]);

  await thread.close();
  await t.throwsAsync(thread.call('echo', []), { code: 'UNAVAILABLE' });
});
