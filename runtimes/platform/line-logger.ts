import type { Logger, LogLevel } from '#core';

/** Options of {@link createLineLogger}. @public */
export interface LineLoggerOptions {
  /** 'json': one object a line, for machines; 'text': time, level, event and fields, for people. Default 'text'. */
  readonly format?: 'json' | 'text';
  /** Lowest level that is written; default 'info'. */
  readonly level?: LogLevel;
  /** Fields of every line, e.g. the node's name. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Takes one line without its end; default: standard error. */
  readonly write?: (line: string) => void;
  /** Wall-clock time; default: the system's. */
  readonly time?: () => Date;
}

const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** A logger that writes one line an event. Never throws: fields that are no JSON are written as text. @public */
export function createLineLogger(options: LineLoggerOptions = {}): Logger {
  const { format = 'text', level: lowest = 'info', fields: common = {}, time = () => new Date() } = options;
  const write = options.write ?? ((line: string) => void process.stderr.write(`${line}\n`));
  const from = levels.indexOf(lowest);
  return {
    log(level, event, fields) {
      if (levels.indexOf(level) < from) return;
      const all = { ...common, ...fields };
      const at = time().toISOString();
      write(format === 'json' ? jsonFrom({ time: at, level, event, ...all }) : `${at.slice(11, 23)} ${level.padEnd(5)} ${event}${textFrom(all)}`);
    },
  };
}

function textFrom(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .map(([name, value]) => ` ${name}=${typeof value === 'string' && !/[\s"=]/.test(value) ? value : jsonFrom(value)}`)
    .join('');
}

function jsonFrom(value: unknown): string {
  try {
    return JSON.stringify(value, plain) ?? 'undefined';
  } catch (thrown) {
    return JSON.stringify({ unserialisable: String(thrown) });
  }
}

/** Errors and BigInts have no JSON of their own. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error) return { name: value.name, message: value.message, ...('code' in value ? { code: String(value.code) } : {}) };
  return value;
}
