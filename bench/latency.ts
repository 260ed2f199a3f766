/** How long things took; milliseconds. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly count: number;
}

/** The value that so many per cent of them do not exceed (nearest rank). There must be one at least. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const found = sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
  if (found === undefined) throw new RangeError('There is no percentile of nothing.');
  return found;
}

export function toLatency(timesMs: readonly number[]): Latency {
  return {
    p50: percentile(timesMs, 50),
    p99: percentile(timesMs, 99),
    max: Math.max(...timesMs),
    count: timesMs.length,
  };
}
