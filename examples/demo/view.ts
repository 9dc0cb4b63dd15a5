import { formatBar } from './format.js';

/** How far the demo is. */
export interface Progress {
  readonly frame: number;
  readonly frames: number;
  /** Where the detector is. */
  readonly node: string;
  readonly tier: string;
  /** Simulated, from 0 to 1. */
  readonly battery: number;
  readonly responseMs: number;
  /** What the frame shows. */
  readonly found: string;
  /** What happens beside: a move under way; empty for nothing. */
  readonly activity: string;
}

/** Who tells the story. */
export interface View {
  /** One line of the story. */
  say(line: string): void;
  /** A frame was answered, or an activity began or ended. */
  show(progress: Progress): void;
  /** Leaves the terminal as it was; idempotent. */
  end(): void;
}

/** The story alone, line by line: for files and pipes. */
export function createPlainView(out: NodeJS.WritableStream): View {
  return {
    say: (line) => void out.write(`${line}\n`),
    show: () => {},
    end: () => {},
  };
}

const esc = '\u001b[';
const hideCursor = `${esc}?25l`;
const showCursor = `${esc}?25h`;
const clearBelow = `${esc}J`;
const bold = (text: string) => `${esc}1m${text}${esc}0m`;
const dim = (text: string) => `${esc}2m${text}${esc}0m`;
const green = (text: string) => `${esc}32m${text}${esc}0m`;
const barColumns = 24;
/** Of the words before a text. */
const labelColumns = 12;

/** The story above, and below it where the detector is, redrawn in place. */
export function createLiveView(out: NodeJS.WriteStream): View {
  let drawn = 0;
  let newest: Progress | undefined;
  let ended = false;

  function erase(): string {
    return drawn === 0 ? '' : `${esc}${drawn}A${clearBelow}`;
  }

  function draw(line: string | undefined): void {
    const picture = newest === undefined || ended ? [] : pictureOf(newest, out.columns || 80);
    // One write: a terminal shows no half-drawn picture.
    out.write(`${erase()}${line === undefined ? '' : `${line}\n`}${picture.map((row) => `${row}\n`).join('')}`);
    drawn = picture.length;
  }

  out.write(hideCursor);
  return {
    // Tables, which come at the end, are left as they are.
    say: (line) => draw(ended ? line : wrap(line, out.columns || 80).join('\n')),
    show(progress) {
      newest = progress;
      draw(undefined);
    },
    end() {
      if (ended) return;
      ended = true;
      draw(undefined);
      out.write(showCursor);
    },
  };
}

/** A line of the story cut between words; what follows is indented. */
function wrap(line: string, columns: number): string[] {
  const rows: string[] = [];
  let row = '';
  for (const word of line.split(/(?<=\S)(?= )/)) {
    if (row !== '' && row.length + word.length > columns) {
      rows.push(row);
      row = `   ${word}`;
    } else row += word;
  }
  return [...rows, row];
}

function pictureOf({ frame, frames, node, tier, battery, responseMs, found, activity }: Progress, columns: number): string[] {
  const fits = (text: string) => text.slice(0, Math.max(1, columns - labelColumns));
  return [
    '',
    `  ${dim('detector ')} ${green(bold(node))} ${fits(`(${tier})${activity === '' ? '' : `  … ${activity}`}`)}`,
    `  ${dim('battery  ')} ${formatBar(battery, barColumns)} ${Math.round(battery * 100)} % simulated`,
    `  ${dim('frames   ')} ${formatBar(frame / frames, barColumns)} ${frame} of ${frames}`,
    `  ${dim('answer in')} ${Math.round(responseMs)} ms`,
    `  ${dim('found    ')} ${fits(found)}`,
  ];
}
