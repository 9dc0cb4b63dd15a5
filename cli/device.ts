import { type Stats, unwatchFile, watchFile } from 'node:fs';
import { join, resolve } from 'node:path';
import { GodwitError, type Logger } from '#core';
import { type Device, moduleDirectory, startDevice } from '#device-node';
import { bundler } from '#toolchain';
import { type Application, loadApplication } from './application.js';
import { exitFailed, exitOk } from './exit.js';
import { keyAdvice, keyFrom } from './key.js';
import { commonOptions, commonUsage, defaultName, loggerFrom, parse } from './options.js';
import { say } from './print.js';
import { listenForStop, type Stop } from './stop.js';
import { createVision } from './vision.js';
import { watch } from './watch.js';

const usage = `godwit device [application.js] [options]

Runs a device: at once, whether an edge is there or not; edges are linked when they appear. The application is a module that exports
"main(device, { signal, logger })"; the command ends when it returns. Without one, telemetry and the edges' offers are logged.

  --name NAME        of its node (default device-<host name>)
  --edge URL         an edge, as http://host:port or https://host:port; may be repeated
  --modules DIR      what "godwit build" wrote; without it actors are bundled when they first move, unsigned
  --watch            gives actors that are away their new code whenever --modules DIR is built again (godwit build --watch)
  --no-control       opens no control socket: godwit top, offload and the like cannot ask this device
${commonUsage}

Examples:
  godwit device
  godwit device dist/main.js --name robot-1 --edge http://127.0.0.1:7443 --key-file shared.key --modules modules

SIGINT or SIGTERM aborts \`signal\` and ends the command in order, with exit code 0; a second one at once.`;

/** Time for an application to return once it was told to. */
const graceMs = 5000;

/** `godwit device`. @returns the exit code @throws {GodwitError} INVALID_ARGUMENT wrong options or no application */
export async function device(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse({
    args: [...args],
    allowPositionals: true,
    options: {
      ...commonOptions,
      edge: { type: 'string', multiple: true },
      modules: { type: 'string' },
      watch: { type: 'boolean', default: false },
      'no-control': { type: 'boolean', default: false },
    },
  });
  if (values.help) return say(usage);
  const [path, second] = positionals;
  if (second !== undefined) throw new GodwitError('INVALID_ARGUMENT', `one application at a time: '${second}' is too much`);
  if (values.watch && values.modules === undefined) throw new GodwitError('INVALID_ARGUMENT', '--watch watches what was built: name it with --modules DIR');
  const edges = values.edge ?? [];
  const logger = loggerFrom(values);
  const key = await keyFrom(values);
  if (edges.length > 0 && key === undefined) throw new GodwitError('INVALID_ARGUMENT', `no shared key, and a device never links without one: ${keyAdvice}`);
  const application: Application = path === undefined ? { main: watch, definitions: [] } : await loadApplication(path);
  const stop = listenForStop();
  const vision = createVision(logger);
  try {
    const running = await startDevice({
      name: values.name ?? defaultName('device'),
      edges,
      logger,
      modules: values.modules === undefined ? bundler() : moduleDirectory(values.modules),
      hostFunctions: vision.hostFunctions,
      definitions: application.definitions,
      openTelemetry: values.otel,
      control: !values['no-control'],
      ...(key === undefined ? {} : { key }),
      ...(values.data === undefined ? {} : { dataDir: values.data }),
    });
    logger.log('info', 'device.started', { node: running.name, edges, application: path ?? 'none: watching' });
    if (values.watch) renewing(running, values.modules as string, stop.signal, logger);
    try {
      return await runApplication(application, running, stop, running.logger);
    } finally {
      await running.close();
      logger.log('info', 'device.stopped', { node: running.name });
    }
  } finally {
    await vision.close();
  }
}

/** Milliseconds between two looks at what was built. */
const lookMs = 500;

/** A build writes its index last. It is looked at by name: the directory may not be there yet, and may be made anew. */
function renewing(device: Device, modules: string, signal: AbortSignal, logger: Logger): void {
  const folder = resolve(modules);
  const index = join(folder, 'index.json');
  const renew = async () => {
    try {
      const leases = await device.renew();
      logger.log('info', 'device.renewed', { actors: leases.map(({ actor }) => actor) });
    } catch (thrown) {
      const { code, message } = GodwitError.from(thrown);
      logger.log('warn', 'device.not-renewed', { code, reason: message });
    }
  };
  let renewed = Promise.resolve();
  const look = ({ nlink }: Stats) => {
    if (nlink > 0) renewed = renewed.then(renew);
    else logger.log('warn', 'device.no-modules', { modules: folder, reason: 'nothing is built there: waiting for `godwit build`' });
  };
  watchFile(index, { interval: lookMs, persistent: false }, look);
  signal.addEventListener('abort', () => unwatchFile(index, look), { once: true });
}

/** @returns the exit code: 1 if the application failed of itself */
async function runApplication({ main }: Application, running: Device, { signal, asked }: Stop, logger: Logger): Promise<number> {
  const ended = (async () => main(running, { signal, logger }))().then(
    () => undefined,
    (thrown: unknown) => GodwitError.from(thrown),
  );
  const late = asked.then(async (reason) => {
    logger.log('info', 'device.stopping', { node: running.name, reason });
    await new Promise((resolve) => setTimeout(resolve, graceMs).unref());
    return undefined;
  });
  const failure = await Promise.race([ended, late]);
  if (failure === undefined || signal.aborted) return exitOk;
  process.stderr.write(`godwit device: the application failed: ${failure.message}\n`);
  logger.log('debug', 'application.failed', { stack: failure.stack });
  return exitFailed;
}
