#!/usr/bin/env node
// The `godwit` command: finds the subcommand, and turns whatever it throws into one line and an exit code.
import { readFile } from 'node:fs/promises';
import { GodwitError } from '#core';
import { exitCodes, exitFailed, exitFor, exitUsage } from './exit.js';
import { printable, say } from './print.js';

/** Runs a subcommand. @returns the exit code */
type Command = (args: readonly string[]) => Promise<number>;

interface Entry {
  readonly summary: string;
  /** True if it asks a running device or edge: then the exit code tells a refusal from silence. */
  readonly asks?: true;
  readonly load: () => Promise<Command>;
}

/** Loaded when it is asked for: a build needs no edge, an edge no bundler. */
const commands: Readonly<Record<string, Entry>> = {
  init: { summary: 'makes a project: an actor, an elastic function, a test, all of it ready to run', load: async () => (await import('./init.js')).init },
  doctor: { summary: 'says what is missing here, and what to do about it', load: async () => (await import('./doctor.js')).doctor },
  keygen: { summary: 'makes a key pair that signs modules', load: async () => (await import('./keygen.js')).keygen },
  check: { summary: 'says what keeps sources from leaving their device', load: async () => (await import('./check.js')).check },
  build: { summary: 'bundles the actors that sources export into a directory, and signs them', load: async () => (await import('./build.js')).build },
  edge: { summary: 'runs an edge host: takes actors of devices that present the shared key', load: async () => (await import('./edge.js')).edge },
  device: { summary: 'runs a device: links to edges and runs an application', load: async () => (await import('./device.js')).device },
  top: { summary: 'shows the actors of a running device or edge, once a second', asks: true, load: async () => (await import('./top.js')).top },
  inspect: { summary: 'looks into one actor: its state, its streams, its module', asks: true, load: async () => (await import('./inspect.js')).inspect },
  trace: { summary: 'writes what happens on a running device or edge', asks: true, load: async () => (await import('./trace.js')).trace },
  offers: { summary: 'asks what edges would offer for an actor of a running device', asks: true, load: async () => (await import('./offers.js')).offers },
  offload: { summary: 'moves an actor of a running device to an edge', asks: true, load: async () => (await import('./offload.js')).offload },
  recall: { summary: 'gets an actor back to its device', asks: true, load: async () => (await import('./recall.js')).recall },
};
const names = Object.keys(commands);

const usage = `godwit <command> [options]

${names.map((name) => `  ${name.padEnd(9)} ${commands[name]?.summary}`).join('\n')}

  --version, --help; godwit <command> --help lists a command's options

Exit codes: ${exitCodes.map(([code, meaning]) => `${code} ${meaning}`).join(' · ')}`;

/** How long what an application left open may keep the process. */
const lingerMs = 2000;
const atWorkMs = 60_000;

// `| head` closes the pipe: then there is nobody to tell.
process.stdout.on('error', () => process.exit(exitFailed));
// A command that waits for nothing but threads that do not hold the process is still at work.
const atWork = setInterval(() => {}, atWorkMs);
process.exitCode = await run(process.argv.slice(2));
clearInterval(atWork);
setTimeout(() => process.exit(), lingerMs).unref();

async function run([name, ...args]: readonly string[]): Promise<number> {
  const command = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
  try {
    if (command !== undefined) return await (await command.load())(args);
    switch (name) {
      case '--version':
      case '-v':
        return say(await version());
      case '--help':
      case '-h':
      case 'help':
        return say(usage);
      case undefined:
        process.stderr.write(`${usage}\n`);
        return exitUsage;
      default:
        throw new GodwitError('INVALID_ARGUMENT', `there is no command '${name}'; there are ${names.slice(0, -1).join(', ')} and ${names.at(-1)}`);
    }
  } catch (thrown) {
    const error = GodwitError.from(thrown);
    process.stderr.write(`${command === undefined ? 'godwit' : `godwit ${name}`}: ${printable(error.message)}\n`);
    return exitFor(error, command?.asks === true);
  }
}

async function version(): Promise<string> {
  const manifest = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as { readonly version: string };
  return manifest.version;
}
