import type { Hash } from './digest.js';

/** A detached Ed25519 signature (RFC 8032), and which key made it. @public */
export interface Signature {
  /** The public key's id: SHA-256 of its SubjectPublicKeyInfo in DER. */
  readonly key: Hash;
  /** The 64 bytes of the signature as lower-case hex. */
  readonly value: string;
}

/** A private key of the platform. @public */
export interface Signer {
  /** Id of its public key, as in {@link Signature}. */
  readonly key: Hash;
  /** The 64 bytes of the signature: the same for the same bytes. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/** The public keys that a node trusts. @public */
export interface Verifier {
  trusts(key: Hash): boolean;
  /** Whether the holder of this key, which it trusts, signed exactly these bytes. */
  verify(key: Hash, bytes: Uint8Array, signature: Uint8Array): Promise<boolean>;
}
