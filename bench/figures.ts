import type { Table } from './benchmark.ts';

/** The middle of them, or halfway between the two middle ones. There must be one at least. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  if (low === undefined || high === undefined) throw new RangeError('There is no median of nothing.');
  return (low + high) / 2;
}

/** Several measurements of the same thing as `0.61 s (0.58 to 0.70)`: the median, the fastest and the slowest. */
export function timesToText(timesMs: readonly number[]): string {
  const seconds = (ms: number) => (ms / 1000).toFixed(2);
  const range = `${seconds(Math.min(...timesMs))} to ${seconds(Math.max(...timesMs))}`;
  return `${seconds(median(timesMs))} s${timesMs.length > 1 ? ` (${range})` : ''}`;
}

/** Decimal megabytes. */
export function bytesToText(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Columns of equal width: the first flush left, the others flush right. */
export function tableToText(table: Table): string {
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
  return table.map((row) => line(row).join('   ').trimEnd()).join('\n');
}
