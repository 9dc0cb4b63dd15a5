import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import test from 'ava';
import { GodwitError } from '#core';
import { createKeyPair, createSigner, createVerifier } from './index.js';

/** An Ed25519 private key of 32 bytes as PKCS#8 PEM (RFC 8410). */
function pemOf(seed: string): string {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(seed, 'hex')]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ type: 'pkcs8', format: 'pem' }).toString();
}

test('ed25519: signs as RFC 8032 says', async (t) => {
  // §7.1, TEST 2 of the RFC.
  const signer = createSigner(pemOf('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'));

  const signature = await signer.sign(new Uint8Array([0x72]));

  t.is(
    Buffer.from(signature).toString('hex'),
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  );
});

test('ed25519: what a pair signed verifies with its public key, and with no other', async (t) => {
  const [mine, theirs] = [createKeyPair(), createKeyPair()];
  const bytes = new TextEncoder().encode('module');
  const signature = await createSigner(mine.privateKey).sign(bytes);
  const verifier = createVerifier([mine.publicKey, theirs.publicKey]);

  t.is(createSigner(mine.privateKey).key, mine.key);
  t.true(await verifier.verify(mine.key, bytes, signature));
  t.false(await verifier.verify(theirs.key, bytes, signature));
  t.false(await verifier.verify(mine.key, new TextEncoder().encode('modulf'), signature));
  t.false(await verifier.verify(mine.key, bytes, signature.slice(1)));
  t.deepEqual([verifier.trusts(mine.key), createVerifier([theirs.publicKey]).trusts(mine.key), createVerifier([]).trusts(mine.key)], [true, false, false]);
});

test('ed25519: refuses what is no key, a key of another kind, and a private key where a public one belongs, without repeating it', (t) => {
  const { privateKey } = createKeyPair();
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const wrongs: ReadonlyArray<readonly [() => unknown, RegExp]> = [
    [() => createSigner('a secret'), /^this is no private key in PEM: `godwit keygen` makes one/],
    [() => createVerifier(['a secret']), /^this is no public key in PEM/],
    [() => createSigner(rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()), /private key is rsa, not ed25519/],
    [() => createVerifier([rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString()]), /public key is rsa, not ed25519/],
    [() => createVerifier([privateKey]), /^this is a private key: give the public one/],
  ];

  for (const [attempt, message] of wrongs) {
    const error = t.throws(attempt, { instanceOf: GodwitError });
    t.is(error?.code, 'INVALID_ARGUMENT');
    t.regex(error?.message ?? '', message);
    t.notRegex(error?.message ?? '', /a secret|BEGIN/);
  }
});
