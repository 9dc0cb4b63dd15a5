// What the options of all commands have in common.
import { hostname } from 'node:os';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { GodwitError, type Logger, type LogLevel } from '#core';
import { createLineLogger } from '#runtimes/platform';

/** Options that every command takes. */
export const commonOptions = {
  name: { type: 'string' },
  key: { type: 'string' },
  'key-file': { type: 'string' },
  data: { type: 'string' },
  json: { type: 'boolean', default: false },
  otel: { type: 'boolean', default: false },
  'log-level': { type: 'string', default: 'info' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** What is said of them in `--help`. */
export const commonUsage = `  --key-file FILE    file with the shared key
  --key KEY          the shared key itself; others on this machine can see it, so better:
  GODWIT_KEY         the shared key in the environment
  --data DIR         what the node keeps beyond a crash, on a local disk; made if its parent is there. Without it: nothing
  --json             logs as one JSON object a line
  --otel             spans, metrics and trace ids in logs through @opentelemetry/api, to the SDK that the process was started with:
                     NODE_OPTIONS='--import ./otel.js'
  --log-level LEVEL  debug, info (default), warn or error
  --help             this text`;

const logLevels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
/** What a node's name may not have. */
const strangeInNames = /[^A-Za-z0-9._-]+/g;

/** Parses arguments strictly. @throws {GodwitError} INVALID_ARGUMENT naming the argument */
export function parse<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (thrown) {
    throw new GodwitError('INVALID_ARGUMENT', `${firstSentence(GodwitError.from(thrown).message)}; --help lists the options`, { cause: thrown });
  }
}

/** The one argument that a command takes. @throws {GodwitError} INVALID_ARGUMENT none or several */
export function one(positionals: readonly string[], what: string, example: string): string {
  const [first, second] = positionals;
  if (first === undefined) throw new GodwitError('INVALID_ARGUMENT', `name the ${what}, e.g. \`${example}\``);
  if (second !== undefined) throw new GodwitError('INVALID_ARGUMENT', `one ${what} at a time: '${second}' is too much`);
  return first;
}

/** A logger to standard output. @throws {GodwitError} INVALID_ARGUMENT unknown level */
export function loggerFrom(options: { readonly json: boolean; readonly 'log-level': string }): Logger {
  const level = logLevels.find((known) => known === options['log-level']);
  if (level === undefined) throw new GodwitError('INVALID_ARGUMENT', `--log-level must be one of ${logLevels.join(', ')}, not '${options['log-level']}'`);
  return createLineLogger({ format: options.json ? 'json' : 'text', level, write: (line) => void process.stdout.write(`${line}\n`) });
}

/** An integer option. @throws {GodwitError} INVALID_ARGUMENT */
export function integer(option: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) throw new GodwitError('INVALID_ARGUMENT', `${option} must be an integer from ${least} to ${most}, not '${text}'`);
  return value;
}

/** A name for a node that was given none: unlike those of other roles and machines. */
export function defaultName(role: 'edge' | 'device'): string {
  return `${role}-${hostname().split('.')[0]?.replace(strangeInNames, '-') || 'local'}`.slice(0, 128);
}

/** parseArgs explains at length how to pass a positional that begins with a dash. */
function firstSentence(message: string): string {
  return message.split('. ')[0] ?? message;
}
