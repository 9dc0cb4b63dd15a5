// Modules that arrive at a node which was told whom to trust, by a move and by a register: what is refused, and that nothing is fetched before.
import { createHash, generateKeyPairSync, sign, verify } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { Hash } from '../ports/digest.js';
import type { Manifest } from '../ports/module-source.js';
import type { Signer, Verifier } from '../ports/signer.js';
import { createLiar, createVictim } from './liars.test-support.js';
import { signManifest } from './signed-manifest.js';
import { sharedBlobs } from './wiring.test-support.js';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex') as Hash;

/** Ed25519 as a platform gives it. */
function createKeys(): { readonly signer: Signer; readonly verifier: Verifier } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const id = sha256(publicKey.export({ type: 'spki', format: 'der' }));
  return {
    signer: { key: id, sign: async (bytes) => sign(null, bytes, privateKey) },
    verifier: { trusts: (key) => key === id, verify: async (_key, bytes, signature) => verify(null, bytes, publicKey, signature) },
  };
}

const keys = createKeys();
const program = sha256(new Uint8Array([1]));
const plain: Manifest = {
  definition: 'map',
  version: 1,
  tier: 'script',
  program,
  programBytes: 1,
  hostFunctions: ['nn'],
  models: { faces: sha256(new Uint8Array([2])) },
  stateSchema: sha256(new Uint8Array([3])),
  needs: { memoryBytes: 1024, models: ['faces'] },
  limits: {},
};
const store = { found: new Map<string, Uint8Array>(), write: async () => {} };

/** A node that trusts one key, a peer with the right token, and what was fetched from it. */
async function trusting(t: ExecutionContext) {
  const fetched: Hash[] = [];
  const transfer = { ...sharedBlobs().transfer, obtain: async (_peer: string, hash: Hash) => void fetched.push(hash) as never };
  const { node } = await createVictim(t, { admit: () => ({ tier: 'script' }), verifier: keys.verifier, store, keepsNameOf: () => true, transfer });
  const peer = await createLiar(node, 'device');
  let moves = 0;
  return {
    fetched,
    /** The node's answer to the begin of a move: 'prepared', or why not. */
    async moved(manifest: object): Promise<string> {
      const move = `m${++moves}`;
      const target = { name: 'node', boot: node.boot };
      peer.migration({ type: 'prepare', move, actor: 'device/map', target, home: 'device', manifest, blobs: [program], expectedBytes: 1, timings: {} });
      const answers = () => peer.said.map(({ message }) => message as Record<string, unknown> | undefined).filter((message) => message?.move === move);
      while (answers().length === 0) t.true(await peer.isHeard());
      peer.migration({ type: 'cancel', move, actor: 'device/map', reason: { code: 'CANCELLED', message: 'enough', retryable: false } });
      const [answer] = answers();
      const { code, message } = (answer?.reason ?? {}) as { readonly code?: string; readonly message?: string };
      return answer?.type === 'prepared' ? 'prepared' : `${code} ${message}`;
    },
    /** The node's answer to the register of an actor with this module. */
    async handed(actor: string, manifest: object): Promise<string> {
      const register = { epoch: 2, owner: { name: 'device', boot: 'b' }, leaseMs: 2000, move: 'm' };
      peer.control({ type: 'rehome', actor, term: 1, attempt: 'a', register, manifest });
      const answers = () => peer.said.filter((said) => said.actor === actor && (said.type === 'rehomed' || said.type === 'rehome-refused'));
      while (answers().length === 0) t.true(await peer.isHeard());
      return JSON.stringify(answers()[0]);
    },
  };
}

test('signed modules: what a trusted key signed is let in, also with fields that this version does not know', async (t) => {
  const { moved } = await trusting(t);

  t.is(await moved(await signManifest(plain, keys.signer)), 'prepared');
  t.is(await moved(await signManifest({ ...plain, licence: 'ours' } as Manifest, keys.signer)), 'prepared');
});

test('signed modules: none, one by a stranger, and one that claims the name of a trusted key are refused, with what to do', async (t) => {
  const { moved, fetched } = await trusting(t);
  const stranger = createKeys().signer;

  t.regex(await moved(plain), /^UNAUTHENTICATED node node does not run the module of map v1: it is not signed: build it with `godwit build --key FILE`/);
  t.regex(await moved(await signManifest(plain, stranger)), new RegExp(`^UNAUTHENTICATED .* does not trust key ${stranger.key}, which signed it: give it`));
  t.regex(await moved(await signManifest(plain, { ...stranger, key: keys.signer.key })), /^UNAUTHENTICATED .* is not what key \w+ signed: .* build it again$/);
  t.deepEqual(fetched, []);
});

test('signed modules: a signature is one of this manifest and no other', async (t) => {
  const { moved, fetched } = await trusting(t);
  const { signature } = await signManifest(plain, keys.signer);
  const other = sha256(new Uint8Array([9]));
  const others: ReadonlyArray<Partial<Manifest> | { readonly licence: string }> = [
    { program: other },
    { programBytes: 2 },
    { version: 2 },
    { definition: 'navigation' },
    { hostFunctions: ['nn', 'image'] },
    { models: {} },
    { models: { faces: other } },
    { models: { eyes: plain.models.faces } },
    { stateSchema: other },
    { needs: { memoryBytes: 2048, models: ['faces'] } },
    { limits: { segmentMs: 5000 } },
    { licence: 'theirs' },
  ];

  for (const change of others) t.regex(await moved({ ...plain, ...change, signature }), /^UNAUTHENTICATED .* is not what key/, JSON.stringify(change));
  const { stateSchema: _schema, ...less } = plain;
  t.regex(await moved({ ...less, signature }), /^UNAUTHENTICATED .* is not what key/);
  // What two values would share one text for is no manifest.
  t.regex(await moved({ ...plain, when: new Date(0), signature }), /^INVALID_ARGUMENT .*Date at \$\.when/);
  t.deepEqual(fetched, []);
});

test('signed modules: no flipped bit of a signature passes', async (t) => {
  const { moved } = await trusting(t);
  const { signature } = await signManifest(plain, keys.signer);
  const value = signature?.value ?? '';

  await fc.assert(
    fc.asyncProperty(fc.nat({ max: value.length - 1 }), fc.integer({ min: 1, max: 15 }), async (at, flip) => {
      const digit = (Number.parseInt(value[at], 16) ^ flip).toString(16);
      const flipped = { key: keys.signer.key, value: value.slice(0, at) + digit + value.slice(at + 1) };
      t.regex(await moved({ ...plain, signature: flipped }), /^UNAUTHENTICATED/);
    }),
    { numRuns: 40 },
  );
});

test('signed modules: a register that comes with a module nobody trusted signed is refused, and its blobs are not fetched', async (t) => {
  const { handed, fetched } = await trusting(t);

  t.regex(await handed('device/one', plain), /rehome-refused.*UNAUTHENTICATED.*not signed/);
  t.deepEqual(fetched, []);
  t.regex(await handed('device/two', await signManifest(plain, keys.signer)), /"rehomed"/);
  t.deepEqual(fetched, [program, plain.models.faces]);
});
