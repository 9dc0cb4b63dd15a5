import type { Verdict } from './suite.js';

/** Lines of a table with aligned columns. */
export function formatTable(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string[] {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd();
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)];
}

export function formatVerdict({ of, bound, measured, met }: Verdict): string {
  const sign = of.startsWith('ratio') ? '≥' : '≤';
  return `${met ? 'pass' : 'SHORT'}: ${of} ${measured.toFixed(2)} (${sign} ${bound})`;
}
