import test from 'ava';
import { GodwitError } from '../errors.js';
import { createLiar, createVictim, type Liar } from './liars.test-support.js';

const hash = 'a'.repeat(64);
const manifest = {
  definition: 'echo',
  version: 1,
  tier: 'native',
  program: hash,
  programBytes: 1,
  hostFunctions: [],
  models: {},
  needs: { memoryBytes: 0, models: [] },
  limits: {},
};
const store = { found: new Map<string, Uint8Array>(), write: async () => {} };
const register = { epoch: 2, owner: { name: 'liar', boot: 'b' }, leaseMs: 2000, move: 'm' };

/** What the node answered to the register of an actor that this peer handed it. */
async function handed(liar: Liar, actor: string, more: object = {}): Promise<string> {
  const before = liar.said.length;
  liar.control({ type: 'rehome', actor, term: 1, attempt: 'a', register, ...more });
  const answers = () => liar.said.slice(before).filter(({ type }) => type === 'rehomed' || type === 'rehome-refused');
  while (answers().length === 0) if (!(await liar.isHeard())) return 'closed';
  return JSON.stringify(answers()[0]);
}

test('liars: nobody hands over the register of another home, nor the register of an actor whose name the node does not keep', async (t) => {
  const { node, friend, lines, assertUntouched } = await createVictim(t, { store, keepsNameOf: (actor) => actor !== 'liar/e' });
  const liar = await createLiar(node);

  t.regex(await handed(liar, 'friend/e'), /PERMISSION_DENIED.*which friend keeps/);
  t.regex(await handed(liar, 'node/e'), /PERMISSION_DENIED.*which node keeps/);
  t.regex(await handed(liar, 'liar/e'), /FAILED_PRECONDITION.*keeps no shared name of liar\/e/);

  t.deepEqual(
    ['friend/e', 'node/e', 'liar/e'].map((actor) => node.homeOf(actor)),
    ['friend', 'node', 'liar'],
  );
  t.is(friend.homeOf('node/e'), 'node');
  t.deepEqual(
    lines.map(({ event, fields }) => `${event} ${String(fields.offence)}`),
    ['link.offence authority'],
  );
  await assertUntouched();
});

test('liars: a node without a disk is nobody’s home but its own', async (t) => {
  const { node } = await createVictim(t, { keepsNameOf: () => true });
  const liar = await createLiar(node);

  t.regex(await handed(liar, 'liar/e'), /FAILED_PRECONDITION.*keeps nothing beyond a crash/);
  t.is(node.homeOf('liar/e'), 'liar');
});

test('liars: a register whose base is something else is refused, and its home stays the home', async (t) => {
  const { node } = await createVictim(t, { store, keepsNameOf: () => true });
  const liar = await createLiar(node);
  const answer = handed(liar, 'liar/e', { register: { ...register, base: { hash, turns: 1 }, standby: register.owner } });
  while (!liar.said.some(({ type }) => type === 'base-wanted')) t.true(await liar.isHeard());
  liar.control({ type: 'base', hash, bytes: new Uint8Array([1]) });

  t.regex(await answer, /DATA_LOSS/);
  t.is(node.homeOf('liar/e'), 'liar');
});

test('liars: who is not the home cannot say who is, nor who did not spawn an actor where its register goes', async (t) => {
  const { node, lines, assertUntouched } = await createVictim(t, { store, keepsNameOf: () => true });
  const liar = await createLiar(node);
  for (const actor of ['friend/e', 'node/e']) {
    liar.control({ type: 'rehomed', actor, home: 'liar', term: 9 });
    liar.control({ type: 'rehome-wanted', actor, to: 'liar' });
    liar.control({ type: 'rehome-refused', actor, attempt: '', error: { code: 'ABORTED', message: 'a lie', retryable: true } });
  }
  t.true(await liar.isHeard());

  t.deepEqual([node.homeOf('friend/e'), node.homeOf('node/e')], ['friend', 'node']);
  t.deepEqual(
    lines.map(({ event, fields }) => `${event} ${String(fields.offence)}`),
    ['link.offence authority'],
  );
  await assertUntouched();
});

test('liars: a move that was not admitted teaches nothing of its home', async (t) => {
  const admit = () => {
    throw new GodwitError('PERMISSION_DENIED', 'no token');
  };
  const { node, friend, ref, assertUntouched } = await createVictim(t, { store, keepsNameOf: () => true, admit });
  const liar = await createLiar(node);
  const target = { name: 'node', boot: node.boot };
  liar.migration({ type: 'prepare', actor: 'friend/e', target, home: 'liar', manifest, blobs: [], expectedBytes: 1, timings: {} });
  while (!liar.said.some(({ type }) => type === 'migration')) t.true(await liar.isHeard());

  t.regex(JSON.stringify(liar.said), /no token/);
  t.is(node.homeOf('friend/e'), 'friend');
  t.is(friend.homeOf(ref.$address), 'node');
  await assertUntouched();
});
