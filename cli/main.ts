#!/usr/bin/env node
// The `godwit` command: finds the subcommand, and turns whatever it throws into one line and an exit code.
import { readFile } from 'node:fs/promises';
import { GodwitError } from '#core';
import { exitFailed, exitOk, exitUsage } from './exit.js';

const usage = `godwit <command> [options]

  edge      runs an edge host: takes actors of devices that present the shared key
  device    runs a device: links to edges and runs an application

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

async function run([command, ...args]: readonly string[]): Promise<number> {
  try {
    switch (command) {
      case 'edge':
        return await (await import('./edge.js')).edge(args);
      case 'device':
        return await (await import('./device.js')).device(args);
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
        throw new GodwitError('INVALID_ARGUMENT', `there is no command '${command}'; there are edge and device`);
    }
  } catch (thrown) {
    const error = GodwitError.from(thrown);
    process.stderr.write(`${command === 'edge' || command === 'device' ? `godwit ${command}` : 'godwit'}: ${error.message}\n`);
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
