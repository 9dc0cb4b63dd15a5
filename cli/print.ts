// How commands write what they found: text that a terminal may be trusted with, tables, and JSON.
import { exitOk } from './exit.js';

/** Control characters, and those that turn the direction of text: a name from afar must not move the cursor. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
const unprintable = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The text with every unprintable character but the end of a line written as `\u{…}`. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => `\\u{${character.charCodeAt(0).toString(16)}}`);
}

/** Likewise, but a tab stays one: code is indented with it, and what points into code stands below its place. */
export function printableCode(text: string): string {
  return text.split('\t').map(printable).join('\t');
}

/** Writes one block of text to standard output. @returns the exit code of success */
export function say(text: string): number {
  process.stdout.write(`${text}\n`);
  return exitOk;
}

/** One line of JSON of a message or of plain values: without what describes its type, and with every integer as a number. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value, (key, part: unknown) => (key.startsWith('$') ? undefined : typeof part === 'bigint' ? Number(part) : part));
}

/** Lines of columns as wide as their widest cell. @param right indices of columns whose cells stand to the right */
export function table(rows: ReadonlyArray<readonly string[]>, right: readonly number[] = []): string[] {
  const cells = rows.map((row) => row.map(printable));
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row) =>
    row
      .map((cell, column) => (right.includes(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
      .join('  ')
      .trimEnd(),
  );
}
