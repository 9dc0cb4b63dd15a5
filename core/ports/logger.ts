export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Structured log. `event` is a stable dotted name; `fields` hold plain JSON values. */
export interface Logger {
  log(level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>): void;
}

export const silentLogger: Logger = { log() {} };
