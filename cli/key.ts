import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { GodwitError } from '#core';

/** Where a shared key may come from. */
export interface KeyOptions {
  readonly key?: string | undefined;
  readonly 'key-file'?: string | undefined;
}

/** Printable ASCII without spaces, as a header carries it; shorter ones can be guessed. */
const keyForm = /^[\x21-\x7e]{16,}$/;
const keyBytes = 32;

/** How to make a key. */
export const keyAdvice = 'make one with `openssl rand -hex 32` and give it to edge and devices as GODWIT_KEY, --key-file FILE or --key KEY';

/**
 * The shared key: of --key, else of --key-file, else of GODWIT_KEY; undefined if none was given.
 * @throws {GodwitError} INVALID_ARGUMENT it is too short or malformed, or the file cannot be read; the key itself is never in the message
 */
export async function keyFrom(options: KeyOptions): Promise<string | undefined> {
  const { key, 'key-file': file } = options;
  if (key !== undefined && file !== undefined) throw new GodwitError('INVALID_ARGUMENT', 'give --key or --key-file, not both');
  if (key !== undefined) return checked(key, '--key');
  if (file !== undefined) return checked(await readKey(file), `key file ${file}`);
  const inherited = process.env.GODWIT_KEY;
  return inherited === undefined || inherited === '' ? undefined : checked(inherited, 'GODWIT_KEY');
}

/** A fresh key of 256 random bits, for one run. */
export function makeKey(): string {
  return randomBytes(keyBytes).toString('hex');
}

async function readKey(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (thrown) {
    throw new GodwitError('INVALID_ARGUMENT', `cannot read the key file ${file}: ${GodwitError.from(thrown).message}`, { cause: thrown });
  }
}

function checked(key: string, from: string): string {
  if (!keyForm.test(key))
    throw new GodwitError('INVALID_ARGUMENT', `the shared key of ${from} must be at least 16 printable ASCII characters without spaces: ${keyAdvice}`);
  return key;
}
