import test from 'ava';
import { encode } from '../codec/index.js';
import { createLiar, createVictim, Echo, type Liar } from './liars.test-support.js';
import { outgoingRefs } from './refs.js';
import { createGate, linked, makeNode } from './regressions.test-support.js';
import { sha256 } from './wiring.test-support.js';

const hash = 'a'.repeat(64);
const reason = { code: 'ABORTED', message: 'a lie', retryable: true };
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
const base = { hash, turns: 1 };

/** The last message of a move that the node sent this peer. */
function lastOf(liar: Liar): { readonly type: string; readonly [field: string]: unknown } | undefined {
  const said = liar.said.filter(({ type }) => type === 'migration').at(-1);
  return said?.message as ReturnType<typeof lastOf>;
}

test('liars: who is no party to a move cannot end it, hurry it, or decide it', async (t) => {
  const gate = createGate();
  const asked = createGate();
  const { node, shared, lines, own } = await createVictim(t);
  const edge = makeNode(t, 'edge', shared, {
    definitions: [Echo],
    admit: async () => {
      asked.open();
      await gate.opened;
      return { tier: 'native' };
    },
  });
  await linked(node, edge);
  const liar = await createLiar(node);
  const other = { name: 'liar', boot: 'b' };
  const moved = node.move('node/e', { to: 'edge' });
  await asked.opened;
  const move = `${node.boot}-1`;
  const register = { epoch: 9, owner: other, leaseMs: 2000, move };
  for (const message of [
    { type: 'prepared', missing: [hash] },
    { type: 'warmed' },
    { type: 'ready', hash },
    { type: 'refused', reason },
    { type: 'running', epoch: 2 },
    { type: 'decided', won: true, register, askedAtMs: 0 },
    { type: 'registered', register },
    { type: 'grant', owner: other, leaseMs: 2000, epoch: 2 },
    { type: 'propose', proposal: { move, expect: { owner: other, epoch: 1 }, next: { owner: other, base, standby: other } }, askedAtMs: 0 },
    { type: 'stable', base, standby: other },
  ]) {
    liar.migration({ move, ...message });
  }
  t.true(await liar.isHeard());
  gate.open();
  const report = await moved;
  t.is(report.to.node, 'edge');
  t.is(report.stateHash.before, report.stateHash.after);
  t.is(await own.say('there'), 'there');
  t.is(node.where('node/e')?.node, 'edge');
  t.deepEqual(lines.map(({ event, fields }) => `${event} ${String(fields.offence)}`).sort(), ['link.offence authority', 'link.offence control']);
});

test('liars: the home of a move grants and decides nothing that its address does not make it the home of', async (t) => {
  const { node, lines } = await createVictim(t);
  const liar = await createLiar(node);
  const target = { name: 'node', boot: node.boot };
  const prepare = { type: 'prepare', target, home: 'liar', manifest, blobs: [], expectedBytes: 1, timings: {} };
  liar.migration({ ...prepare, actor: 'victim/e' });
  t.true(await liar.isHeard());
  t.regex(String(lines[0].fields.reason), /'prepare' of victim\/e by node liar refused: it names liar as home/);
  t.like(lastOf(liar), { type: 'refused', move: 'm' });
  // Of a hand-over that this node may not have heard of.
  liar.migration({ ...prepare, actor: 'victim/e', term: 3 });
  t.true(await liar.isHeard());
  t.regex(JSON.stringify(lastOf(liar)), /ABORTED.*takes liar for the home of victim\/e \(term 3\), node takes victim/);
  // It runs here: nobody has it to bring.
  liar.migration({ ...prepare, home: 'node', actor: 'node/e' });
  t.true(await liar.isHeard());
  t.like(lastOf(liar), { type: 'refused', move: 'm' });
  t.regex(JSON.stringify(lastOf(liar)), /PERMISSION_DENIED.*wants to move node\/e home at epoch 1, which is owned by nobody away from here/);
  liar.migration({ ...prepare, home: 'liar', actor: 'liar/e', target: { name: 'node', boot: 'former' } });
  t.true(await liar.isHeard());
  t.regex(JSON.stringify(lastOf(liar)), /FAILED_PRECONDITION.*of boot former/);
  t.is(lines.length, 1);
});

test('liars: a capture whose hash does not match is refused, and nothing of it stays', async (t) => {
  const { node, assertUntouched } = await createVictim(t);
  const liar = await createLiar(node);
  const warmed = createGate();
  const target = { name: 'node', boot: node.boot };
  liar.migration({ type: 'prepare', actor: 'liar/e', target, home: 'liar', manifest, blobs: [], expectedBytes: 1, timings: {} });
  while (lastOf(liar)?.type !== 'warmed') t.true(await liar.isHeard());
  warmed.open();
  const bytes = encode({ no: 'capture' }, outgoingRefs);
  liar.migration({ type: 'capture', actor: 'liar/e', capture: { hash, turns: 1, sizeBytes: bytes.length }, bytes });
  while (lastOf(liar)?.type !== 'refused') t.true(await liar.isHeard());
  t.regex(JSON.stringify(lastOf(liar)), new RegExp(`DATA_LOSS.*hashes to ${await sha256.sha256(bytes)}, announced as ${hash}`));
  t.deepEqual(
    node.actors().map(({ address }) => address),
    ['node/e'],
  );
  await assertUntouched();
});

test('liars: a target that claims another hash, asks for blobs that are none of the move’s, or never was asked leaves the actor at its source', async (t) => {
  const { node, lines, assertUntouched } = await createVictim(t);
  const liar = await createLiar(node);
  const moved = t.throwsAsync(node.move('node/e', { to: 'liar' }));
  while (lastOf(liar)?.type !== 'prepare') t.true(await liar.isHeard());
  const { move } = lastOf(liar) as unknown as { readonly move: string };
  liar.migration({ type: 'prepared', move, missing: ['b'.repeat(64)] });
  t.true(await liar.isHeard());
  t.regex(String(lines[0].fields.reason), /move .* needs no blob b{64}/);
  liar.migration({ type: 'warmed', move });
  while (lastOf(liar)?.type !== 'capture') t.true(await liar.isHeard());
  liar.migration({ type: 'ready', move, hash });
  t.regex((await moved)?.message ?? '', /node liar restored a{64} of node\/e instead of capture/);
  t.is(node.where('node/e')?.node, 'node');
  await assertUntouched();
});

test('liars: a lease that would begin in the future, or last for ever, is not believed', async (t) => {
  const { node, lines } = await createVictim(t);
  const liar = await createLiar(node);
  const owner = { name: 'node', boot: node.boot };
  for (const lease of [
    { askedAtMs: 1e12, leaseMs: 2000 },
    { askedAtMs: Number.NaN, leaseMs: 2000 },
    { leaseMs: Number.POSITIVE_INFINITY },
    { leaseMs: Number.NaN },
    { leaseMs: -1 },
  ])
    liar.migration({ type: 'grant', actor: 'liar/e', owner, ...lease });
  const expect = { owner: { name: 'liar', boot: 'b' }, epoch: 1 };
  liar.migration({ type: 'propose', actor: 'node/e', proposal: { move: 'another', expect, next: { owner } }, askedAtMs: 0 });
  t.true(await liar.isHeard());
  t.is(lines.length, 1);
  t.regex(String(lines[0].fields.reason), /'grant' of liar\/e by node liar refused: it answers a question of 1000000000000 ms/);
});
