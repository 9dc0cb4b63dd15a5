import { rename, rm, writeFile } from 'node:fs/promises';
import { GodwitError } from '#core';
import { createKeyPair } from '#runtimes/platform';
import { exitOk } from './exit.js';
import { parse } from './options.js';
import { say } from './print.js';

const defaultOut = 'godwit.key';
const ownerOnly = 0o600;
const everybodyReads = 0o644;

const usage = `godwit keygen [--out FILE] [--force] [--json]

Makes an Ed25519 key pair. Keep the private key where modules are built; give the public one to the edges that shall run them.

  --out FILE         private key, as PEM that only its owner can read (default ${defaultOut}); the public key goes to FILE.pub
  --force            replaces files that are there: what the old key signed is worth nothing where only the new one is trusted
  --json             one JSON object: key, publicKey, publicKeyFile, privateKeyFile
  --help             this text

Examples:
  godwit keygen
  godwit keygen --out keys/release.key --json
  godwit build src/actors.ts --out modules --key ${defaultOut}
  godwit edge --trust ${defaultOut}.pub`;

/** `godwit keygen`. @returns the exit code @throws {GodwitError} INVALID_ARGUMENT wrong options · ALREADY_EXISTS a file is there · FAILED_PRECONDITION it cannot be written */
export async function keygen(args: readonly string[]): Promise<number> {
  const { values } = parse({
    args: [...args],
    options: {
      out: { type: 'string', default: defaultOut },
      force: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return say(usage);
  const { key, privateKey, publicKey } = createKeyPair();
  const privateKeyFile = values.out;
  const publicKeyFile = `${privateKeyFile}.pub`;
  await writeKey(privateKeyFile, privateKey, ownerOnly, values.force);
  try {
    await writeKey(publicKeyFile, publicKey, everybodyReads, values.force);
  } catch (thrown) {
    // Half a pair is of no use, and the next try would stumble over it.
    if (!values.force) await rm(privateKeyFile);
    throw thrown;
  }
  process.stdout.write(values.json ? `${JSON.stringify({ key, publicKey, publicKeyFile, privateKeyFile })}\n` : report(key, privateKeyFile, publicKeyFile));
  return exitOk;
}

function report(key: string, privateKeyFile: string, publicKeyFile: string): string {
  return `key          ${key}
private key  ${privateKeyFile}  keep it secret: godwit build --key ${privateKeyFile}
public key   ${publicKeyFile}  give it to edges: godwit edge --trust ${publicKeyFile}
`;
}

/** A file that is there stays, unless `force`; then it is replaced as a whole, with its mode. */
async function writeKey(file: string, pem: string, mode: number, force: boolean): Promise<void> {
  const fresh = force ? `${file}.${process.pid}` : file;
  try {
    await writeFile(fresh, pem, { mode, flag: 'wx' });
    if (force) await rename(fresh, file);
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    if (code === 'EEXIST')
      throw new GodwitError('ALREADY_EXISTS', `${fresh} is there already: choose another --out, or replace it with --force`, { cause: thrown });
    throw new GodwitError('FAILED_PRECONDITION', `cannot write the key: ${message}`, { cause: thrown });
  }
}
