import { readFile } from 'node:fs/promises';
import { GodwitError } from '#core';
import { type Edge, type EdgeOptions, speedProbe, startEdge } from '#edge-node';
import { createVerifier } from '#runtimes/platform';
import { bundler } from '#toolchain';
import { exitOk } from './exit.js';
import { keyAdvice, keyFrom, makeKey } from './key.js';
import { commonOptions, commonUsage, defaultName, integer, loggerFrom, parse } from './options.js';
import { say } from './print.js';
import { listenForStop } from './stop.js';
import { createVision } from './vision.js';

const defaultPort = '7443';
const maxPort = 65_535;
const maxActors = 100_000;

const usage = `godwit edge [options]

Runs an edge host: devices that present the shared key move actors here. Actors run in a sandbox (QuickJS in Wasm).

  --name NAME        of its node (default edge-<host name>)
  --host ADDRESS     to listen on (default 127.0.0.1: this machine alone)
  --port PORT        default ${defaultPort}; 0 takes a free one
  --url URL          where devices reach it, if not under host and port
  --tls-cert FILE, --tls-key FILE
                     PEM; without them the port speaks in the clear
  --trust FILE       public key (PEM) of somebody whose modules may run here; may be repeated. Without it modules run whoever made them
  --max-actors N     offloaded actors at a time (default 64)
${commonUsage}

Examples:
  godwit edge --name edge-1 --key-file shared.key --trust godwit.key.pub
  godwit edge --host 0.0.0.0 --tls-cert edge.crt --tls-key edge.pem --url https://edge.local:7443 --data /var/lib/godwit

Its services answer gRPC and Connect, /metrics answers Prometheus; /healthz needs no key:
  curl -H "authorization: Bearer $GODWIT_KEY" -H 'content-type: application/json' -d '{}' \\
    http://127.0.0.1:${defaultPort}/godwit.control.v1.OffloadManager/ListHosts

SIGINT or SIGTERM ends it in order, with exit code 0; a second one at once.`;

/** `godwit edge`. @returns the exit code @throws {GodwitError} INVALID_ARGUMENT wrong options · ALREADY_EXISTS the port is in use */
export async function edge(args: readonly string[]): Promise<number> {
  const { values } = parse({
    args: [...args],
    options: {
      ...commonOptions,
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: defaultPort },
      url: { type: 'string' },
      'tls-cert': { type: 'string' },
      'tls-key': { type: 'string' },
      'max-actors': { type: 'string' },
      trust: { type: 'string', multiple: true },
    },
  });
  if (values.help) return say(usage);
  const logger = loggerFrom(values);
  const port = integer('--port', values.port, 0, maxPort);
  const limits = values['max-actors'] === undefined ? {} : { limits: { instances: integer('--max-actors', values['max-actors'], 1, maxActors) } };
  const tls = await tlsFrom(values['tls-cert'], values['tls-key']);
  const trust = values.trust === undefined ? undefined : await Promise.all(values.trust.map(publicKeyFrom));
  const key = (await keyFrom(values)) ?? keyForThisRun();
  const stop = listenForStop();
  const vision = createVision(logger);
  try {
    const running = await startEdge({
      name: values.name ?? defaultName('edge'),
      host: values.host,
      port,
      key,
      logger,
      hostFunctions: vision.hostFunctions,
      models: vision.models,
      modules: bundler([speedProbe]),
      openTelemetry: values.otel,
      ...limits,
      ...(trust === undefined ? {} : { trust }),
      ...(values.url === undefined ? {} : { url: values.url }),
      ...(tls === undefined ? {} : { tls }),
      ...(values.data === undefined ? {} : { dataDir: values.data }),
    });
    if (tls === undefined && !isLoopback(values.host)) {
      logger.log('warn', 'edge.unencrypted', { node: running.node.name, reason: 'key and traffic can be read on the way: give --tls-cert and --tls-key' });
    }
    return await serve(running, stop, logger);
  } finally {
    await vision.close();
  }
}

async function serve(running: Edge, stop: ReturnType<typeof listenForStop>, logger: ReturnType<typeof loggerFrom>): Promise<number> {
  const { name } = running.node;
  const reason = await stop.asked;
  logger.log('info', 'edge.stopping', { node: name, reason });
  await running.close();
  logger.log('info', 'edge.stopped', { node: name });
  return exitOk;
}

/** Where a person watches, a key is made and shown once; a service must be given one, or its key would end in a log. */
function keyForThisRun(): string {
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new GodwitError('INVALID_ARGUMENT', `no shared key, and an edge never runs without one: ${keyAdvice}`);
  const key = makeKey();
  process.stderr.write(`No shared key was given, so one was made for this run. Start devices with:\n\n  export GODWIT_KEY=${key}\n\n`);
  return key;
}

async function tlsFrom(certFile: string | undefined, keyFile: string | undefined): Promise<EdgeOptions['tls']> {
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) throw new GodwitError('INVALID_ARGUMENT', '--tls-cert and --tls-key belong together');
  return { cert: await readPem('--tls-cert', certFile), key: await readPem('--tls-key', keyFile) };
}

/** Told with the file's name here, where it is known. */
async function publicKeyFrom(file: string): Promise<string> {
  const pem = (await readPem('--trust', file)).toString();
  try {
    createVerifier([pem]);
  } catch (thrown) {
    throw new GodwitError('INVALID_ARGUMENT', `--trust ${file}: ${GodwitError.from(thrown).message}`, { cause: thrown });
  }
  return pem;
}

async function readPem(option: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (thrown) {
    throw new GodwitError('INVALID_ARGUMENT', `${option}: ${GodwitError.from(thrown).message}`, { cause: thrown });
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
