import { readFile } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import { GodwitError, type Signer } from '#core';
import { createSigner } from '#runtimes/platform';
import { type BuildReport, build as buildModules } from '#toolchain';
import { exitFailed, exitOk } from './exit.js';
import { follow } from './follow.js';
import { parse } from './options.js';
import { printableCode, say, table } from './print.js';
import { listenForStop } from './stop.js';

/** Milliseconds after which a person wants to see that it goes on. */
const quietMs = 1000;

const usage = `godwit build SOURCE... --out DIR [--key FILE] [--watch] [--json]

Bundles every actor that these files export, TypeScript or JavaScript, into a directory: one manifest a definition and version, and the
blobs it names. A device takes it with "godwit device --modules DIR" or startDevice({ modules: moduleDirectory(DIR) }). The same sources and
key give the same bytes, on every machine. Source maps lie in DIR/maps and are never sent.

  --out DIR          a new directory, or one that a build wrote before
  --key FILE         private key that signs the manifests (godwit keygen makes one); edges that were given --trust refuse unsigned modules
  --watch            builds again whenever a file beside a source changes, until SIGINT or SIGTERM; a fault is told and waited out
  --json             one JSON object a build: out, signedBy, modules with their sizes in bytes
  --help             this text

Examples:
  godwit build src/actors.ts --out modules
  godwit build src/map.ts src/vision.ts --out modules --key godwit.key --json
  godwit build src/actors.ts --out modules --watch`;

/** `godwit build`. @returns the exit code 1 if a source has a fault @throws {GodwitError} INVALID_ARGUMENT wrong options */
export async function build(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse({
    args: [...args],
    allowPositionals: true,
    options: {
      out: { type: 'string' },
      key: { type: 'string' },
      watch: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return say(usage);
  const { out } = values;
  if (positionals.length === 0)
    throw new GodwitError('INVALID_ARGUMENT', 'name the files that export your actors, e.g. `godwit build src/actors.ts --out modules`');
  if (out === undefined) throw new GodwitError('INVALID_ARGUMENT', 'say where to build with --out DIR');
  const signer = values.key === undefined ? undefined : await signerFrom(values.key);
  const make = () => buildOnce(positionals, out, signer, values.json);
  if (!values.watch) return make();
  const { signal } = listenForStop();
  await make();
  const modules = resolve(out) + sep;
  await follow({
    folders: [...new Set(positionals.map((source) => dirname(resolve(source))))],
    concerns: (path) => !path.startsWith(modules) && !path.includes(`${sep}node_modules${sep}`),
    act: async () => void (await make()),
    signal,
  });
  return exitOk;
}

async function buildOnce(sources: readonly string[], out: string, signer: Signer | undefined, json: boolean): Promise<number> {
  let modules: readonly BuildReport[];
  try {
    modules = await buildModules({ sources, out, progress: progressOf(sources.length), ...(signer === undefined ? {} : { signer }) });
  } catch (thrown) {
    // A fault of a source is none of the command line.
    process.stderr.write(`godwit build: ${printableCode(GodwitError.from(thrown).message)}\n`);
    return exitFailed;
  }
  process.stdout.write(json ? `${JSON.stringify({ out, signedBy: signer?.key ?? null, modules })}\n` : report(out, modules, signer));
  return exitOk;
}

async function signerFrom(file: string): Promise<Signer> {
  try {
    return createSigner(await readFile(file, 'utf8'));
  } catch (thrown) {
    throw new GodwitError('INVALID_ARGUMENT', `--key ${file}: ${GodwitError.from(thrown).message}`, { cause: thrown });
  }
}

function progressOf(sources: number): (source: string, done: number) => void {
  const startedAt = performance.now();
  return (source, done) => {
    if (performance.now() - startedAt > quietMs) process.stderr.write(`godwit build: ${done + 1} of ${sources}: ${source}\n`);
  };
}

function report(out: string, modules: readonly BuildReport[], signer: Signer | undefined): string {
  const rows = [
    ['module', 'program', 'models', 'source'],
    ...modules.map(({ definition, version, programBytes, modelBytes, source }) => [
      `${definition} v${version}`,
      `${programBytes} B`,
      modelBytes === 0 ? '-' : `${modelBytes} B`,
      source,
    ]),
  ];
  const signed = signer === undefined ? 'not signed: edges that were given --trust refuse it' : `signed by key ${signer.key}`;
  return `${table(rows, [1, 2]).join('\n')}\n\n${out}: ${signed}\n`;
}
