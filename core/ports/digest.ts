/** SHA-256 as lower-case hex, 64 characters: the address of a blob. */
export type Hash = string & { readonly __brand: 'hash' };

/** Cryptographic digest of the platform. */
export interface Digest {
  sha256(bytes: Uint8Array): Promise<Hash>;
}
