/** Every rule of the check, by its stable code; each has a page in docs/errors. @public */
export const findingTitles = {
  GW1001: 'a captured variable changes',
  GW1002: 'a variable of an enclosing function is captured',
  GW1003: 'a captured object is changed',
  GW1004: 'a captured constant would differ from host to host',
  GW1005: 'the function depends on how it is called',
  GW1006: 'import.meta is captured',
  GW1007: 'a global is captured that may not be used in a guest',
  GW1008: 'an import is captured that only a device has',
  GW2001: 'what may move is not at the top of its module',
  GW2002: 'what may move has no name',
  GW2003: 'the name is not valid, or taken',
  GW2004: 'this kind of function cannot be elastic',
  GW2005: 'the file cannot be read as a module',
  GW2006: "the directive 'use elastic' is not in its place",
} as const;

/** A stable code of a rule. @public */
export type FindingCode = keyof typeof findingTitles;

/** What a rule found: plain data. Lines and columns begin at 1; a column counts UTF-16 units. @public */
export interface Finding {
  readonly code: FindingCode;
  /** What is wrong, with the captured name; lower case, no period. */
  readonly message: string;
  /** What to do. */
  readonly fix: string;
  /** The captured name, where the finding is about one. */
  readonly name?: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  /** The lines around, with the place underlined. */
  readonly frame: string;
  /** The page about the code, from the package's folder. */
  readonly page: string;
}

/** What distinguishes one finding from another of its code. */
export interface FindingText {
  readonly message: string;
  readonly fix: string;
  readonly name?: string;
}

/** The finding at `range` of a file. */
export function createFinding(
  { path, code }: { path: string; code: string },
  [start, end]: readonly [number, number],
  rule: FindingCode,
  text: FindingText,
): Finding {
  const from = placeAt(code, start);
  const to = placeAt(code, Math.max(start, end));
  return {
    code: rule,
    ...text,
    file: path,
    line: from.line,
    column: from.column,
    endLine: to.line,
    endColumn: to.column,
    frame: frameOf(code, from, to),
    page: `docs/errors/${rule}.md`,
  };
}

/** Findings for people: place, message, frame, fix and page of each. */
export function formatFindings(findings: readonly Finding[]): string {
  return findings
    .map(
      ({ file, line, column, code, message, frame, fix, page }) =>
        `${file}:${line}:${column}: ${code}: ${message}\n\n${frame}\n\n  fix: ${fix}\n  see: ${page}`,
    )
    .join('\n\n');
}

interface Place {
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

/** The place of an offset. */
export function placeAt(code: string, offset: number): Place {
  let line = 1;
  let start = 0;
  for (let end = code.indexOf('\n'); end >= 0 && end < offset; end = code.indexOf('\n', start)) {
    line += 1;
    start = end + 1;
  }
  return { line, column: offset - start + 1 };
}

/** The offset of a place; the inverse of {@link placeAt}. */
export function offsetAt(code: string, line: number, column: number): number {
  let start = 0;
  for (let at = 1; at < line; at++) start = code.indexOf('\n', start) + 1;
  return start + column - 1;
}

const linesBefore = 2;
const linesAfter = 1;
/** Of longer lines (of compiled or minified code) this much is shown, around the place, so that a frame stays readable. */
const maxFrameColumns = 160;
/** So many of them lie before the place. */
const columnsBefore = 40;
const cut = '…';

function frameOf(code: string, from: Place, to: Place): string {
  const lines = code.split(/\r?\n/);
  const first = Math.max(1, from.line - linesBefore);
  const last = Math.min(lines.length, from.line + linesAfter);
  const width = String(last).length;
  const drawn: string[] = [];
  for (let number = first; number <= last; number++) {
    const line = lines[number - 1] ?? '';
    const here = number === from.line;
    const start = here ? windowStart(line, from.column) : 0;
    const text = shown(line, start);
    drawn.push(`${here ? '>' : ' '} ${String(number).padStart(width)} | ${text}`.trimEnd());
    if (!here) continue;
    const at = from.column - 1 - start;
    const until = to.line === from.line ? to.column - 1 - start : text.length;
    // Tabs stay tabs, so that the caret stands below the place whatever their width.
    const indent = text.slice(0, at).replace(/[^\t]/g, ' ');
    drawn.push(`  ${' '.repeat(width)} | ${indent}${'^'.repeat(Math.max(1, Math.min(until, text.length) - at))}`);
  }
  return drawn.join('\n');
}

/** Where the part of a line begins that shows `column`. */
function windowStart(line: string, column: number): number {
  return line.length <= maxFrameColumns || column <= maxFrameColumns / 2 ? 0 : column - 1 - columnsBefore;
}

function shown(line: string, start: number): string {
  const end = start + maxFrameColumns;
  const part = line.slice(start, end);
  return `${start > 0 ? cut + part.slice(1) : part}${end < line.length ? cut : ''}`;
}
