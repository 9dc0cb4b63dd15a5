#!/usr/bin/env node
// The `godwit` command: finds the subcommand, and turns whatever it throws into one line and an exit code.
import { readFile } from 'node:fs/promises';
import { GodwitError } from '#core';
import { exitFailed, exitOk, exitUsage } from './exit.js';

/** Runs a subcommand. @returns the exit code */
type Command = (args: readonly string[]) => Promise<number>;

/** Loaded when it is asked for: a build needs no edge, an edge no bundler. */
const commands: Readonly<Record<string, { readonly summary: string; readonly load: () => Promise<Command> }>> = {
  keygen: { summary: 'makes a key pair that signs modules', load: async () => (await import('./keygen.js')).keygen },
  check: { summary: 'says what keeps sources from leaving their device', load: async () => (await import('./check.js')).check },
  build: { summary: 'bundles the actors that sources export into a directory, and signs them', load: async () => (await import('./build.js')).build },
  edge: { summary: 'runs an edge host: takes actors of devices that present the shared key', load: async () => (await import('./edge.js')).edge },
  device: { summary: 'runs a device: links to edges and runs an application', load: async () => (await import('./device.js')).device },
};
const names = Object.keys(commands);

const usage = `godwit <command> [options]

${names.map((name) => `  ${name.padEnd(9)} ${commands[name]?.summary}`).join('\n')}

  --version, --help; godwit <command> --help lists a command's options

Exit codes: ${exitOk} ended in order · ${exitFailed} failed · ${exitUsage} wrong options`;

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
    process.stderr.write(`${command === undefined ? 'godwit' : `godwit ${name}`}: ${error.message}\n`);
    return error.code === 'INVALID_ARGUMENT' ? exitUsage : exitFailed;
  }
}

function say(text: string): number {
  process.stdout.write(`${text}\n`);
  return exitOk;
}

async function version(): Promise<string> {
  const manifest = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as { readonly version: string };
  return manifest.version;
}
