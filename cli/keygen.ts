import { randomUUID } from 'node:crypto';
import { link, rename, rm, writeFile } from 'node:fs/promises';
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
  const secret = { file: privateKeyFile, pem: privateKey, mode: ownerOnly };
  const open = { file: publicKeyFile, pem: publicKey, mode: everybodyReads };
  // The old private key, which nothing brings back, is replaced last.
  await (values.force ? writeKeys([open, secret], rename) : writeKeys([secret, open], link));
  process.stdout.write(values.json ? `${JSON.stringify({ key, publicKey, publicKeyFile, privateKeyFile })}\n` : report(key, privateKeyFile, publicKeyFile));
  return exitOk;
}

function report(key: string, privateKeyFile: string, publicKeyFile: string): string {
  return `key          ${key}
private key  ${privateKeyFile}  keep it secret: godwit build --key ${privateKeyFile}
public key   ${publicKeyFile}  give it to edges: godwit edge --trust ${publicKeyFile}
`;
}

/** One half of a pair. */
interface Key {
  readonly file: string;
  readonly pem: string;
  readonly mode: number;
}

/**
 * Writes both halves beside their places, where a disk that is full shows, and then puts them there, in this order.
 * @param put `rename` replaces what is there; `link` does not, and then neither half stays
 */
async function writeKeys(keys: readonly Key[], put: typeof rename | typeof link): Promise<void> {
  const suffix = randomUUID();
  const drafts = keys.map((key) => ({ ...key, draft: `${key.file}.${suffix}` }));
  const linked: string[] = [];
  try {
    for (const { draft, pem, mode } of drafts) await writeFile(draft, pem, { mode, flag: 'wx', flush: true });
    for (const { draft, file } of drafts) {
      await put(draft, file);
      if (put === link) linked.push(file);
    }
  } catch (thrown) {
    await Promise.all(linked.map((file) => rm(file)));
    throw writeError(thrown);
  } finally {
    await Promise.all(drafts.map(({ draft }) => rm(draft, { force: true })));
  }
}

function writeError(thrown: unknown): GodwitError {
  const { code, message, dest } = thrown as NodeJS.ErrnoException & { readonly dest?: string };
  if (code === 'EEXIST' && dest !== undefined)
    return new GodwitError('ALREADY_EXISTS', `${dest} is there already: choose another --out, or replace it with --force`, { cause: thrown });
  return new GodwitError('FAILED_PRECONDITION', `cannot write the key: ${message}`, { cause: thrown });
}
