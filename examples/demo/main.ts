// `npm run demo`: see usage in options.ts and docs/demo.md.
import { GodwitError } from '#core';
import { type DemoOptions, parseOptions, usage } from './options.js';
import { runDemo } from './run.js';
import { isPhotoFault } from './scenario.js';
import { summaryOf } from './summary.js';
import { createLiveView, createPlainView, type View } from './view.js';

const exitFailed = 1;
const exitUsage = 2;
/** As shells count: 128 and the number of the signal. */
const exitInterrupted = 130;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  let options: DemoOptions;
  try {
    options = parseOptions(args);
  } catch (thrown) {
    return fail(`${GodwitError.from(thrown).message}; --help lists the options`, exitUsage);
  }
  if (options.help) {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  return play(options);
}

async function play(options: DemoOptions): Promise<number> {
  const interrupted = new AbortController();
  const interrupt = () => (interrupted.signal.aborted ? process.exit(exitInterrupted) : interrupted.abort());
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  const out = options.json ? process.stderr : process.stdout;
  // `| head` closes the pipe: then there is nobody to tell.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => process.exit(exitFailed));
  const view: View = out.isTTY ? createLiveView(out) : createPlainView(out);
  try {
    const report = await runDemo(options, view, interrupted.signal);
    view.end();
    for (const line of summaryOf(report)) view.say(line);
    if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
    return report.ok ? 0 : exitFailed;
  } catch (thrown) {
    view.end();
    if (interrupted.signal.aborted) return fail('interrupted', exitInterrupted);
    const error = GodwitError.from(thrown);
    return fail(error.message, isBadInput(error, options) ? exitUsage : exitFailed);
  } finally {
    view.end();
  }
}

/** The images are the only input that is found bad after the options were read. */
function isBadInput(error: GodwitError, { images }: DemoOptions): boolean {
  return isPhotoFault(error) || (images !== undefined && (error.code === 'NOT_FOUND' || error.code === 'INVALID_ARGUMENT'));
}

function fail(message: string, exitCode: number): number {
  process.stderr.write(`demo: ${message}\n`);
  return exitCode;
}
