// What a signature of a manifest covers, and what a node makes of it. The program and the models are covered by their hashes.
import { canonicalJson } from '../codec/index.js';
import { GodwitError } from '../errors.js';
import type { Manifest, Tier } from '../ports/module-source.js';
import type { Signer, Verifier } from '../ports/signer.js';
import type { MigrationHost } from './migration-host.js';

/** Begins what is signed, so that a signature of a manifest is one of nothing else. */
const domain = 'godwit-manifest-1\n';
const hexDigits = 2;

/**
 * The manifest with a signature in place of the one it may have. What is signed is UTF-8 text: a line that says `godwit-manifest-1`, then
 * the canonical JSON (RFC 8785) of every field but the signature, also of those this version does not know.
 * @throws {GodwitError} INVALID_ARGUMENT it holds what JSON does not carry
 */
export async function signManifest(manifest: Manifest, signer: Signer): Promise<Manifest> {
  const bytes = await signer.sign(signedBytes(manifest));
  const value = Array.from(bytes, (byte) => byte.toString(16).padStart(hexDigits, '0')).join('');
  return { ...manifest, signature: { key: signer.key, value } };
}

/**
 * Checks that a module which this node is to run on `tier` was signed by somebody it trusts. What it runs natively is its own code.
 * @throws {GodwitError} UNAUTHENTICATED it is not signed, the node does not trust its signer, or it is not what was signed
 */
export async function checkModule({ id, options }: MigrationHost, actor: string, manifest: Manifest, tier: Tier): Promise<void> {
  const { verifier, logger } = options;
  if (verifier === undefined || tier === 'native') return;
  const { definition, version, signature } = manifest;
  const reason = await faultOf(manifest, verifier);
  if (reason === undefined) return;
  logger.log('warn', 'module.refused', { node: id.name, actor, definition, version, key: signature?.key, reason });
  throw new GodwitError('UNAUTHENTICATED', `node ${id.name} does not run the module of ${definition} v${version}: ${reason}`, { node: id.name });
}

async function faultOf(manifest: Manifest, verifier: Verifier): Promise<string | undefined> {
  const { signature } = manifest;
  if (signature === undefined) return 'it is not signed: build it with `godwit build --key FILE`, and give the node the public key of that file';
  const { key, value } = signature;
  if (!verifier.trusts(key)) return `the node does not trust key ${key}, which signed it: give it that public key, or sign with a key it trusts`;
  const bytes = Uint8Array.from({ length: value.length / hexDigits }, (_, n) => Number.parseInt(value.slice(n * hexDigits, (n + 1) * hexDigits), 16));
  if (await verifier.verify(key, signedBytes(manifest), bytes)) return undefined;
  return `its manifest is not what key ${key} signed: it was changed on the way, or the signature is another module's; build it again`;
}

function signedBytes({ signature: _signature, ...signed }: Manifest): Uint8Array {
  return new TextEncoder().encode(domain + canonicalJson(signed));
}
