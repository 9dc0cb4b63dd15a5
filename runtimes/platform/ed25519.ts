// Ed25519 (RFC 8032) by OpenSSL: keys as PEM, made by `godwit keygen` or `openssl genpkey -algorithm ed25519`.
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { GodwitError, type Hash, type Signer, type Verifier } from '#core';

/** A fresh key pair. */
export interface KeyPair {
  /** PKCS#8 PEM: whoever has it can sign in its owner's name. */
  readonly privateKey: string;
  /** SubjectPublicKeyInfo PEM. */
  readonly publicKey: string;
  /** Id of the public key, as in a manifest's signature. */
  readonly key: Hash;
}

/** A key pair of 256 bits from the system's randomness. */
export function createKeyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    key: idOf(publicKey),
  };
}

/** Signs with a private key. @param pem PKCS#8 @throws {GodwitError} INVALID_ARGUMENT it is none, or of another kind; its text is never in the message @public */
export function createSigner(pem: string): Signer {
  const privateKey = read('private', () => createPrivateKey(pem));
  return {
    key: idOf(createPublicKey(privateKey)),
    // The algorithm hashes by itself; it is deterministic.
    sign: async (bytes) => new Uint8Array(sign(null, bytes, privateKey)),
  };
}

/** Trusts public keys. @param pems one SubjectPublicKeyInfo each @throws {GodwitError} INVALID_ARGUMENT one is none, or of another kind */
export function createVerifier(pems: readonly string[]): Verifier {
  const trusted = new Map(pems.map((pem) => publicKeyFrom(pem)).map((publicKey) => [idOf(publicKey), publicKey]));
  return {
    trusts: (key) => trusted.has(key),
    async verify(key, bytes, signature) {
      const publicKey = trusted.get(key);
      return publicKey !== undefined && verify(null, bytes, publicKey, signature);
    },
  };
}

function publicKeyFrom(pem: string): KeyObject {
  // OpenSSL would take the public half out of it.
  if (pem.includes('PRIVATE KEY'))
    throw new GodwitError('INVALID_ARGUMENT', 'this is a private key: give the public one, and keep this where modules are signed');
  return read('public', () => createPublicKey(pem));
}

function read(half: 'private' | 'public', parse: () => KeyObject): KeyObject {
  let found: KeyObject;
  try {
    found = parse();
  } catch (thrown) {
    throw new GodwitError('INVALID_ARGUMENT', `this is no ${half} key in PEM: \`godwit keygen\` makes one (${GodwitError.from(thrown).message})`, {
      cause: thrown,
    });
  }
  if (found.asymmetricKeyType !== 'ed25519')
    throw new GodwitError('INVALID_ARGUMENT', `this ${half} key is ${found.asymmetricKeyType}, not ed25519: \`godwit keygen\` makes one`);
  return found;
}

function idOf(publicKey: KeyObject): Hash {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex') as Hash;
}
