/** A horizontal bar of `columns` characters. @param share from 0 to 1 */
export function formatBar(share: number, columns: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * columns);
  return '█'.repeat(full) + '░'.repeat(columns - full);
}

/** '117 B', '38.4 KiB', '4.2 MiB', '11.8 GiB'. */
export function formatBytes(bytes: number): string {
  const [unit, size] = bytes < 2 ** 20 ? ['KiB', 2 ** 10] : bytes < 2 ** 30 ? ['MiB', 2 ** 20] : ['GiB', 2 ** 30];
  return bytes < 2 ** 10 ? `${bytes} B` : `${(bytes / size).toFixed(1)} ${unit}`;
}

/** '83 ms', '0.4 ms'. */
export function formatMs(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** '12.3 M/s', '840 k/s'. */
export function formatRate(perSecond: number): string {
  return perSecond >= 1e6 ? `${(perSecond / 1e6).toFixed(1)} M/s` : `${Math.round(perSecond / 1e3)} k/s`;
}

/** Rows as aligned columns below their heads; columns of numbers are aligned to the right. */
export function formatTable(heads: readonly string[], rows: readonly (readonly string[])[], right: readonly number[]): string[] {
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => (row[column] ?? '').length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (right.includes(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  return [line(heads), heads.map((head, column) => '─'.repeat(column < heads.length - 1 ? (widths[column] ?? 0) : head.length)).join('  '), ...rows.map(line)];
}
