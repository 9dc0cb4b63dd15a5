import { MessageChannel } from 'node:worker_threads';
import test from 'ava';
import { expose, wrap } from 'comlink';
import { GodwitError } from '#core';
import { keepErrorIdentity } from './control-errors.js';
import { splitPort } from './worker-port.js';

test('control errors: code, details, causes and stack cross Comlink, and other errors cross as they did', async (t) => {
  keepErrorIdentity();
  keepErrorIdentity();
  const { port1, port2 } = new MessageChannel();
  t.teardown(() => port1.close());
  const cause = new GodwitError('DATA_LOSS', 'below', { cause: new TypeError('at the bottom') });
  const thrown = new GodwitError('RESOURCE_EXHAUSTED', 'above', { cause, details: { maxBytes: 5n }, node: 'edge-1', retryable: false });
  const thrower = {
    ours() {
      throw thrown;
    },
    theirs() {
      throw new RangeError('plain');
    },
  };
  expose(
    thrower,
    splitPort(port2, () => undefined),
  );
  const remote = wrap<typeof thrower>(splitPort(port1, () => undefined));

  const ours = await t.throwsAsync<GodwitError>(async () => remote.ours());
  const theirs = await t.throwsAsync(async () => remote.theirs());

  t.true(GodwitError.is(ours));
  t.like(ours, { code: 'RESOURCE_EXHAUSTED', message: 'above', details: { maxBytes: 5n }, node: 'edge-1', retryable: false });
  t.regex(String(ours?.stack), /control-errors\.test/);
  t.like(ours?.cause, { code: 'DATA_LOSS', message: 'below' });
  t.like(ours?.cause, { cause: { message: 'at the bottom' } });
  t.like(theirs, { name: 'RangeError', message: 'plain' });
});
